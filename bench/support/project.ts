import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator, Statistics } from 'auth0-emulator';
import type { SyncResult } from '../../src/workflows/contract';
import { run } from '../../test/support/program';

/** How to reach an emulated tenant, in this process or another. */
export type Address = Pick<Emulator, 'url' | 'clientId' | 'clientSecret'>;

/** Requests of an emulated tenant in another process. */
export async function fetchStatistics({ url }: Address): Promise<Statistics> {
  return (await (await fetch(`${url}/_emulator/stats`)).json()) as Statistics;
}

/** Gives `work` a folder, which is removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The settings of a connection to an emulated tenant, with a files destination. */
export function describeConnection({ url, clientId, clientSecret }: Address, files: string): object {
  const credentials = { client_id: clientId, client_secret: clientSecret };
  return { base_url: url, credentials, destination: { files } };
}

/** Writes a project file with connections. */
export function writeConnections(folder: string, connections: Record<string, object>): Promise<void> {
  // JSON is YAML.
  return writeFile(join(folder, 'rollcall.yaml'), JSON.stringify({ connections }));
}

/** Writes a project with one connection, `acme`, which writes to `./data`: all streams by default, with further settings. */
export function writeProject(
  folder: string,
  tenant: Address,
  streams?: string[],
  settings: object = {},
): Promise<void> {
  const acme = { ...describeConnection(tenant, './data'), ...(streams && { streams }), ...settings };
  return writeConnections(folder, { acme });
}

/** Runs `rollcall sync acme` in the project's folder, as a process. Throws when the sync is not complete. */
export async function runSync(folder: string, flags: string[], env: Record<string, string> = {}): Promise<SyncResult> {
  const { code, stdout, stderr } = await run('rollcall', ['sync', 'acme', '--json', ...flags], { cwd: folder, env });
  if (code !== 0) throw new Error(`the sync ended with code ${code}:\n${stderr.slice(-2_000)}`);
  return JSON.parse(stdout) as SyncResult;
}

export function countRecords({ streams }: SyncResult, name: string): number {
  return streams.find(({ stream }) => stream === name)?.records ?? 0;
}

/** The command of a TypeScript program in this folder, with a task as its argument. */
export function commandFor(program: `${string}-program`, task: unknown): [string, string[]] {
  const loader = join(__dirname, '..', '..', 'scripts', 'typescript.cjs');
  return [process.execPath, ['--require', loader, join(__dirname, `${program}.ts`), JSON.stringify(task)]];
}

/** Starts a TypeScript program in this folder. */
export function startProgram(program: `${string}-program`, task: unknown, stdio: StdioOptions): ChildProcess {
  const [command, args] = commandFor(program, task);
  return spawn(command, args, { stdio });
}
