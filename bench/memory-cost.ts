import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScenarioName, Statistics } from 'auth0-emulator';
import type { SyncResult } from '../src/workflows/contract';
import { start, type Running } from '../test/support/program';
import { catalogFor } from '../test/support/compare-copy';
import { usageOf } from './process-usage';
import { inScratch, recordsOf, writeProject, type Address } from './sync';

/** What a full refresh of users took. Memory is resident memory in bytes. */
export interface MemoryCost {
  rows: number;
  seconds: number;
  requests: number;
  /** Most of the process that does the work. */
  peak: number;
  /** Most of the Temporal server that it has started. */
  serverPeak: number;
  /** Most of the process that does the work, in each tenth of the reading. */
  tenths: number[];
}

/** Most resident memory of the process that does the work, in bytes. */
export const mostMemory = 300_000_000;

/** Whether memory stays as it is: the second half of a reading may take a quarter more than the first. */
export function isFlat({ tenths }: Pick<MemoryCost, 'tenths'>): boolean {
  return Math.max(...tenths.slice(5)) <= 1.25 * Math.max(...tenths.slice(0, 5));
}

interface Sample {
  requests: number;
  own: number;
  children: number;
}

const intervalMs = 250;

/**
 * Reads all users of a tenant that is emulated in a process of its own.
 * @param into where they go: files by `rollcall sync`, or standard output by `source-auth0 read`
 */
export async function measureMemory(scenario: ScenarioName, into: 'files' | 'stdout'): Promise<MemoryCost> {
  return inScratch(async (folder) => {
    const emulator = start('rollcall', ['emulator', '--scenario', scenario]);
    try {
      const tenant = await addressOf(emulator);
      const begun = performance.now();
      const { child, copied } = await (into === 'files' ? readIntoFiles : readIntoStdout)(folder, tenant);
      const [samples, rows] = await Promise.all([takeSamples(child, tenant), copied]);
      const seconds = (performance.now() - begun) / 1_000;
      return { rows, seconds, ...summarize(samples, (await statisticsOf(tenant)).requests) };
    } finally {
      emulator.child.kill('SIGTERM');
      await emulator.ended;
    }
  });
}

/** The emulator ends what it says with a configuration. */
async function addressOf(emulator: Running): Promise<Address> {
  let said = '';
  emulator.child.stdout?.on('data', (text: string) => (said += text));
  await emulator.says(/^}$/m);
  const { base_url: url, credentials } = JSON.parse(said.slice(said.indexOf('{'))) as {
    base_url: string;
    credentials: { client_id: string; client_secret: string };
  };
  return { url, clientId: credentials.client_id, clientSecret: credentials.client_secret };
}

interface Reading {
  child: ChildProcess;
  /** Records copied, once the process has ended well. */
  copied: Promise<number>;
}

async function readIntoFiles(folder: string, tenant: Address): Promise<Reading> {
  await writeProject(folder, tenant, ['users']);
  const { child, ended } = start('rollcall', ['sync', 'acme', '--full', '--json'], { cwd: folder });
  const copied = ended.then(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Error(`the sync ended with code ${code}:\n${stderr.slice(-2_000)}`);
    return recordsOf(JSON.parse(stdout) as SyncResult, 'users');
  });
  return { child, copied };
}

/** Output is counted as it comes: it is longer than a string can be. */
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
    const { requests } = await statisticsOf(tenant);
    const { own, children } = usageOf(child.pid ?? 0);
    samples.push({ requests, own: own.resident, children: children.resident });
  }
  return samples;
}

async function statisticsOf({ url }: Address): Promise<Statistics> {
  return (await (await fetch(`${url}/_emulator/stats`)).json()) as Statistics;
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
