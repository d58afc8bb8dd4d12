import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from 'auth0-emulator';
import type { SyncResult } from '../src/workflows/contract';
import { run } from '../test/support/program';

/** How to reach an emulated tenant, in whatever process it is. */
export type Address = Pick<Emulator, 'url' | 'clientId' | 'clientSecret'>;

/** Gives `work` a folder of its own, which is removed afterwards. */
export async function inScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Writes a project of one connection, `acme`, into `./data`; all streams by default, and `settings` beside them. */
export async function writeProject(
  folder: string,
  tenant: Address,
  streams?: string[],
  settings: object = {},
): Promise<void> {
  const credentials = { client_id: tenant.clientId, client_secret: tenant.clientSecret };
  const acme = {
    base_url: tenant.url,
    credentials,
    ...(streams && { streams }),
    destination: { files: './data' },
    ...settings,
  };
  // YAML takes JSON.
  await writeFile(join(folder, 'rollcall.yaml'), JSON.stringify({ connections: { acme } }));
}

/** Runs `rollcall sync acme` in the project's folder. Throws when the copy is not complete. */
export async function sync(folder: string, flags: string[], env: Record<string, string> = {}): Promise<SyncResult> {
  const { code, stdout, stderr } = await run('rollcall', ['sync', 'acme', '--json', ...flags], { cwd: folder, env });
  if (code !== 0) throw new Error(`the sync ended with code ${code}:\n${stderr.slice(-2_000)}`);
  return JSON.parse(stdout) as SyncResult;
}

export function recordsOf({ streams }: SyncResult, name: string): number {
  return streams.find(({ stream }) => stream === name)?.records ?? 0;
}
