import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { dataConverter } from '../../src/temporal/data-converter';

export const BINARY = locateTemporal(process.env);

/** A folder of the test file's own, gone after its last test. */
export function makeScratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Bundles the tests' own workflows; answers the bundle's path. */
export async function bundleTestWorkflows(folder: string): Promise<string> {
  const { code } = await bundleWorkflowCode({
    ...dataConverter,
    workflowsPath: join(__dirname, 'temporal', 'programs', 'workflows.ts'),
    logger: new DefaultLogger('WARN'),
  });
  const path = join(folder, 'bundle.js');
  writeFileSync(path, code);
  return path;
}

/** Waits until `condition` holds, at most `milliseconds`; answers whether it came to hold. */
export async function comesTrue(condition: () => boolean | Promise<boolean>, milliseconds = 1000): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

/** The leader of the process group of the server on a database file, from its pid file. */
export function readLeader(databaseFile: string): number {
  return (JSON.parse(readFileSync(`${databaseFile}.pid`, 'utf8')) as { server: { pid: number } }).server.pid;
}
