import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/json';
import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { compare, exact, projectFor } from '../support/compare-copy';
import { readFilesDestination } from '../support/files-reader';
import { run, type Running, start } from '../support/program';
import { openProject, type TestProject } from '../support/project';
import { until } from '../support/wait';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(120_000);

const folder = scratchFolder();
let project: TestProject;
let temporal: TemporalConnection;
const programs: Running[] = [];

beforeAll(async () => {
  const scenario = {
    users: { count: 3_000 },
    organizations: { count: 50, members: 5 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  const rateLimits = { global: { size: 20, perSecond: 20 } };
  project = await openProject(folder, { scenario, latencyMs: 20, rateLimits });
  temporal = await connect(project.namespace);
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await temporal.close();
  await project.close();
});

function startProgram(args: string[], cwd = folder, env = project.env): Running {
  const program = start('rollcall', args, { cwd, env });
  programs.push(program);
  return program;
}

/** Resolves when no activity of the sync runs or waits: a paused sync does nothing then. */
async function activitiesEnd(): Promise<void> {
  const ids = ['clients', 'users', 'organizations'].map((name) => `sync/acme/${name}`);
  await until(async () => {
    const described = await Promise.all(ids.map((id) => temporal.client.workflow.getHandle(id).describe()));
    return described.every(({ raw }) => (raw.pendingActivities ?? []).length === 0);
  }, 'the end of all activities');
}

it('stays paused when its worker is killed, shows the reason, and continues when it is resumed', async () => {
  const first = startProgram(['worker']);
  await first.says('Polling task queue');
  const following = project.start('sync', 'acme');
  await until(() => project.tenant.readStatistics().requests >= 30);
  expect(await project.run('pause', 'acme', '--reason', 'the tenant is being moved')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'Paused sync/acme. Resume it with `rollcall resume acme`.\n',
  });
  await following.waitForOutput(/Paused: the tenant is being moved\..*rollcall resume/);
  await activitiesEnd();
  const { requests } = project.tenant.readStatistics();
  first.child.kill('SIGKILL');
  await first.ended;
  await startProgram(['worker']).says('Polling task queue');
  expect((await project.run('pause', 'acme')).stderr).toContain('Already paused: sync/acme.');
  await activitiesEnd();
  expect(project.tenant.readStatistics().requests).toBe(requests);

  expect((await project.run('resume', 'acme')).stderr).toBe('Resumed sync/acme.\n');
  const { code, stderr } = await following.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  const users: JsonObject[] = [];
  for await (const { stream, data } of readFilesDestination(join(folder, 'data'))) {
    if (stream === 'users') users.push(data);
  }
  expect(compare('users', users, project.tenant.readTruth().users)).toEqual(exact);
});

it('pauses and resumes a sync with a server of its own from another terminal', async () => {
  const local = join(folder, 'local');
  mkdirSync(local);
  projectFor(local, project.tenant);
  const following = startProgram(['sync', 'acme'], local, { ROLLCALL_HEARTBEAT_SECONDS: '2' });
  await following.says('users');
  expect((await run('rollcall', ['pause', 'acme'], { cwd: local })).stderr).toContain('Paused sync/acme.');
  await following.says('Paused: paused by a user.');
  expect((await run('rollcall', ['resume', 'acme'], { cwd: local })).stderr).toBe('Resumed sync/acme.\n');
  expect(await following.ended).toMatchObject({ code: 0 });
});
