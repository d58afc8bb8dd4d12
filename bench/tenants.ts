import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EmulatorOptions } from 'auth0-emulator';
import { createSyncInput, defaultLimits } from '../src/app/sync-input';
import { defaultReadOptions } from '../src/streams/fetch-task';
import { streams } from '../src/streams/registry';
import { connect, type TemporalConnection } from '../src/temporal/connection';
import { locateTemporal } from '../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../src/temporal/embedded-server/embedded-server';
import { startSync } from '../src/temporal/sync-run';
import { toWorkflowId } from '../src/workflows/names';
import { startMonitoredProcess } from '../test/support/monitored-worker';
import { readUsage } from './support/process-usage';
import {
  type Address,
  describeConnection,
  fetchStatistics,
  startProgram,
  withFolder,
  writeConnections,
} from './support/project';
import { conclude, printTable, round, runBenchmark, sum, toMegabytes } from './support/report';
import type { TenantsTask } from './support/tenants-program';

/** The result of one tenant's sync. */
export interface TenantCost {
  name: string;
  /** From the start of all syncs to the tenant's last request. */
  seconds: number;
  requests: number;
  refused: number;
  /** The verdict of the sync. */
  verdict: string;
}

/** The cost of syncing many tenants at the same time with one worker. */
export interface TenantsCost {
  usual: TenantCost[];
  /** The slow tenant. */
  slow: TenantCost;
  /** Most resident memory of the worker, bytes. */
  peak: number;
  cpuSeconds: number;
  /** Workflow tasks for which the workflow was no longer in the worker's memory and was replayed. */
  replayed: number;
}

/** Most resident memory of a worker with fifty tenants, bytes. */
export const maxWorkerMemory = 500_000_000;

const population = {
  users: { count: 5_000 },
  organizations: { count: 100, members: 10 },
  clients: { count: 20 },
  roles: { count: 10 },
};

/** About 160 requests, 10 of them at once: half a minute. The slow tenant takes five times as long. */
function createTenants(count: number, scale: number): EmulatorOptions[] {
  const scenario = (seed: number): EmulatorOptions['scenario'] => ({
    seed,
    ...population,
    users: { count: population.users.count * scale },
    organizations: { count: population.organizations.count * scale, members: 10 },
  });
  const usual = Array.from({ length: count - 1 }, (_, nth) => ({
    scenario: scenario(nth + 2),
    latencyMs: 50,
    rateLimits: { global: { size: 10, perSecond: 5 } },
  }));
  return [{ scenario: scenario(1), latencyMs: 1_000, rateLimits: { global: { size: 3, perSecond: 1 } } }, ...usual];
}

const sampleIntervalMs = 250;

/**
 * Syncs tenants with one worker process: all syncs start at once. A separate process emulates the tenants. One of them is slow
 * and has a low rate limit.
 * @param count number of tenants, including the slow one
 * @param scale size of each; 1 is half a minute of requests
 */
export function measureTenants(count: number, scale = 1): Promise<TenantsCost> {
  return withFolder((folder) =>
    withTenants(createTenants(count, scale), async (addresses) => {
      const names: string[] = addresses.map((_, nth) => (nth === 0 ? 'slow' : `tenant-${nth}`));
      const connections = Object.fromEntries(
        addresses.map((address, nth) => [names[nth] ?? '', describeConnection(address, `./data/${names[nth]}`)]),
      );
      await writeConnections(folder, connections);
      const server = await startEmbeddedServer({
        binary: locateTemporal(process.env),
        logFile: join(folder, 'server.log'),
      });
      const worker = await startMonitoredProcess({ cwd: folder, env: { TEMPORAL_ADDRESS: server.address } });
      try {
        await worker.says('Polling task queue');
        const temporal = await connect(server);
        const startedAt = Date.now();
        const usage = sampleUsage(worker.child.pid ?? 0);
        const verdicts = await Promise.all(names.map((name) => sync(temporal, name))).finally(() => usage.end());
        const metrics = await worker.scrape();
        await temporal.close();
        const costs = await Promise.all(
          addresses.map(async (address, nth) => {
            const { lastRequestAt = startedAt, requests, rateLimited } = await fetchStatistics(address);
            const seconds = (lastRequestAt - startedAt) / 1_000;
            return { name: names[nth] ?? '', seconds, requests, refused: rateLimited, verdict: verdicts[nth] ?? '' };
          }),
        );
        const [slow, ...usual] = costs as [TenantCost, ...TenantCost[]];
        const replayed = metrics.valueOf('temporal_sticky_cache_miss_total') ?? 0;
        return { usual, slow, ...usage.most, replayed };
      } finally {
        worker.child.kill('SIGKILL');
        await worker.ended;
        await server.stop();
      }
    }),
  );
}

