import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { locateTemporal } from '../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../src/temporal/embedded-server/embedded-server';
import { start } from '../test/support/program';
import { leastSeconds } from './limit-bound';
import type { LimitScenario } from './limit-scenarios';
import type { LoopTask } from './loop';
import { usageOf } from './process-usage';
import { inScratch, writeProject } from './sync';

/** What reading a tenant took. */
export interface LimitCost {
  /** First to last request. */
  seconds: number;
  /** The least there is. */
  bound: number;
  requests: number;
  refused: number;
  othersRefused: number;
  /** Of all processes that read, and what they have started but the Temporal server. */
  cpuSeconds: number;
  serverCpuSeconds: number;
  /** Most resident memory of one of them, bytes. */
  peak: number;
  /** Why it did not end well. */
  failure?: string;
}

/** Copies the scenario's tenant by `rollcall sync`. */
export function measureSync(scenario: LimitScenario): Promise<LimitCost> {
  return inScratch(async (folder) => {
    return atTenant(scenario, async (tenant) => {
      await writeProject(folder, tenant, scenario.streams, { rate_limit_reserve: scenario.reserve });
      const { warm, workers = warm ? 1 : undefined } = scenario;
      return workers === undefined ? syncAlone(folder) : syncByWorkers(folder, workers, warm ? tenant : undefined);
    });
  });
}

/** Copies the scenario's tenant by a loop. */
export function measureLoop(scenario: LimitScenario, by: LoopTask['by'], parallel: number): Promise<LimitCost> {
  return inScratch(async (folder) => {
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
      const args = ['--require', join(__dirname, '..', 'scripts', 'typescript.cjs'), join(__dirname, 'loop.ts')];
      const child = spawn(process.execPath, [...args, JSON.stringify(task)], {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      let said = '';
      child.stderr?.on('data', (text: Buffer) => (said += text.toString()));
      const failure = once(child, 'close').then(([code]) => (code === 0 ? undefined : firstLine(said)));
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

async function atTenant(scenario: LimitScenario, read: (tenant: Emulator) => Promise<Reading>): Promise<LimitCost> {
  const { limits, meanwhile = () => Promise.resolve(0) } = scenario;
  const tenant = await startEmulator({ ...scenario.tenant, rateLimits: limits });
  try {
    const begun = new Promise<void>((resolve) => tenant.onRequest(1, resolve));
    const reading = await read(tenant);
    try {
      const others = begun.then(() => meanwhile(tenant));
      const failed = await Promise.all([reading.failure, watch(reading)]);
      const stats = tenant.readStatistics();
      const { firstRequestAt = 0, lastRequestAt = 0, requests, rateLimited } = stats;
      const othersRefused = await others;
      return {
        seconds: (lastRequestAt - firstRequestAt) / 1_000,
        bound: leastSeconds(stats, limits),
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

const intervalMs = 100;

/** Looks at the processes until the reading has ended. */
async function watch({
  readers,
  failure,
}: Reading): Promise<Pick<LimitCost, 'cpuSeconds' | 'serverCpuSeconds' | 'peak'>> {
  const state = { isOver: false };
  void failure.finally(() => (state.isOver = true));
  const most = { cpuSeconds: 0, serverCpuSeconds: 0, peak: 0 };
  const look = (): ReturnType<typeof usageOf>[] => readers.map(({ pid = 0 }) => usageOf(pid));
  const cpuSeconds = (usages: ReturnType<typeof look>, of: 'own' | 'children'): number =>
    usages.reduce((sum, each) => sum + each[of].cpuSeconds, 0);
  const before = look();
  for (; !state.isOver; await sleep(intervalMs)) {
    const usages = look();
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

/** @param tenant to be read once before */
async function syncByWorkers(folder: string, count: number, tenant?: Emulator): Promise<Reading> {
  const server = await startEmbeddedServer({
    binary: locateTemporal(process.env),
    logFile: join(folder, 'temporal.log'),
  });
  const env = { TEMPORAL_ADDRESS: server.address };
  const workers = Array.from({ length: count }, () => start('rollcall', ['worker'], { cwd: folder, env }));
  await Promise.all(workers.map((worker) => worker.says('Listening on task queue')));
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

function firstLine(text: string): string {
  return /^\S*Error: .*$/m.exec(text)?.[0] ?? text.slice(0, 200);
}
