import { createTenants } from '../activities/tenants';
import type { Auth0Client } from '../auth0/client';
import { getDocumentedRefill } from '../auth0/rate-limit/endpoint-groups';
import type { PacerSnapshot } from '../auth0/rate-limit/pacer';
import type { ShellContext } from '../config/environment';
import type { Connection } from '../config/project';
import { resolveSecrets } from '../config/references';
import type { SourceConfig } from '../config/source';
import { exitCodes } from '../errors';
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
export async function inspectTenant(connection: Connection, shell: ShellContext): Promise<Finding[]> {
  let config: SourceConfig;
  try {
    config = await resolveSecrets(connection, shell);
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
      const { exitCode, message } = report.failure;
      return [createErrorFinding('tenant', exitCode, message)];
    }
    return [
      createOkFinding('tenant', `${config.baseUrl} is reachable and accepts the credentials.`),
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
      `${stream} cannot be read without ${scopes.join(' ')}.`,
      formatGrantStep(scopes),
    ),
  );
  if (!granted) return [...findings, createOkFinding('scopes', 'The token does not list its scopes.')];
  const { needed, optional } = listRequiredScopes(streams);
  const has = [...needed, ...optional.map(({ scope }) => scope)].filter((scope) => granted.includes(scope));
  const spare = granted.filter((scope) => !has.includes(scope));
  return [
    ...(has.length > 0 ? [createOkFinding('scopes', `Granted and used: ${has.join(' ')}.`)] : []),
    ...findings,
    ...optional
      .filter(({ scope }) => !granted.includes(scope))
      .map(({ scope, stream, fields }) =>
        createWarning('scopes', `Without ${scope}, ${stream} lacks ${fields.join(', ')}.`, formatGrantStep([scope])),
      ),
    ...(spare.length > 0
      ? [createWarning('scopes', `Granted but not needed: ${spare.join(' ')}.`, `Revoke them: ${permissionsPage}.`)]
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
    return [createOkFinding('clock', 'The clocks of the tenant and of this machine agree.')];
  return [
    createWarning(
      'clock',
      `The tenant's clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} the clock of this machine.`,
      'Synchronize the clock of this machine (NTP); authentication with a private key may fail.',
    ),
  ];
}

function inspectBudget(buckets: PacerSnapshot['buckets']): Finding[] {
  if (buckets.length === 0) return [createOkFinding('budget', 'The tenant reports no rate limit.')];
  return buckets.map(({ name, limit, remaining, perSecond, foreignPerSecond }) => {
    const whose = name === 'tenant' ? 'the tenant' : name;
    // So few requests show only that it is not less than so much, and less than is documented it is not.
    const rate = Math.max(perSecond, getDocumentedRefill(limit));
    const refill = rate > 0 ? `, at least ${Number(rate.toPrecision(2))} are refilled per second` : '';
    const others =
      foreignPerSecond > 0 ? `, other applications use ${Number(foreignPerSecond.toPrecision(2))} per second` : '';
    const told = `Rate limit of ${whose}: ${Math.floor(remaining)} of ${limit} requests left${refill}${others}.`;
    return limit > minWarnedBucketSize && remaining < limit / 10
      ? createWarning('budget', told, 'Syncs wait for the refill. Check which other applications use the tenant.')
      : createOkFinding('budget', told);
  });
}
