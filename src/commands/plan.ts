import { withTenant } from '../activities/tenants';
import type { OptionalConnectionCommand } from '../app/command-context';
import { type ConnectionFlags, findConnection } from '../app/connection';
import { resolveSecrets } from '../config/references';
import { exitCodes } from '../errors';
import { defined } from '../json';
import { estimateReadPlan, type ReadPlan, type StreamPlan, type UsableLimit } from '../preflight/estimate';
import { probeTenant } from '../preflight/probe';
import { streams as known } from '../streams/registry';
import { formatTable } from './terminal/text';

/** Longest wait for the tenant's rate limit within a request; no workflow can wait instead. */
const maxWaitMs = 60_000;

export interface PlanFlags extends ConnectionFlags {
  json?: boolean;
}

/** Prints the cost of a full refresh, estimated from a few requests. */
export const runPlan: OptionalConnectionCommand<PlanFlags> = async (name, flags, context) => {
  const connection = await findConnection(name, flags, context);
  const config = await resolveSecrets(connection, context);
  const { reserve } = config.pacing;
  const { rolesSource } = config.readOptions;
  const wanted = new Set(connection.streams.map((stream) => stream.name));
  const streams = known.map((stream) => stream.name).filter((stream) => wanted.has(stream));
  const { startDate } = config;
  const plan = await withTenant(config, { maxWaitMs }, async ({ client, readLimits }) => {
    const probed = await probeTenant(client, { streams, rolesSource, ...defined({ startDate }) });
    return estimateReadPlan(probed, { streams, rolesSource, reserve, buckets: readLimits().buckets });
  });
  const text = flags.json ? JSON.stringify({ connection: connection.name, ...plan }) : formatPlan(plan);
  context.stdout.write(`${text}\n`);
  return getPlanExitCode(plan);
};

/** The exit code that a sync would have. */
function getPlanExitCode({ streams }: ReadPlan): number {
  const refused = streams.filter((stream) => stream.refused !== undefined).length;
  if (refused === 0) return exitCodes.ok;
  return refused === streams.length ? exitCodes.credentials : exitCodes.partial;
}

const unknownText = '–';

/** A table of at most 80 columns, then what the estimate is based on. */
function formatPlan(plan: ReadPlan): string {
  const rows = plan.streams.map((each) => {
    const { stream, refused, requests, seconds } = each;
    return [
      stream,
      formatRowCount(each),
      refused === undefined ? formatInteger(requests) : unknownText,
      formatSeconds(seconds),
    ];
  });
  rows.push(['total', '', formatInteger(plan.requests), formatSeconds(plan.seconds)]);
  return [
    formatTable(['stream', 'records', 'requests', 'seconds'], rows),
    ...plan.streams.flatMap(({ stream, refused }) => (refused === undefined ? [] : [`${stream}: ${refused}`])),
    ...formatLimitLines(plan.limits),
    ...plan.streams.flatMap((stream) => formatRangeLine(stream, plan.organizationsCounted)),
    `This estimate used ${plan.requestsSpent} requests.`,
    'Estimate for a full refresh: minimum number of requests, at the lowest observed',
    'rate. Later syncs read only changed users.',
  ].join('\n');
}

function formatLimitLines(limits: readonly UsableLimit[]): string[] {
  if (limits.length === 0) return ['The tenant reports no rate limit, so the duration is unknown.'];
  return limits.map(({ name, burst, perSecond }) => {
    const rate = perSecond >= 10 ? formatInteger(Math.round(perSecond)) : perSecond.toFixed(1);
    return `Rate limit (${name}), reserve excluded: burst ${formatInteger(burst)}, then ${rate}/s or more.`;
  });
}

/** The range of an estimated number, and its source. */
function formatRangeLine({ stream, rows }: StreamPlan, organizations: number): string[] {
  if (!rows || isExactCount(rows)) return [];
  const source = stream === 'users' ? 'sampled time ranges' : `${organizations} organizations`;
  const more = rows.open ? ' or more' : '';
  return [`${stream}: ${formatInteger(rows.low)} to ${formatInteger(rows.high)}${more} (from ${source}).`];
}

function formatRowCount({ rows }: StreamPlan): string {
  if (!rows) return unknownText;
  return isExactCount(rows) ? formatInteger(rows.likely) : `about ${formatInteger(rows.likely)}`;
}

function isExactCount({ low, high, open }: NonNullable<StreamPlan['rows']>): boolean {
  return low === high && !open;
}

function formatSeconds(seconds: number | undefined): string {
  return seconds === undefined ? unknownText : seconds.toFixed(1);
}

function formatInteger(count: number): string {
  return count.toLocaleString('en');
}
