import { planOf, type Limit, type Plan, type StreamPlan } from '../activities/plan';
import { probeTenant } from '../activities/probe';
import { createTenants } from '../activities/tenant';
import { resolveSecrets } from '../config/references';
import { streams as known } from '../streams/registry';
import { findConnection, type ConnectionFlags } from './connection';
import { exitCodes } from './exit';
import { tableOf } from './table';

/** Longest wait for the tenant's limit: there is nobody else to wait for it. */
const maxWaitMs = 60_000;

export interface PlanFlags extends ConnectionFlags {
  json?: boolean;
}

/** Says what a full read of a connection would cost, from a few requests of its own. */
export async function plan(name: string | undefined, flags: PlanFlags): Promise<number> {
  const connection = await findConnection(name, flags);
  const config = await resolveSecrets(connection);
  const { reserve } = config.pacing;
  const { rolesSource } = config.reading;
  const wanted = new Set(connection.streams.map((stream) => stream.name));
  const streams = known.map((stream) => stream.name).filter((stream) => wanted.has(stream));
  const { startDate } = config;
  const tenants = createTenants({ resolve: () => Promise.resolve(config), maxWaitMs });
  try {
    const { client, limits } = await tenants.tenantOf(connection.name);
    const probed = await probeTenant(client, { streams, rolesSource, ...(startDate !== undefined && { startDate }) });
    const found = planOf(probed, { streams, rolesSource, reserve, buckets: limits().buckets });
    const text = flags.json ? JSON.stringify({ connection: connection.name, ...found }) : planText(found);
    process.stdout.write(`${text}\n`);
    return exitCodeOfPlan(found);
  } finally {
    tenants.close();
  }
}

/** What a sync would end with. */
function exitCodeOfPlan({ streams }: Plan): number {
  const refused = streams.filter((stream) => stream.refused !== undefined).length;
  if (refused === 0) return exitCodes.ok;
  return refused === streams.length ? exitCodes.credentials : exitCodes.partial;
}

const unknown = '–';

/** The plan for a reader at a terminal: a table of at most 80 columns, and below it what it rests on. */
function planText(found: Plan): string {
  const rows = found.streams.map((each) => {
    const { stream, refused, requests, seconds } = each;
    return [stream, rowsText(each), refused === undefined ? whole(requests) : unknown, secondsText(seconds)];
  });
  rows.push(['all', '', whole(found.requests), secondsText(found.seconds)]);
  return [
    tableOf(['stream', 'rows', 'requests', 'seconds'], rows),
    ...found.streams.flatMap(({ stream, refused }) => (refused === undefined ? [] : [`${stream}: ${refused}`])),
    ...limitLines(found.limits),
    ...found.streams.flatMap((stream) => guessLine(stream, found.organizationsSeen)),
    `To find this out took ${found.spent} requests.`,
    'It is a plan of a full read, with as few requests as can be, at the least rate',
    'that is known. Later runs may read less of users: only what has changed.',
  ].join('\n');
}

function limitLines(limits: readonly Limit[]): string[] {
  if (limits.length === 0) return ['The tenant names no limit, so that nothing tells the time.'];
  return limits.map(({ name, burst, perSecond }) => {
    const rate = perSecond >= 10 ? whole(Math.round(perSecond)) : perSecond.toFixed(1);
    return `Limit (${name}), less the reserve: ${whole(burst)} at once, then ${rate} a second or more.`;
  });
}

/** What lies behind a number that was not counted. */
function guessLine({ stream, rows }: StreamPlan, organizations: number): string[] {
  if (!rows || isExact(rows)) return [];
  const source = stream === 'users' ? 'samples of their time' : `${organizations} organizations`;
  const more = rows.open ? ', or more' : '';
  return [`${stream}: a guess from ${source}, ${whole(rows.low)} to ${whole(rows.high)}${more}.`];
}

function rowsText({ rows }: StreamPlan): string {
  if (!rows) return unknown;
  return isExact(rows) ? whole(rows.likely) : `about ${whole(rows.likely)}`;
}

function isExact({ low, high, open }: NonNullable<StreamPlan['rows']>): boolean {
  return low === high && !open;
}

function secondsText(seconds: number | undefined): string {
  return seconds === undefined ? unknown : seconds.toFixed(1);
}

function whole(count: number): string {
  return count.toLocaleString('en');
}
