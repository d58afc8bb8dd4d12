import { checkTenant, type CheckReport } from '../activities/check';
import { createTenants } from '../activities/tenant';
import type { Auth0Client } from '../auth0/client';
import type { PacerSnapshot } from '../auth0/pacer';
import { documentedRefill } from '../auth0/rate-group';
import type { Connection } from '../config/project';
import { resolveSecrets } from '../config/references';
import type { SourceConfig } from '../config/source';
import { scopesWanted } from '../streams/scopes';
import { exitCodeOf, exitCodes } from './exit';
import { ok, warning, wrong, wrongOf, type Finding } from './finding';

/** Longest wait for the tenant's limit. */
const maxWaitMs = 20_000;
/** A token of a signed-in key is refused when clocks differ by more than some seconds. */
const tolerableMs = 10_000;

/** Buckets so small say nothing of others when they are empty. */
const smallest = 20;

const permissions = 'Applications > APIs > Auth0 Management API > Machine to Machine Applications';

/** Looks whether a connection's tenant lets it in, and what its token may read; with a handful of requests. */
export async function tenantFindings(connection: Connection): Promise<Finding[]> {
  let config: SourceConfig;
  try {
    config = await resolveSecrets(connection);
  } catch (error) {
    return [wrongOf('credentials', error)];
  }
  const tenants = createTenants({ resolve: () => Promise.resolve(config), maxWaitMs });
  const differences: number[] = [];
  try {
    const { client, limits } = await tenants.tenantOf(connection.name);
    const wanted = connection.streams.map(({ name }) => name);
    const report = await checkTenant(watched(client, differences), wanted);
    if (report.failure) {
      const { type, message } = report.failure;
      return [wrong('tenant', exitCodeOf(type), message)];
    }
    return [
      ok('tenant', `${config.baseUrl} answers, and takes the credentials.`),
      ...scopeFindings(wanted, report, await client.scopes()),
      ...clockFindings(differences),
      ...budgetFindings(limits().buckets),
    ];
  } catch (error) {
    return [wrongOf('tenant', error)];
  } finally {
    tenants.close();
  }
}

/** A client that notes by how much the tenant's clock is ahead, ms; its headers tell whole seconds. */
function watched(client: Auth0Client, differences: number[]): Auth0Client {
  return {
    ...client,
    async list(request, call) {
      const page = await client.list(request, call);
      differences.push(page.at - Date.now());
      return page;
    },
  };
}

function scopeFindings(streams: readonly string[], report: CheckReport, held: string[] | undefined): Finding[] {
  const findings = report.missingScopes.map(({ stream, scopes }) =>
    wrong('scopes', exitCodes.credentials, `${stream} can't be read without ${scopes.join(' ')}.`, grant(scopes)),
  );
  if (!held) return [...findings, ok('scopes', 'The token does not tell which it has.')];
  const { needed, optional } = scopesWanted(streams);
  const has = [...needed, ...optional.map(({ scope }) => scope)].filter((scope) => held.includes(scope));
  const spare = held.filter((scope) => !has.includes(scope));
  return [
    ...(has.length > 0 ? [ok('scopes', `Held and used: ${has.join(' ')}.`)] : []),
    ...findings,
    ...optional
      .filter(({ scope }) => !held.includes(scope))
      .map(({ scope, stream, fields }) =>
        warning('scopes', `Without ${scope}, ${stream} has no ${fields.join(', ')}.`, grant([scope])),
      ),
    ...(spare.length > 0
      ? [warning('scopes', `Held, and not needed: ${spare.join(' ')}.`, `Take them away: ${permissions}.`)]
      : []),
  ];
}

function grant(scopes: readonly string[]): string {
  return `Grant ${scopes.join(' ')} to the application: ${permissions}.`;
}

function clockFindings(differences: readonly number[]): Finding[] {
  // The header is cut to whole seconds, and some time has passed since.
  const ahead = Math.max(...differences);
  if (!Number.isFinite(ahead)) return [];
  const seconds = Math.round(Math.abs(ahead) / 1_000);
  if (Math.abs(ahead) <= tolerableMs) return [ok('clock', 'That of the tenant and that of this machine agree.')];
  return [
    warning(
      'clock',
      `That of the tenant is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} that of this machine.`,
      'Set the clock of this machine by a time server: signing in with a private key may fail.',
    ),
  ];
}

function budgetFindings(buckets: PacerSnapshot['buckets']): Finding[] {
  if (buckets.length === 0) return [ok('budget', 'The tenant names no rate limit.')];
  return buckets.map(({ name, limit, remaining, perSecond, foreignPerSecond }) => {
    const whose = name === 'tenant' ? 'the tenant' : name;
    // So few requests show only that it is not less than so much, and less than is documented it is not.
    const rate = Math.max(perSecond, documentedRefill(limit));
    const refill = rate > 0 ? `, ${Number(rate.toPrecision(2))} a second or more come back` : '';
    const others = foreignPerSecond > 0 ? `, others take ${Number(foreignPerSecond.toPrecision(2))} a second` : '';
    const told = `For ${whose}: ${Math.floor(remaining)} of ${limit} requests are left${refill}${others}.`;
    return limit > smallest && remaining < limit / 10
      ? warning('budget', told, 'Syncs wait for it; see who else uses the tenant.')
      : ok('budget', told);
  });
}
