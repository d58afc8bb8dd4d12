import type { Auth0Client } from '../auth0/client';
import { BadCredentials, Gone, MissingScope } from '../auth0/errors';
import type { ListRequest } from '../auth0/request';
import { toFailureDetails } from '../errors';
import { listMissingScopes, streams } from '../streams/registry';

/** What a check found. */
export interface CheckReport {
  /** Why the tenant cannot be read at all; the message is complete for the user. */
  failure?: { exitCode: number; message: string };
  /** Scopes that the token lacks, by the streams that need them. */
  missingScopes: { stream: string; scopes: string[] }[];
}

/**
 * Asks for the least that shows whether each stream can be read: one row of each list. A tenant without organizations
 * (or without anything) is as good as a full one.
 * @param requested the streams that matter; the list of organizations leads to those of members
 */
export async function checkTenant(
  client: Auth0Client,
  requested: readonly string[] = streams.map(({ name }) => name),
): Promise<CheckReport> {
  const granted = await readGrantedScopes(client);
  const missingScopes: CheckReport['missingScopes'] = [];
  const isWanted = (stream: string): boolean => requested.includes(stream);
  /** By parent stream: the id of one of its rows. */
  const parentIds = new Map<string, string>();

  async function ask(stream: string, request: ListRequest, mayBeGone = false): Promise<CheckReport['failure']> {
    try {
      const page = await client.getPage(request, {});
      const [first] = page.rows;
      if (first) parentIds.set(stream, first[request.key] as string);
      return undefined;
    } catch (error) {
      if (mayBeGone && error instanceof Gone) return undefined;
      if (!(error instanceof MissingScope)) {
        const { message } = error as Error;
        const { exitCode } = toFailureDetails(error);
        return { exitCode, message: error instanceof BadCredentials ? message : `${stream}: ${message}` };
      }
      const lacking = listMissingScopes(stream, granted);
      missingScopes.push({ stream, scopes: lacking.length > 0 ? lacking : error.scopes });
      return undefined;
    }
  }

  const children = streams.filter(({ name, reader }) => reader === 'children' && isWanted(name));
  const isParent = (stream: string): boolean => children.some(({ parent }) => parent === stream);
  for (const { name, probe } of streams.filter(({ name }) => isWanted(name) || isParent(name))) {
    const failure = probe && (await ask(name, probe));
    if (failure) return { failure, missingScopes };
  }
  for (const { name, parent = '', child } of children) {
    const parentId = parentIds.get(parent);
    if (child && parentId !== undefined) {
      const failure = await ask(name, child.request(parentId, child.probeQuery), true);
      if (failure) return { failure, missingScopes };
      continue;
    }
    // Without a parent there is no child list to ask for; the token's scopes may tell.
    const scopes = listMissingScopes(name, granted);
    if (scopes.length > 0) missingScopes.push({ stream: name, scopes });
  }
  return { missingScopes };
}

/** Scopes of the token, when they can be told; what is wrong with the token shows at the first request. */
async function readGrantedScopes(client: Auth0Client): Promise<string[] | undefined> {
  try {
    return await client.getScopes();
  } catch {
    return undefined;
  }
}

/** The report in one message, or undefined when all is well. */
export function formatCheckProblem({ failure, missingScopes }: CheckReport): string | undefined {
  if (failure) return failure.message;
  if (missingScopes.length === 0) return undefined;
  const needs = missingScopes.map(({ stream, scopes }) => `${stream} (needs ${scopes.join(' and ')})`).join(', ');
  const grant = [...new Set(missingScopes.flatMap(({ scopes }) => scopes))].join(' ');
  return (
    `The credentials are valid, but scopes are missing to read ${needs}. Grant them to the application in Auth0 ` +
    `(Applications > APIs > Auth0 Management API > Machine to Machine Applications): ${grant}`
  );
}