async function sync(temporal: TemporalConnection, connection: string): Promise<string> {
  const taskQueue = 'rollcall';
  const run = await startSync(temporal.client, {
    workflowId: toWorkflowId(connection),
    taskQueue,
    input: createSyncInput({
      connection,
      streams: streams.map(({ name }) => ({ name, syncMode: 'full_refresh', destinationSyncMode: 'overwrite' })),
      sinkQueue: taskQueue,
      limits: defaultLimits,
      readOptions: defaultReadOptions,
    }),
  });
  return (await run.result()).verdict;
}

/** Samples the usage of a process until `end` is called. */
function sampleUsage(pid: number): { most: Pick<TenantsCost, 'peak' | 'cpuSeconds'>; end(): void } {
  const most = { peak: 0, cpuSeconds: 0 };
  const watching = setInterval(() => {
    const { own } = readUsage(pid);
    most.peak = Math.max(most.peak, own.resident);
    most.cpuSeconds = Math.max(most.cpuSeconds, own.cpuSeconds);
  }, sampleIntervalMs);
  return { most, end: () => clearInterval(watching) };
}

async function withTenants<T>(task: TenantsTask, work: (addresses: Address[]) => Promise<T>): Promise<T> {
  const program = startProgram('tenants-program', task, ['ignore', 'pipe', 'inherit']);
  const ended = once(program, 'close');
  try {
    if (!program.stdout) throw new Error('the program has no output');
    const [line] = (await once(createInterface({ input: program.stdout }), 'line')) as [string];
    return await work(JSON.parse(line) as Address[]);
  } finally {
    program.kill('SIGKILL');
    await ended;
  }
}

/** The median of the seconds, and the ratios of the first and the last tenant to it. */
export function measureSpread(usual: readonly TenantCost[]): { median: number; last: number; first: number } {
  const seconds = usual.map((each) => each.seconds).sort((one, other) => one - other);
  const median = seconds[Math.floor(seconds.length / 2)] ?? NaN;
  return { median, last: (seconds.at(-1) ?? NaN) / median, first: (seconds[0] ?? NaN) / median };
}

/** Largest ratio of a usual tenant's seconds to the median. */
const maxLast = 1.5;
/** Largest ratio of one tenant's requests to another's. A page is read again when a busy worker misses its heartbeat. */
const maxRequestRatio = 1.1;

async function main(): Promise<void> {
  const count = Number(process.argv[2] ?? 50);
  const { usual, slow, peak, cpuSeconds, replayed } = await measureTenants(count);
  const { median, first, last } = measureSpread(usual);
  const [one] = usual as [TenantCost];
  printTable(`${count} tenants, one worker`, [
    {
      tenant: `${usual.length} usual`,
      'seconds, median': round(median),
      'first : median': round(first),
      'last : median': round(last),
      requests: one.requests,
      '429s': sum(usual.map(({ refused }) => refused)),
    },
    {
      tenant: 'the slow tenant',
      'seconds, median': round(slow.seconds),
      'first : median': '',
      'last : median': '',
      requests: slow.requests,
      '429s': slow.refused,
    },
  ]);
  printTable('the worker', [
    {
      'peak MB': toMegabytes(peak),
      'CPU seconds': Math.round(cpuSeconds),
      'workflows replayed': replayed,
    },
  ]);
  conclude([
    ...[...usual, slow]
      .filter(({ verdict }) => verdict !== 'complete')
      .map(({ name, verdict }) => `${name}: ${verdict}`),
    ...(peak < maxWorkerMemory ? [] : ['more than 500 MB']),
    ...(last <= maxLast ? [] : ['a tenant was delayed by the others']),
    ...(slow.seconds > last * median ? [] : ['the slow tenant was not slow']),
    ...(usual.every(({ requests }) => requests <= maxRequestRatio * one.requests)
      ? []
      : ['requests differ between tenants']),
    ...(usual.some(({ refused }) => refused > 0) ? ['a tenant rejected requests with 429'] : []),
  ]);
}

runBenchmark(module, main);
