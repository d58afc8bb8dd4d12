import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EmulatorOptions, Statistics } from 'auth0-emulator';
import { createSyncInput, defaultLimits } from '../src/app/sync-input';
import { defaultReadOptions } from '../src/streams/fetch-task';
import { streams } from '../src/streams/registry';
import { connect, type TemporalConnection } from '../src/temporal/connection';
import { locateTemporal } from '../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../src/temporal/embedded-server/embedded-server';
import { startSync } from '../src/temporal/sync-run';
import { toWorkflowId } from '../src/workflows/names';
import { startMonitoredProcess } from '../test/support/monitored-worker';
import { usageOf } from './process-usage';
import { type Address, inScratch } from './sync';
import type { TenantHostTask } from './tenant-host';

/** What became of one tenant. */
export interface TenantCost {
  name: string;
  /** From the start of all syncs to the tenant's last request. */
  seconds: number;
  requests: number;
  refused: number;
  /** Verdict on its copy. */
  verdict: string;
}

/** What it took to copy many tenants side by side with one worker. */
export interface TenantsCost {
  usual: TenantCost[];
  /** The one that is slow. */
  slow: TenantCost;
  /** Most resident memory of the worker, bytes. */
  peak: number;
  cpuSeconds: number;
  /** Workflows that had left the worker's memory when their next step came, and were replayed. */
  replayed: number;
}

/** Most resident memory of a worker with fifty tenants, in bytes. */
export const mostTenantMemory = 500_000_000;

const population = {
  users: { count: 5_000 },
  organizations: { count: 100, members: 10 },
  clients: { count: 20 },
  roles: { count: 10 },
};

/** Some 160 requests, of which the bucket gives 10 at once: half a minute. The slow one takes five times as long. */
function tenantsOf(count: number, scale: number): EmulatorOptions[] {
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

const watchMs = 250;

/**
 * Copies tenants, emulated in a process of their own, by one worker: all syncs are started at once. One of the tenants is slow
 * and lets little through.
 * @param count of tenants, the slow one included
 * @param scale size of each; 1 is half a minute of requests
 */
export function measureTenants(count: number, scale = 1): Promise<TenantsCost> {
  return inScratch((folder) =>
    withTenants(tenantsOf(count, scale), async (addresses) => {
      const names: string[] = addresses.map((_, nth) => (nth === 0 ? 'slow' : `tenant-${nth}`));
      const connections = Object.fromEntries(
        addresses.map(({ url, clientId, clientSecret }, nth) => [
          names[nth] ?? '',
          {
            base_url: url,
            credentials: { client_id: clientId, client_secret: clientSecret },
            destination: { files: `./data/${names[nth]}` },
          },
        ]),
      );
      // YAML takes JSON.
      await writeFile(join(folder, 'rollcall.yaml'), JSON.stringify({ connections }));
      const server = await startEmbeddedServer({
        binary: locateTemporal(process.env),
        logFile: join(folder, 'server.log'),
      });
      const worker = await startMonitoredProcess({ cwd: folder, env: { TEMPORAL_ADDRESS: server.address } });
      try {
        await worker.says('Listening on task queue');
        const temporal = await connect(server);
        const begun = Date.now();
        const usage = watch(worker.child.pid ?? 0);
        const verdicts = await Promise.all(names.map((name) => sync(temporal, name))).finally(() => usage.end());
        const metrics = await worker.scrape();
        await temporal.close();
        const costs = await Promise.all(
          addresses.map(async (address, nth) => {
            const { lastRequestAt = begun, requests, rateLimited } = await statisticsOf(address);
            const seconds = (lastRequestAt - begun) / 1_000;
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

/** Looks at a process until told to end. */
function watch(pid: number): { most: Pick<TenantsCost, 'peak' | 'cpuSeconds'>; end(): void } {
  const most = { peak: 0, cpuSeconds: 0 };
  const watching = setInterval(() => {
    const { own } = usageOf(pid);
    most.peak = Math.max(most.peak, own.resident);
    most.cpuSeconds = Math.max(most.cpuSeconds, own.cpuSeconds);
  }, watchMs);
  return { most, end: () => clearInterval(watching) };
}

async function withTenants<T>(task: TenantHostTask, work: (addresses: Address[]) => Promise<T>): Promise<T> {
  const args = ['--require', join(__dirname, '..', 'scripts', 'typescript.cjs'), join(__dirname, 'tenant-host.ts')];
  const host = spawn(process.execPath, [...args, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(host, 'close');
  try {
    const [line] = (await once(createInterface({ input: host.stdout }), 'line')) as [string];
    return await work(JSON.parse(line) as Address[]);
  } finally {
    host.kill('SIGKILL');
    await ended;
  }
}

async function statisticsOf({ url }: Address): Promise<Statistics> {
  return (await (await fetch(`${url}/_emulator/stats`)).json()) as Statistics;
}

/** The middle one of the seconds, and the last and the first by it. */
export function spreadOf(usual: readonly TenantCost[]): { median: number; last: number; first: number } {
  const seconds = usual.map((each) => each.seconds).sort((one, other) => one - other);
  const median = seconds[Math.floor(seconds.length / 2)] ?? NaN;
  return { median, last: (seconds.at(-1) ?? NaN) / median, first: (seconds[0] ?? NaN) / median };
}
