import { createTenants } from '../activities/tenants';
import type { Auth0Client } from '../auth0/client';
import { getDocumentedRefill } from '../auth0/rate-limit/endpoint-groups';
import type { PacerSnapshot } from '../auth0/rate-limit/pacer';
import type { Connection } from '../config/project';
import { resolveSecrets } from '../config/references';
import type { SourceConfig } from '../config/source';
import { exitCodes, getExitCodeByName } from '../errors';
import { listRequiredScopes } from '../streams/registry';
import { type CheckReport, checkTenant } from './check';
import { createErrorFinding, createOkFinding, createWarning, type Finding, toErrorFinding } from './finding';

/** Longest wait for the tenant's limit. */
const maxRateLimitWaitMs = 20_000;
/** A token of a signed-in key is refused when clocks differ by more than some seconds. */
const maxClockSkewMs = 10_000;

/** Buckets so small say nothing of others when they are empty. */
const minWarnedBucketSize = 20;

const permissionsPage = 'Applications > APIs > Auth0 Management API > Machine to Machine Applications';

/** Looks whether a connection's tenant lets it in, and what its token may read; with a handful of requests. */
export async function inspectTenant(connection: Connection): Promise<Finding[]> {
  let config: SourceConfig;
  try {
    config = await resolveSecrets(connection);
  } catch (error) {
    return [toErrorFinding('credentials', error)];
  }
  const tenants = createTenants({ resolveSource: () => Promise.resolve(config), maxWaitMs: maxRateLimitWaitMs });
  const differences: number[] = [];
  try {
    const { client, readLimits } = await tenants.getTenant(connection.name);
    const wanted = connection.streams.map(({ name }) => name);
    const report = await checkTenant(recordClockSkew(client, differences), wanted);
    if (report.failure) {
      const { type, message } = report.failure;
      return [createErrorFinding('tenant', getExitCodeByName(type), message)];
    }
    return [
      createOkFinding('tenant', `${config.baseUrl} answers, and takes the credentials.`),
      ...inspectScopes(wanted, report, await client.getScopes()),
      ...inspectClock(differences),
      ...inspectBudget(readLimits().buckets),
    ];
  } catch (error) {
    return [toErrorFinding('tenant', error)];
  } finally {
    tenants.close();
  }
}

/** A client that notes by how much the tenant's clock is ahead, ms; its headers tell whole seconds. */
function recordClockSkew(client: Auth0Client, skewsMs: number[]): Auth0Client {
  return {
    ...client,
    async getPage(request, call) {
      const page = await client.getPage(request, call);
      skewsMs.push(page.respondedAt - Date.now());
      return page;
    },
  };
}

function inspectScopes(streams: readonly string[], report: CheckReport, granted: string[] | undefined): Finding[] {
  const findings = report.missingScopes.map(({ stream, scopes }) =>
    createErrorFinding(
      'scopes',
      exitCodes.credentials,
      `${stream} can't be read without ${scopes.join(' ')}.`,
      formatGrantStep(scopes),
    ),
  );
  if (!granted) return [...findings, createOkFinding('scopes', 'The token does not tell which it has.')];
  const { needed, optional } = listRequiredScopes(streams);
  const has = [...needed, ...optional.map(({ scope }) => scope)].filter((scope) => granted.includes(scope));
  const spare = granted.filter((scope) => !has.includes(scope));
  return [
    ...(has.length > 0 ? [createOkFinding('scopes', `Held and used: ${has.join(' ')}.`)] : []),
    ...findings,
    ...optional
      .filter(({ scope }) => !granted.includes(scope))
      .map(({ scope, stream, fields }) =>
        createWarning('scopes', `Without ${scope}, ${stream} has no ${fields.join(', ')}.`, formatGrantStep([scope])),
      ),
    ...(spare.length > 0
      ? [createWarning('scopes', `Held, and not needed: ${spare.join(' ')}.`, `Take them away: ${permissionsPage}.`)]
      : []),
  ];
}

function formatGrantStep(scopes: readonly string[]): string {
  return `Grant ${scopes.join(' ')} to the application: ${permissionsPage}.`;
}

function inspectClock(skewsMs: readonly number[]): Finding[] {
  // The header is cut to whole seconds, and some time has passed since.
  const ahead = Math.max(...skewsMs);
  if (!Number.isFinite(ahead)) return [];
  const seconds = Math.round(Math.abs(ahead) / 1_000);
  if (Math.abs(ahead) <= maxClockSkewMs)
    return [createOkFinding('clock', 'That of the tenant and that of this machine agree.')];
  return [
    createWarning(
      'clock',
      `That of the tenant is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} that of this machine.`,
      'Set the clock of this machine by a time server: signing in with a private key may fail.',
    ),
  ];
}

function inspectBudget(buckets: PacerSnapshot['buckets']): Finding[] {
  if (buckets.length === 0) return [createOkFinding('budget', 'The tenant names no rate limit.')];
  return buckets.map(({ name, limit, remaining, perSecond, foreignPerSecond }) => {
    const whose = name === 'tenant' ? 'the tenant' : name;
    // So few requests show only that it is not less than so much, and less than is documented it is not.
    const rate = Math.max(perSecond, getDocumentedRefill(limit));
    const refill = rate > 0 ? `, ${Number(rate.toPrecision(2))} a second or more come back` : '';
    const others = foreignPerSecond > 0 ? `, others take ${Number(foreignPerSecond.toPrecision(2))} a second` : '';
    const told = `For ${whose}: ${Math.floor(remaining)} of ${limit} requests are left${refill}${others}.`;
    return limit > minWarnedBucketSize && remaining < limit / 10
      ? createWarning('budget', told, 'Syncs wait for it; see who else uses the tenant.')
      : createOkFinding('budget', told);
  });
}
