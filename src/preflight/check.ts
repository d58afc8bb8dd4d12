import type { Auth0Client } from '../auth0/client';
import { applicationPermissionsPage, BadCredentials, Gone, MissingScope } from '../auth0/errors';
import type { ListRequest } from '../auth0/request';
import { toFailureDetails } from '../errors';
import type { StreamDescriptor } from '../streams/descriptor';
import { getStream, streams } from '../streams/registry';

export interface CheckReport {
  /** Why the tenant cannot be read at all; the message is complete for the user. */
  failure?: { exitCode: number; message: string };
  /** Scopes that the token lacks, by the streams that need them. */
  missingScopes: { stream: string; scopes: string[] }[];
}

/**
 * Requests one row of each list, which shows whether the token may read the streams. A tenant without any rows passes.
 * @param requested names of the streams to check; the lists of their parents are requested as well
 */
export async function checkTenant(
  client: Auth0Client,
  requested: readonly string[] = streams.map(({ name }) => name),
): Promise<CheckReport> {
  // Credentials that Auth0 rejects fail the first request instead.
  const granted = await client.getScopes().catch(() => undefined);
  const missingScopes: CheckReport['missingScopes'] = [];
  /** By parent stream: the id of one of its rows. */
  const parentIds = new Map<string, string>();

  function addMissingScopes(stream: string, refusal?: MissingScope): void {
    const scopes = listLackingScopes(stream, granted, refusal);
    if (scopes.length > 0) missingScopes.push({ stream, scopes });
  }

  /** @param mayBeGone whether the parent may have been deleted since its list was read */
  async function sendProbe(stream: string, request: ListRequest, mayBeGone: boolean): Promise<CheckReport['failure']> {
    try {
      const { rows } = await client.getPage(request, {});
      if (rows[0]) parentIds.set(stream, rows[0][request.key] as string);
    } catch (error) {
      if (mayBeGone && error instanceof Gone) return undefined;
      if (!(error instanceof MissingScope)) return toFailure(stream, error);
      addMissingScopes(stream, error);
    }
    return undefined;
  }

  const isRequested = ({ name }: StreamDescriptor): boolean => requested.includes(name);
  const children = streams.filter((stream) => stream.reader === 'children' && isRequested(stream));
  const isParent = ({ name }: StreamDescriptor): boolean => children.some(({ parent }) => parent === name);
  const lists = streams.filter((stream) => stream.probe && (isRequested(stream) || isParent(stream)));
  for (const { name, probe, parent = '', child } of [...lists, ...children]) {
    const parentId = parentIds.get(parent);
    const request = probe ?? (parentId === undefined ? undefined : child?.request(parentId, child.probeQuery));
    const failure = request && (await sendProbe(name, request, !probe));
    if (failure) return { failure, missingScopes };
    // A parent stream without rows has no child list to request, but the token may show what it lacks.
    if (!request) addMissingScopes(name);
  }
  return { missingScopes };
}

function toFailure(stream: string, error: unknown): NonNullable<CheckReport['failure']> {
  const { message } = error as Error;
  return {
    exitCode: toFailureDetails(error).exitCode,
    message: error instanceof BadCredentials ? message : `${stream}: ${message}`,
  };
}

/** The report as one message; undefined when there is no problem. */
export function formatCheckProblem({ failure, missingScopes }: CheckReport): string | undefined {
  if (failure) return failure.message;
  if (missingScopes.length === 0) return undefined;
  const needs = missingScopes.map(({ stream, scopes }) => `${stream} (needs ${scopes.join(' and ')})`).join(', ');
  const scopes = [...new Set(missingScopes.flatMap((missing) => missing.scopes))].join(' ');
  return (
    `The credentials are valid, but scopes are missing to read ${needs}. Grant them to the application in Auth0 ` +
    `(${applicationPermissionsPage}): ${scopes}`
  );
}

/**
 * The scopes that a token lacks for a stream, as far as they are known.
 * @param granted the token's scopes; undefined when the token does not list them
 * @param refusal Auth0's refusal of a request for the stream, which may name alternatives
 */
export function listLackingScopes(
  stream: string,
  granted: readonly string[] | undefined,
  refusal?: MissingScope,
): string[] {
  const { scopes } = getStream(stream);
  const lacking = granted ? scopes.filter((scope) => !granted.includes(scope)) : [];
  if (lacking.length > 0 || !refusal) return lacking;
  const named = scopes.filter((scope) => refusal.scopes.includes(scope));
  return [named, refusal.scopes, scopes].find((list) => list.length > 0) ?? [];
}
