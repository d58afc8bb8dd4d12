import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { startPostgres } from './postgres/server';
import { type RunningServers, servers } from './servers';

const bundle = join(__dirname, '..', '..', 'dist', 'workflow-bundle.js');

/**
 * Runs once before the suites of a run, when a project that needs servers is selected: one Temporal server and one Postgres
 * serve all suites. Suites find them by environment variables, see servers.ts.
 */
export default async function startServers(): Promise<void> {
  if (!existsSync(bundle)) throw new Error('dist is missing. Run `npm run build` first.');
  const logFolder = mkdtempSync(join(tmpdir(), 'rollcall-servers-'));
  const [temporal, postgres] = await Promise.all([
    startEmbeddedServer({ binary: locateTemporal(process.env), logFile: join(logFolder, 'temporal.log') }),
    startPostgres(),
  ]);
  process.env[servers.temporal] = temporal.address;
  process.env[servers.postgres] = postgres.url;
  (globalThis as { testServers?: RunningServers }).testServers = { temporal, postgres, logFolder };
}
