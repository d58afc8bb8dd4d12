import type { Auth0Client } from '../auth0/client';
import { applicationPermissionsPage, BadCredentials, Gone, MissingScope } from '../auth0/errors';
import type { ListRequest } from '../auth0/request';
import { toFailureDetails } from '../errors';
import type { StreamDescriptor } from '../streams/descriptor';
import { streams } from '../streams/registry';
import { listLackingScopes } from './scopes';

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
  return new TenantCheck(client, await readGrantedScopes(client)).run(requested);
}

/** The token's scopes, if known. Credentials that Auth0 rejects fail the first request instead. */
async function readGrantedScopes(client: Auth0Client): Promise<string[] | undefined> {
  try {
    return await client.getScopes();
  } catch {
    return undefined;
  }
}

class TenantCheck {
  private readonly missingScopes: CheckReport['missingScopes'] = [];
  /** By parent stream: the id of one of its rows. */
  private readonly parentIds = new Map<string, string>();

  constructor(
    private readonly client: Auth0Client,
    private readonly granted: readonly string[] | undefined,
  ) {}

  async run(requested: readonly string[]): Promise<CheckReport> {
    const isRequested = ({ name }: StreamDescriptor): boolean => requested.includes(name);
    const children = streams.filter((stream) => stream.reader === 'children' && isRequested(stream));
    const isParent = ({ name }: StreamDescriptor): boolean => children.some(({ parent }) => parent === name);
    const lists = streams.filter((stream) => isRequested(stream) || isParent(stream));
    for (const stream of [...lists.filter(({ probe }) => probe), ...children]) {
      const failure = await this.checkStream(stream);
      if (failure) return { failure, missingScopes: this.missingScopes };
    }
    return { missingScopes: this.missingScopes };
  }

  private async checkStream({ name, probe, parent = '', child }: StreamDescriptor): Promise<CheckReport['failure']> {
    const parentId = this.parentIds.get(parent);
    if (probe) return this.sendProbe(name, probe);
    if (child && parentId !== undefined) return this.sendProbe(name, child.request(parentId, child.probeQuery), true);
    // A parent stream without rows has no child list to request, but the token may show what it lacks.
    this.addMissingScopes(name, listLackingScopes(name, this.granted));
    return undefined;
  }

  /** @param mayBeGone whether the parent may have been deleted since its list was read */
  private async sendProbe(stream: string, request: ListRequest, mayBeGone = false): Promise<CheckReport['failure']> {
    try {
      const { rows } = await this.client.getPage(request, {});
      if (rows[0]) this.parentIds.set(stream, rows[0][request.key] as string);
    } catch (error) {
      if (mayBeGone && error instanceof Gone) return undefined;
      if (!(error instanceof MissingScope)) return toFailure(stream, error);
      this.addMissingScopes(stream, listLackingScopes(stream, this.granted, error));
    }
    return undefined;
  }

  private addMissingScopes(stream: string, scopes: string[]): void {
    if (scopes.length > 0) this.missingScopes.push({ stream, scopes });
  }
}

function toFailure(stream: string, error: unknown): NonNullable<CheckReport['failure']> {
  const { message } = error as Error;
  const { exitCode } = toFailureDetails(error);
  return { exitCode, message: error instanceof BadCredentials ? message : `${stream}: ${message}` };
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
