import { type Emulator, startEmulator } from 'auth0-emulator';
import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { installRuntime } from '../../src/temporal/runtime';
import { runCli, startCli } from '../support/cli';
import { projectFor } from '../support/compare-copy';
import { type Running, start } from '../support/program';
import { createNamespace, type TestNamespace } from '../support/servers';
import { until } from '../support/wait';
import { scratchFolder } from '../support/scratch';

const cwd = scratchFolder();
const programs: Running[] = [];
let tenant: Emulator;
let server: TestNamespace;
let temporal: TemporalConnection;
let env: Record<string, string>;

beforeAll(async () => {
  server = await createNamespace();
  installRuntime({ log: () => undefined });
  temporal = await connect(server);
  tenant = await startEmulator({
    scenario: { users: { count: 1_500 }, clients: { count: 3 }, organizations: { count: 2 }, roles: { count: 1 } },
  });
  projectFor(cwd, tenant);
  env = { ...server.env, ROLLCALL_FETCH_PAGES: '1' };
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await temporal.close();
  await tenant.close();
});

/** Starts a worker of a version and makes the version the current one. */
async function startVersion(buildId: string): Promise<void> {
  const version = { TEMPORAL_DEPLOYMENT_NAME: 'rollcall', TEMPORAL_WORKER_BUILD_ID: buildId };
  const worker = start('rollcall', ['worker'], { cwd, env: { ...env, ...version } });
  programs.push(worker);
  await worker.says('Polling task queue rollcall');
  const { workflowService } = temporal.client;
  const current = { namespace: server.namespace, deploymentName: 'rollcall', buildId, ignoreMissingTaskQueues: true };
  // The server knows a version once its worker polls.
  await until(
    () =>
      workflowService.setWorkerDeploymentCurrentVersion(current).then(
        () => true,
        () => false,
      ),
    `version ${buildId}`,
  );
}

/** The version that ran each workflow of the newest sync, and its versioning behavior. */
async function describeVersions(workflowIds: string[]): Promise<unknown[]> {
  return Promise.all(
    workflowIds.map(async (workflowId) => {
      const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
      const { behavior, deploymentVersion } = raw.workflowExecutionInfo?.versioningInfo ?? {};
      return { behavior, buildId: deploymentVersion?.buildId };
    }),
  );
}

const pinnedTo = (buildId: string): object => ({ behavior: 1, buildId });

it('a sync stays on the worker version that started it, and the next sync starts on the current version', async () => {
  tenant.updateSettings({ latencyMs: 200 });
  await startVersion('1.0.0');
  const requested = new Promise<void>((resolve) => tenant.onRequest(3, () => resolve()));
  const first = startCli(['sync', 'acme', '--stream', 'users'], { cwd, env, intervals: { progressMs: 100 } });
  await requested;
  await startVersion('2.0.0');
  tenant.updateSettings({ latencyMs: 0 });
  const { code, stderr } = await first.ended;
  expect(code).toBe(0);
  expect(stderr).not.toContain('No worker polls');
  expect(await describeVersions(['sync/acme', 'sync/acme/users'])).toEqual([pinnedTo('1.0.0'), pinnedTo('1.0.0')]);

  expect((await runCli(['sync', 'acme'], { cwd, env })).code).toBe(0);
  expect(await describeVersions(['sync/acme', 'sync/acme/users'])).toEqual([pinnedTo('2.0.0'), pinnedTo('2.0.0')]);
});
