import { withTenant } from '../activities/tenants';
import type { Auth0Client } from '../auth0/client';
import { applicationPermissionsPage } from '../auth0/errors';
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

/** Longest wait for the tenant's rate limit within a request. */
const maxWaitMs = 20_000;
/** Auth0 rejects a signed assertion when the clocks differ by more than some seconds. */
const maxClockSkewMs = 10_000;
/** A smaller bucket is often empty, without any other application. */
const minWarnedBucketSize = 20;

/** Checks that a connection's tenant accepts the credentials, and what its token may read, with a few requests. */
export async function inspectTenant(connection: Connection, shell: ShellContext): Promise<Finding[]> {
  let config: SourceConfig;
  try {
    config = await resolveSecrets(connection, shell);
  } catch (error) {
    return [toErrorFinding('credentials', error)];
  }
  const streams = connection.streams.map(({ name }) => name);
  try {
    return await withTenant(config, { maxWaitMs }, async ({ client, readLimits }) => {
      const skewsMs: number[] = [];
      const report = await checkTenant(recordClockSkew(client, skewsMs), streams);
      const { failure } = report;
      if (failure) return [createErrorFinding('tenant', failure.exitCode, failure.message)];
      return [
        createOkFinding('tenant', `${config.baseUrl} is reachable and accepts the credentials.`),
        ...inspectScopes(streams, report, await client.getScopes()),
        ...inspectClock(skewsMs),
        ...inspectRateLimits(readLimits().buckets),
      ];
    });
  } catch (error) {
    return [toErrorFinding('tenant', error)];
  }
}

/** Records by how much the tenant's clock is ahead with each page, ms. */
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
  const check = 'scopes';
  const missing = report.missingScopes.map(({ stream, scopes }) => {
    const message = `${stream} cannot be read without ${scopes.join(' ')}.`;
    return createErrorFinding(check, exitCodes.credentials, message, formatGrantStep(scopes));
  });
  if (!granted) return [...missing, createOkFinding(check, 'The token does not list its scopes.')];
  const { needed, optional } = listRequiredScopes(streams);
  const used = [...needed, ...optional.map(({ scope }) => scope)].filter((scope) => granted.includes(scope));
  const unused = granted.filter((scope) => !used.includes(scope));
  const reduced = optional
    .filter(({ scope }) => !granted.includes(scope))
    .map(({ scope, stream, fields }) =>
      createWarning(check, `Without ${scope}, ${stream} lacks ${fields.join(', ')}.`, formatGrantStep([scope])),
    );
  const revokeStep = `Revoke them: ${applicationPermissionsPage}.`;
  return [
    ...(used.length > 0 ? [createOkFinding(check, `Granted and used: ${used.join(' ')}.`)] : []),
    ...missing,
    ...reduced,
    ...(unused.length > 0 ? [createWarning(check, `Granted but not needed: ${unused.join(' ')}.`, revokeStep)] : []),
  ];
}

function inspectClock(skewsMs: readonly number[]): Finding[] {
  const check = 'clock';
  // The header is cut to whole seconds, so the greatest value is the nearest.
  const skewMs = Math.max(...skewsMs);
  if (!Number.isFinite(skewMs)) return [];
  if (Math.abs(skewMs) <= maxClockSkewMs) {
    return [createOkFinding(check, 'The clocks of the tenant and of this machine agree.')];
  }
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  return [
    createWarning(
      check,
      `The tenant's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the clock of this machine.`,
      'Synchronize the clock of this machine (NTP); authentication with a private key may fail.',
    ),
  ];
}

function inspectRateLimits(buckets: PacerSnapshot['buckets']): Finding[] {
  const check = 'budget';
  if (buckets.length === 0) return [createOkFinding(check, 'The tenant reports no rate limit.')];
  return buckets.map(({ name, limit, remaining, perSecond, foreignPerSecond }) => {
    const owner = name === 'tenant' ? 'the tenant' : name;
    // A few requests show only a lower bound of the refill; the documented one is another.
    const rate = Math.max(perSecond, getDocumentedRefill(limit));
    const refill = rate > 0 ? `, at least ${formatRate(rate)} are refilled per second` : '';
    const others = foreignPerSecond > 0 ? `, other applications use ${formatRate(foreignPerSecond)} per second` : '';
    const message = `Rate limit of ${owner}: ${Math.floor(remaining)} of ${limit} requests left${refill}${others}.`;
    return limit > minWarnedBucketSize && remaining < limit / 10
      ? createWarning(check, message, 'Syncs wait for the refill. Check which other applications use the tenant.')
      : createOkFinding(check, message);
  });
}

function formatGrantStep(scopes: readonly string[]): string {
  return `Grant ${scopes.join(' ')} to the application: ${applicationPermissionsPage}.`;
}

function formatRate(perSecond: number): number {
  return Number(perSecond.toPrecision(2));
}
