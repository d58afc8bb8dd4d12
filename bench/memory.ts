import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ScenarioName, scenarios } from 'auth0-emulator';
import type { SyncResult } from '../src/workflows/contract';
import { start, type Running } from '../test/support/program';
import { catalogFor } from '../test/support/compare-copy';
import { readUsage } from './support/process-usage';
import { type Address, countRecords, fetchStatistics, withFolder, writeProject } from './support/project';
import { conclude, printTable, runBenchmark, toMegabytes } from './support/report';
import { isFlat, maxMemory } from './support/resident-memory';

/** The cost of a full refresh of users. Memory is resident memory in bytes. */
export interface MemoryCost {
  rows: number;
  seconds: number;
  requests: number;
  /** Most of the process that syncs. */
  peak: number;
  /** Most of its Temporal server. */
  serverPeak: number;
  /** Most of the process that syncs, in each tenth of the requests. */
  tenths: number[];
}

interface Sample {
  requests: number;
  own: number;
  children: number;
}

const intervalMs = 250;

/**
 * Reads all users of a tenant that a separate process emulates.
 * @param into files with `rollcall sync`, or standard output with `source-auth0 read`
 */
export async function measureMemory(scenario: ScenarioName, into: 'files' | 'stdout'): Promise<MemoryCost> {
  return withFolder(async (folder) => {
    const emulator = start('rollcall', ['emulator', '--scenario', scenario]);
    try {
      const tenant = await readAddress(emulator);
      const startedAt = performance.now();
      const { child, copied } = await (into === 'files' ? readIntoFiles : readIntoStdout)(folder, tenant);
      const [samples, rows] = await Promise.all([takeSamples(child, tenant), copied]);
      const seconds = (performance.now() - startedAt) / 1_000;
      return { rows, seconds, ...summarize(samples, (await fetchStatistics(tenant)).requests) };
    } finally {
      emulator.child.kill('SIGTERM');
      await emulator.ended;
    }
  });
}

/** Reads the address from the configuration at the end of the emulator's output. */
async function readAddress(emulator: Running): Promise<Address> {
  let output = '';
  emulator.child.stdout?.on('data', (text: string) => (output += text));
  await emulator.says(/^}$/m);
  const { base_url: url, credentials } = JSON.parse(output.slice(output.indexOf('{'))) as {
    base_url: string;
    credentials: { client_id: string; client_secret: string };
  };
  return { url, clientId: credentials.client_id, clientSecret: credentials.client_secret };
}

interface Reading {
  child: ChildProcess;
  /** Records copied; rejects when the process fails. */
  copied: Promise<number>;
}

async function readIntoFiles(folder: string, tenant: Address): Promise<Reading> {
  await writeProject(folder, tenant, ['users']);
  const { child, ended } = start('rollcall', ['sync', 'acme', '--full', '--json'], { cwd: folder });
  const copied = ended.then(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Error(`the sync ended with code ${code}:\n${stderr.slice(-2_000)}`);
    return countRecords(JSON.parse(stdout) as SyncResult, 'users');
  });
  return { child, copied };
}

/** Counts the output line by line: it is longer than a string can be. */
async function readIntoStdout(folder: string, { url, clientId, clientSecret }: Address): Promise<Reading> {
  const credentials = {
    auth_type: 'oauth2_confidential_application',
    client_id: clientId,
    client_secret: clientSecret,
  };
  const config = { base_url: url, credentials: { ...credentials, audience: `${url}/api/v2/` } };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'catalog.json'), JSON.stringify(catalogFor(['users'])));
  const args = ['read', '--config', 'config.json', '--catalog', 'catalog.json'];
  const child = spawn(join(__dirname, '..', 'bin', 'source-auth0'), args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let records = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{"type":"RECORD"')) records += 1;
  });
  const copied = once(child, 'close').then(([code]) => {
    if (code !== 0) throw new Error(`the read ended with code ${String(code)}`);
    return records;
  });
  return { child, copied };
}

async function takeSamples(child: ChildProcess, tenant: Address): Promise<Sample[]> {
  const samples: Sample[] = [];
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  for (; isRunning(); await sleep(intervalMs)) {
    const { requests } = await fetchStatistics(tenant);
    const { own, children } = readUsage(child.pid ?? 0);
    samples.push({ requests, own: own.resident, children: children.resident });
  }
  return samples;
}

function summarize(samples: readonly Sample[], requests: number): Omit<MemoryCost, 'rows' | 'seconds'> {
  const most = (some: readonly Sample[], which: 'own' | 'children'): number =>
    some.reduce((peak, each) => Math.max(peak, each[which]), 0);
  const tenthOf = (each: Sample): number => Math.min(9, Math.floor((10 * each.requests) / requests));
  const reading = samples.filter((each) => each.requests > 0);
  return {
    requests,
    peak: most(samples, 'own'),
    serverPeak: most(samples, 'children'),
    tenths: Array.from({ length: 10 }, (_, tenth) =>
      most(
        reading.filter((each) => tenthOf(each) === tenth),
        'own',
      ),
    ),
  };
}

const { count } = scenarios.million.users;

async function main(): Promise<void> {
  const failures: string[] = [];
  for (const into of ['files', 'stdout'] as const) {
    const cost = await measureMemory('million', into);
    const name = into === 'files' ? 'files' : 'standard output';
    printTable(`${count.toLocaleString('en')} users into ${name}`, [toRow(cost)]);
    failures.push(...findFailures(cost).map((failure) => `${name}: ${failure}`));
  }
  conclude(failures);
}

function toRow({ rows, seconds, requests, peak, serverPeak, tenths }: MemoryCost): Record<string, number> {
  return {
    rows,
    seconds: Math.round(seconds),
    requests,
    'MB at 10 %': toMegabytes(tenths[0]),
    'MB at 50 %': toMegabytes(tenths[4]),
    'MB at 100 %': toMegabytes(tenths[9]),
    'peak MB': toMegabytes(peak),
    'peak MB of the server': toMegabytes(serverPeak),
  };
}

function findFailures(cost: MemoryCost): string[] {
  return [
    ...(cost.rows === count ? [] : [`${cost.rows} rows instead of ${count}`]),
    ...(cost.peak > maxMemory ? ['more than 300 MB'] : []),
    ...(isFlat(cost) ? [] : ['memory grows with the rows']),
  ];
}

runBenchmark(module, main);
