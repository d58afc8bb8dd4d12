import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { readFilesDestination } from '../../support/files-reader';
import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import { createNamespace, type TestNamespace } from '../../support/servers';
import { type Ended, run, type Running, scratchFolder, start } from '../../support/program';
import { compare, exact, projectFor } from '../../support/compare-copy';

jest.setTimeout(120_000);

const folder = scratchFolder();
let tenant: Emulator;
let server: TestNamespace;
let env: Record<string, string>;
let temporal: TemporalConnection;
/** Ended after the tests, whatever becomes of those. */
const programs: Running[] = [];

beforeAll(async () => {
  server = await createNamespace();
  tenant = await startEmulator({
    scenario: {
      users: { count: 5_000 },
      organizations: { count: 150, members: 5 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
    latencyMs: 20,
    rateLimits: { global: { size: 20, perSecond: 20 } },
  });
  projectFor(folder, tenant);
  temporal = await connect(server);
  env = { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2' };
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await temporal.close();
  await tenant.close();
});

function rollcall(...args: string[]): Promise<Ended> {
  return run('rollcall', args, { cwd: folder, env });
}

async function startWorker(): Promise<Running> {
  const worker = start('rollcall', ['worker'], { cwd: folder, env });
  programs.push(worker);
  await worker.says('Polling task queue');
  return worker;
}

/** Requests once none has come for two seconds. */
async function stillness(): Promise<number> {
  for (let before = -1, tries = 0; tries < 20; tries += 1) {
    const { requests } = tenant.readStatistics();
    if (requests === before) return requests;
    before = requests;
    await sleep(2_000);
  }
  throw new Error('the tenant is asked all the time');
}

it('a paused sync outlives its worker, says why it stands still, and goes on when it is resumed', async () => {
  const first = await startWorker();
  const following = start('rollcall', ['sync', 'acme'], { cwd: folder, env });
  programs.push(following);
  while (tenant.readStatistics().requests < 30) await sleep(10);
  expect(await rollcall('pause', 'acme', '--reason', 'the tenant is being moved')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'sync/acme is paused. `rollcall resume acme` goes on.\n',
  });
  await following.says('Paused: the tenant is being moved. `rollcall resume` goes on.');
  await stillness();
  first.child.kill('SIGKILL');
  await first.ended;
  await startWorker();
  expect((await rollcall('pause', 'acme')).stderr).toContain('was paused already');
  const still = await stillness();
  expect(still).toBeLessThan(140);

  expect((await rollcall('resume', 'acme')).stderr).toBe('sync/acme goes on.\n');
  const { code, stderr } = await following.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  const users: JsonObject[] = [];
  for await (const { stream, data } of readFilesDestination(join(folder, 'data'))) {
    if (stream === 'users') users.push(data);
  }
  expect(compare('users', users, tenant.readTruth().users)).toEqual(exact);
});

it('a sync can be ended, and whoever follows it is told', async () => {
  tenant.resetStatistics();
  const following = start('rollcall', ['sync', 'acme', '--full'], { cwd: folder, env });
  programs.push(following);
  while (tenant.readStatistics().requests < 20) await sleep(10);
  expect(await rollcall('cancel', 'acme')).toMatchObject({ code: 0, stdout: '' });
  const { code, stderr, stdout } = await following.ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('sync/acme was cancelled. What it had copied stays');
  expect(stderr).not.toMatch(/^ +at /m);
});

it('a sync that is begun as soon as the one before is cancelled is whole', async () => {
  tenant.resetStatistics();
  expect((await rollcall('sync', 'acme', '--full', '--detach')).code).toBe(0);
  while (tenant.readStatistics().requests < 20) await sleep(10);
  // Breaking off takes as long as it takes, and not every child the same.
  tenant.updateSettings({ latencyMs: 12_000 });
  await sleep(1_000);
  expect((await rollcall('cancel', 'acme')).stderr).toContain('sync/acme has ended.');
  const children = ['clients', 'users', 'organizations'].map((name) => `sync/acme/${name}`);
  const ends = children.map((id) => temporal.client.workflow.getHandle(id).describe());
  const closed = await temporal.client.workflow.getHandle('sync/acme').describe();
  for (const { closeTime } of await Promise.all(ends)) expect(+closeTime!).toBeLessThanOrEqual(+closed.closeTime!);
  tenant.updateSettings({ latencyMs: 20 });
  const { code, stderr } = await rollcall('sync', 'acme');
  expect({ code, stderr }).toEqual({ code: 0, stderr });
});

it('a sync waits for what a run that was terminated has left behind', async () => {
  // On a queue that nobody serves it does not learn that it is to end.
  const left = { workflowId: 'sync/acme/clients', taskQueue: 'nobody', args: [] };
  const child = await temporal.client.workflow.start('streamWorkflow', left);
  tenant.resetStatistics();
  const syncing = rollcall('sync', 'acme');
  while (tenant.readStatistics().requests < 10) await sleep(10);
  await child.terminate();
  const { code, stderr } = await syncing;
  expect({ code, stderr }).toEqual({ code: 0, stderr });
});

it.each([
  [['resume', 'acme'], /no sync of acme is under way/],
  [['cancel', 'acme'], /no sync of acme is under way/],
  [['pause', 'amce'], /no connection "amce".*acme/s],
])('rollcall %p: what is wrong is said in words', async (args, message) => {
  const { code, stderr } = await rollcall(...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
});

it('where no sync is running, that is said', async () => {
  const { code, stderr } = await run('rollcall', ['pause', 'acme'], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toMatch(/no sync is running in .*TEMPORAL_ADDRESS.*rollcall sync/s);
});

it('a sync with a server of its own is paused and resumed from another terminal', async () => {
  const local = join(folder, 'local');
  mkdirSync(local);
  projectFor(local, tenant);
  const following = start('rollcall', ['sync', 'acme'], { cwd: local, env: { ROLLCALL_HEARTBEAT_SECONDS: '2' } });
  programs.push(following);
  await following.says('users');
  expect((await run('rollcall', ['pause', 'acme'], { cwd: local })).stderr).toContain('sync/acme is paused.');
  await following.says('Paused: paused by hand.');
  expect((await run('rollcall', ['resume', 'acme'], { cwd: local })).stderr).toBe('sync/acme goes on.\n');
  expect(await following.ended).toMatchObject({ code: 0 });
});
