import { join } from 'node:path';
import { startEmulator, type TenantScenario } from 'auth0-emulator';
import { connect } from '../src/temporal/connection';
import { locateTemporal } from '../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../src/temporal/embedded-server/embedded-server';
import { start } from '../test/support/program';
import { countHoldings, leastRequests } from './least-requests';
import { inScratch, recordsOf, sync, writeProject } from './sync';
import { readHistories, type RunHistory } from './workflow-histories';

/** What a copy of a tenant's organizations, members and member roles took. */
export interface HistoryCost {
  organizations: number;
  members: number;
  /** For the member lists. */
  requests: number;
  /** The least that they can be read with. */
  least: number;
  seconds: number;
  runs: RunHistory[];
  /** Of all runs of all workflows. */
  bytes: number;
  events: number;
  /** Bytes of the longest history. */
  longest: number;
}

/** Most bytes of history for each organization of a few members: 5 MB for 100,000. */
export const mostBytesPerOrganization = 50;
/** Most bytes of one history. */
export const mostBytesOfHistory = 10_000_000;

/**
 * Copies with a worker of its own on a server that is still there afterwards to tell of its histories.
 * @param settings of the connection
 */
export async function measureHistory(scenario: TenantScenario, settings: object = {}): Promise<HistoryCost> {
  return inScratch(async (folder) => {
    const tenant = await startEmulator({ scenario });
    const server = await startEmbeddedServer({
      binary: locateTemporal(process.env),
      logFile: join(folder, 'temporal.log'),
    });
    const env = { TEMPORAL_ADDRESS: server.address };
    const streams = ['organizations', 'organization_members', 'organization_member_roles'];
    await writeProject(folder, tenant, streams, settings);
    const worker = start('rollcall', ['worker'], { cwd: folder, env });
    try {
      await worker.says('Listening on task queue');
      const begun = performance.now();
      const result = await sync(folder, [], env);
      const seconds = (performance.now() - begun) / 1_000;
      const connection = await connect(server);
      const runs = await readHistories(connection.client, 'sync/acme');
      await connection.close();
      const { members: requests = {} } = tenant.readStatistics().byRoute;
      return {
        organizations: recordsOf(result, 'organizations'),
        members: recordsOf(result, 'organization_members'),
        requests: Object.values(requests).reduce((sum, each) => sum + each, 0),
        least: leastRequests(countHoldings(tenant.tenant)).members,
        seconds,
        runs,
        bytes: runs.reduce((sum, run) => sum + run.bytes, 0),
        events: runs.reduce((sum, run) => sum + run.events, 0),
        longest: Math.max(...runs.map((run) => run.bytes)),
      };
    } finally {
      worker.child.kill('SIGTERM');
      await worker.ended;
      await server.stop();
      await tenant.close();
    }
  });
}
