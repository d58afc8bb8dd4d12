import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { dataConverter } from '../../src/temporal/data-converter';

export const temporalBinary = locateTemporal(process.env);

/** Bundles the workflows of test/support/temporal; returns the path of the bundle. */
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

/** The leader of the process group of the server that uses a database file. */
export function readLeader(databaseFile: string): number {
  return (JSON.parse(readFileSync(`${databaseFile}.pid`, 'utf8')) as { server: { pid: number } }).server.pid;
}
