import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { createNamespace, type TestNamespace } from '../support/servers';
import { run, type Running, scratchFolder, start } from '../support/program';
import { projectFor } from '../support/compare-copy';

jest.setTimeout(90_000);

const folder = scratchFolder();
const programs: Running[] = [];
let tenant: Emulator;
let server: TestNamespace;
let temporal: TemporalConnection;
let env: Record<string, string>;

beforeAll(async () => {
  server = await createNamespace();
  temporal = await connect(server);
  tenant = await startEmulator({
    scenario: { users: { count: 1_500 }, clients: { count: 3 }, organizations: { count: 2 }, roles: { count: 1 } },
  });
  projectFor(folder, tenant);
  env = { ...server.env, ROLLCALL_FETCH_PAGES: '1' };
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await temporal.close();
  await tenant.close();
});

async function startVersion(buildId: string): Promise<void> {
  const version = { TEMPORAL_DEPLOYMENT_NAME: 'rollcall', TEMPORAL_WORKER_BUILD_ID: buildId };
  const worker = start('rollcall', ['worker'], { cwd: folder, env: { ...env, ...version } });
  programs.push(worker);
  await worker.says('Polling task queue rollcall');
  const { workflowService } = temporal.client;
  const current = { namespace: server.namespace, deploymentName: 'rollcall', buildId, ignoreMissingTaskQueues: true };
  // The server hears of a version when its worker first asks for tasks.
  for (let tries = 0; ; tries += 1) {
    try {
      await workflowService.setWorkerDeploymentCurrentVersion(current);
      return;
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(200);
    }
  }
}

/** The version that ran each workflow of the newest sync, and how it was bound to it. */
async function versionsOf(workflowIds: string[]): Promise<unknown[]> {
  return Promise.all(
    workflowIds.map(async (workflowId) => {
      const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
      const { behavior, deploymentVersion } = raw.workflowExecutionInfo?.versioningInfo ?? {};
      return { behavior, buildId: deploymentVersion?.buildId };
    }),
  );
}

const pinnedTo = (buildId: string): object => ({ behavior: 1, buildId });

it('a sync stays with the version of the worker that began it, and the next one begins with the current version', async () => {
  tenant.updateSettings({ latencyMs: 200 });
  await startVersion('1.0.0');
  const first = start('rollcall', ['sync', 'acme', '--stream', 'users'], { cwd: folder, env });
  programs.push(first);
  while (tenant.readStatistics().requests < 3) await sleep(20);
  await startVersion('2.0.0');
  tenant.updateSettings({ latencyMs: 0 });
  const { code, stderr } = await first.ended;
  expect(code).toBe(0);
  expect(stderr).not.toContain('No worker listens');
  expect(await versionsOf(['sync/acme', 'sync/acme/users'])).toEqual([pinnedTo('1.0.0'), pinnedTo('1.0.0')]);

  expect((await run('rollcall', ['sync', 'acme'], { cwd: folder, env })).code).toBe(0);
  expect(await versionsOf(['sync/acme', 'sync/acme/users'])).toEqual([pinnedTo('2.0.0'), pinnedTo('2.0.0')]);
});
