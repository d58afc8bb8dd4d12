import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import { runCli } from '../../support/cli';
import { openProject, type TestProject } from '../../support/project';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const folder = scratchFolder();
let project: TestProject;
let temporal: TemporalConnection;

beforeAll(async () => {
  const scenario = {
    users: { count: 3_000 },
    organizations: { count: 50, members: 5 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  project = await openProject(folder, { scenario, rateLimits: { global: { size: 30, perSecond: 30 } } });
  await project.startWorker();
  temporal = await connect(project.namespace);
});
beforeEach(() => project.tenant.resetStatistics());
afterAll(async () => {
  await project.close();
  await temporal.close();
});

const requestsReach = (count: number): Promise<unknown> =>
  until(() => project.tenant.readStatistics().requests >= count, `request ${count}`);

it('cancels a sync, and reports that to the command that follows it', async () => {
  const following = project.start('sync', 'acme', '--full');
  await requestsReach(20);
  expect(await project.run('cancel', 'acme')).toMatchObject({ code: 0, stdout: '' });
  const { code, stderr, stdout } = await following.ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('sync/acme was cancelled. Copied data is kept');
  expect(stderr).not.toMatch(/^ +at /m);
});

it('reports a sync as cancelled only when its child workflows have ended, and starts the next one then', async () => {
  await project.runOk('sync', 'acme', '--full', '--detach');
  await requestsReach(20);
  // Requests that take seconds: the child workflows do not end at once.
  project.tenant.updateSettings({ latencyMs: 3_000 });
  await requestsReach(project.tenant.readStatistics().requests + 2);
  expect((await project.run('cancel', 'acme')).stderr).toContain('Cancelled sync/acme.');
  const children = ['clients', 'users', 'organizations'].map((name) => `sync/acme/${name}`);
  const ends = await Promise.all(children.map((id) => temporal.client.workflow.getHandle(id).describe()));
  const parent = await temporal.client.workflow.getHandle('sync/acme').describe();
  for (const { closeTime } of ends) expect(+closeTime!).toBeLessThanOrEqual(+parent.closeTime!);
  project.tenant.updateSettings({ latencyMs: 0, rateLimits: 'unlimited' });
  await project.runOk('sync', 'acme');
  project.tenant.updateSettings({ rateLimits: { global: { size: 30, perSecond: 30 } } });
});

it.each([
  [['resume', 'acme'], /no sync of acme is running/],
  [['cancel', 'acme'], /no sync of acme is running/],
  [['pause', 'amce'], /no connection "amce".*acme/s],
])('rollcall %p: reports what is wrong', async (args, message) => {
  const { code, stderr } = await project.run(...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
});

it('reports that no sync runs where there is no server', async () => {
  const { code, stderr } = await runCli(['pause', 'acme'], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(/no sync is running in .*TEMPORAL_ADDRESS.*rollcall sync/s);
});
