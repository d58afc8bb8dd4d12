import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { start } from '../../test/support/program';
import type { LoopTask } from './loop-program';
import { calculateMinimumSeconds } from './minimum-time';
import { readUsage } from './process-usage';
import { startProgram, withFolder, writeProject } from './project';
import type { RateLimitScenario } from './rate-limit-scenarios';
import { sum } from './report';

/** The cost of copying a tenant. */
export interface RateLimitCost {
  /** From the first request to the last. */
  seconds: number;
  /** The minimum of `seconds`. */
  minimumSeconds: number;
  requests: number;
  refused: number;
  othersRefused: number;
  /** Of all processes that read, without the Temporal server. */
  cpuSeconds: number;
  serverCpuSeconds: number;
  /** Most resident memory of one of them, bytes. */
  peak: number;
  /** Why the copy failed. */
  failure?: string;
}

/** Copies the scenario's tenant with `rollcall sync`. */
export function measureSync(scenario: RateLimitScenario): Promise<RateLimitCost> {
  return withFolder(async (folder) => {
    return atTenant(scenario, async (tenant) => {
      await writeProject(folder, tenant, scenario.streams, { rate_limit_reserve: scenario.reserve });
      const { warm, workers = warm ? 1 : undefined } = scenario;
      return workers === undefined ? syncAlone(folder) : syncByWorkers(folder, workers, warm ? tenant : undefined);
    });
  });
}

/** Copies the scenario's tenant with a loop. */
export function measureLoop(scenario: RateLimitScenario, by: LoopTask['by'], parallel: number): Promise<RateLimitCost> {
  return withFolder(async (folder) => {
    return atTenant(scenario, async (emulator) => {
      const { streams, warm = false } = scenario;
      const { url, clientId, clientSecret } = emulator;
      const file = join(folder, 'rows.jsonl');
      const task: LoopTask = {
        by,
        tenant: { url, clientId, clientSecret },
        parallel,
        file,
        warm,
        ...(streams && { streams }),
      };
      const child = startProgram('loop-program', task, ['ignore', 'ignore', 'pipe', 'ipc']);
      let errors = '';
      child.stderr?.on('data', (text: Buffer) => (errors += text.toString()));
      const failure = once(child, 'close').then(([code]) => (code === 0 ? undefined : findError(errors)));
      if (warm) {
        await once(child, 'message');
        emulator.resetStatistics();
        child.send('again');
      }
      return { readers: [child], failure, end: () => Promise.resolve() };
    });
  });
}

interface Reading {
  readers: ChildProcess[];
  failure: Promise<string | undefined>;
  end(): Promise<void>;
}

async function atTenant(
  scenario: RateLimitScenario,
  read: (tenant: Emulator) => Promise<Reading>,
): Promise<RateLimitCost> {
  const { limits, meanwhile = () => Promise.resolve(0) } = scenario;
  const tenant = await startEmulator({ ...scenario.tenant, rateLimits: limits });
  try {
    const firstRequest = new Promise<void>((resolve) => tenant.onRequest(1, resolve));
    const reading = await read(tenant);
    try {
      const others = firstRequest.then(() => meanwhile(tenant));
      const failed = await Promise.all([reading.failure, sampleUsage(reading)]);
      const stats = tenant.readStatistics();
      const { firstRequestAt = 0, lastRequestAt = 0, requests, rateLimited } = stats;
      const othersRefused = await others;
      return {
        seconds: (lastRequestAt - firstRequestAt) / 1_000,
        minimumSeconds: calculateMinimumSeconds(stats, limits),
        requests,
        refused: rateLimited - othersRefused,
        othersRefused,
        ...failed[1],
        ...(failed[0] !== undefined && { failure: failed[0] }),
      };
    } finally {
      await reading.end();
    }
  } finally {
    await tenant.close();
  }
}

const sampleIntervalMs = 100;

/** Samples the usage of the processes until the copy ends. */
async function sampleUsage({
  readers,
  failure,
}: Reading): Promise<Pick<RateLimitCost, 'cpuSeconds' | 'serverCpuSeconds' | 'peak'>> {
  const state = { isOver: false };
  void failure.finally(() => (state.isOver = true));
  const most = { cpuSeconds: 0, serverCpuSeconds: 0, peak: 0 };
  const sample = (): ReturnType<typeof readUsage>[] => readers.map(({ pid = 0 }) => readUsage(pid));
  const cpuSeconds = (usages: ReturnType<typeof sample>, of: 'own' | 'children'): number =>
    sum(usages.map((each) => each[of].cpuSeconds));
  const before = sample();
  for (; !state.isOver; await sleep(sampleIntervalMs)) {
    const usages = sample();
    const spent = (of: 'own' | 'children'): number => cpuSeconds(usages, of) - cpuSeconds(before, of);
    most.cpuSeconds = Math.max(most.cpuSeconds, spent('own'));
    most.serverCpuSeconds = Math.max(most.serverCpuSeconds, spent('children'));
    most.peak = Math.max(most.peak, ...usages.map(({ own }) => own.resident));
  }
  return most;
}

const syncArgs = ['sync', 'acme', '--full', '--json'];

function syncAlone(folder: string): Promise<Reading> {
  const { child, ended } = start('rollcall', syncArgs, { cwd: folder });
  const failure = ended.then(({ code, stderr }) => (code === 0 ? undefined : stderr.slice(-500)));
  return Promise.resolve({ readers: [child], failure, end: () => Promise.resolve() });
}

/** @param tenant read once before the measurement */
async function syncByWorkers(folder: string, count: number, tenant?: Emulator): Promise<Reading> {
  const server = await startEmbeddedServer({
    binary: locateTemporal(process.env),
    logFile: join(folder, 'temporal.log'),
  });
  const env = { TEMPORAL_ADDRESS: server.address };
  const workers = Array.from({ length: count }, () => start('rollcall', ['worker'], { cwd: folder, env }));
  await Promise.all(workers.map((worker) => worker.says('Polling task queue')));
  if (tenant) {
    await start('rollcall', syncArgs, { cwd: folder, env }).ended;
    tenant.resetStatistics();
  }
  const { ended } = start('rollcall', syncArgs, { cwd: folder, env });
  return {
    readers: workers.map(({ child }) => child),
    failure: ended.then(({ code, stderr }) => (code === 0 ? undefined : stderr.slice(-500))),
    async end() {
      for (const { child } of workers) child.kill('SIGTERM');
      await Promise.all(workers.map((worker) => worker.ended));
      await server.stop();
    },
  };
}

function findError(text: string): string {
  return /^\S*Error: .*$/m.exec(text)?.[0] ?? text.slice(0, 200);
}
