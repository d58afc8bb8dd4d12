import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { readRunStatus, readScheduleStatus } from '../../src/temporal/run-status';
import { type Running, start } from '../support/program';
import { openProject, type TestProject } from '../support/project';
import { until } from '../support/wait';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(120_000);

const folder = scratchFolder();
const programs: Running[] = [];
let project: TestProject;
let temporal: TemporalConnection;

beforeAll(async () => {
  const scenario = {
    users: { count: 200 },
    organizations: { count: 3, members: 2 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  project = await openProject(folder, { scenario, latencyMs: 1_000 });
  temporal = await connect(project.namespace);
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await project.close();
  await temporal.close();
});

async function startWorker(): Promise<Running> {
  const worker = start('rollcall', ['worker'], { cwd: folder, env: project.env });
  programs.push(worker);
  await worker.says('Polling task queue');
  return worker;
}

it('runs when it is due, skips runs that are due meanwhile, and completes a run whose worker was killed', async () => {
  const first = await startWorker();
  expect(await project.runOk('schedule', 'create', 'acme', '--every', '1s', '--jitter', '0s')).toMatch(
    /^Schedule of acme: every 1s; next run: \d\d:\d\d:\d\d\.\n$/,
  );
  const readSchedule = () => readScheduleStatus(temporal.client, 'acme', 5);
  await until(async () => (await readSchedule())!.skippedRuns > 0, 'a skipped run', 100);
  await project.runOk('schedule', 'pause', 'acme');
  first.child.kill('SIGKILL');
  await first.ended;
  expect(await readRunStatus(temporal.client, 'acme')).toMatchObject({ state: 'running', scheduled: true });
  expect(await project.runOk('status', 'acme')).toMatch(/no worker is\s+responding/);

  project.tenant.updateSettings({ latencyMs: 0 });
  await startWorker();
  const isComplete = async () => (await readSchedule())?.recentRuns[0]?.outcome === 'complete';
  await until(isComplete, 'the end of the scheduled run', 100);
  expect(await readRunStatus(temporal.client, 'acme')).toMatchObject({ state: 'complete', scheduled: true });
});
