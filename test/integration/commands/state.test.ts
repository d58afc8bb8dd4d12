import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { readFilesDestination } from '../../support/files-reader';
import { createNamespace, type TestNamespace } from '../../support/servers';
import { type Ended, run, type Running, scratchFolder, start } from '../../support/program';
import { projectFor } from '../../support/compare-copy';

jest.setTimeout(120_000);

const folder = scratchFolder();
let tenant: Emulator;
let server: TestNamespace;
let worker: Running;
let env: Record<string, string>;

beforeAll(async () => {
  server = await createNamespace();
  tenant = await startEmulator({
    scenario: {
      users: { count: 300 },
      organizations: { count: 5, members: 3 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
  });
  projectFor(folder, tenant);
  env = { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2' };
  worker = start('rollcall', ['worker'], { cwd: folder, env });
  await worker.says('Polling task queue');
  expect(await rollcall('sync', 'acme')).toMatchObject({ code: 0 });
});
afterAll(async () => {
  worker.child.kill('SIGKILL');
  await worker.ended;
  await tenant.close();
});

function rollcall(...args: string[]): Promise<Ended> {
  return run('rollcall', args, { cwd: folder, env });
}
const state = (...args: string[]): Promise<Ended> => rollcall('state', ...args);

async function recordsOf(stream: string): Promise<number> {
  let records = 0;
  for await (const each of readFilesDestination(join(folder, 'data'))) if (each.stream === stream) records += 1;
  return records;
}

async function usersRead(): Promise<number> {
  const { code, stdout } = await rollcall('sync', 'acme', '--stream', 'users', '--json');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { streams: { records: number }[] }).streams[0]!.records;
}

it('shows where each stream stands, on 80 columns and as one object', async () => {
  const { code, stdout } = await state('show', 'acme');
  expect(code).toBe(0);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).toMatch(/│ users +│ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +│ end +│ \d{4}-\d\d-\d\d \d\d:\d\d │/);
  expect(stdout).toMatch(/│ organization_member_roles │ – +│ end +│/);
  const json = JSON.parse((await state('show', 'acme', '--stream', 'users', '--json')).stdout) as object;
  expect(json).toMatchObject({ connection: 'acme', streams: [{ stream: 'users', finished: true, records: 300 }] });
});

it('exports what the next run would be given, and takes it back', async () => {
  const exported = await state('export', 'acme');
  const file = readFileSync(join(folder, 'data', 'state.json'), 'utf8');
  expect(JSON.parse(exported.stdout)).toEqual(JSON.parse(file));
  writeFileSync(join(folder, 'saved.json'), exported.stdout);

  expect((await state('reset', 'acme')).stderr).toContain('reads from the beginning: clients, users, organizations');
  expect(JSON.parse((await state('export', 'acme')).stdout)).toEqual([]);
  expect(await recordsOf('users')).toBe(300);
  expect(await state('import', 'acme', 'saved.json')).toMatchObject({ code: 0, stdout: '' });
  expect((await state('export', 'acme')).stdout).toBe(exported.stdout);
  expect(readFileSync(join(folder, 'data', 'state.json'), 'utf8')).toBe(file);
});

it('has the next sync read from a cursor, or everything', async () => {
  expect(await usersRead()).toBeLessThan(300);
  expect(await state('set', 'acme', '--stream', 'users', '--cursor', '2000-01-01')).toMatchObject({ code: 0 });
  expect((await state('show', 'acme')).stdout).toContain('│ users                     │ 2000-01-01T00:00:00Z │ end');
  expect(await usersRead()).toBe(300);
  expect(await usersRead()).toBeLessThan(300);
  await state('reset', 'acme', '--stream', 'users');
  expect(await usersRead()).toBe(300);
});

it.each<[string[], RegExp]>([
  [['set', 'acme', '--stream', 'clients', '--cursor', '2026-01-01'], /clients has no cursor.*These have one: users\./],
  [['set', 'acme', '--stream', 'users', '--cursor', 'yesterday'], /--cursor is no date or time/],
  [['reset', 'acme', '--stream', 'usres'], /no stream "usres" \(did you mean users\?\)/],
  [['import', 'acme', 'none.json'], /none\.json given as <file> does not exist/],
  [['import', 'acme', 'broken.json'], /the saved state, at hello, is not an object/],
  [['import', 'acme', 'unknown.json'], /a stream "invoices" that there is not/],
  [['import', 'acme', 'unreadable.json'], /the state of users .*updated_at is not an ISO 8601 time/],
  [['show', 'amce'], /no connection "amce"/],
])('%j: what is wrong is said, and nothing is changed', async (args, words) => {
  writeFileSync(join(folder, 'broken.json'), '{"hello": 1}');
  writeFileSync(join(folder, 'unknown.json'), '{"invoices": {}}');
  writeFileSync(join(folder, 'unreadable.json'), '{"users": {"updated_at": "yesterday"}}');
  const before = (await state('export', 'acme')).stdout;
  const { code, stdout, stderr } = await state(...args);
  expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(words) as string });
  expect((await state('export', 'acme')).stdout).toBe(before);
});

it('refuses a change while a sync is under way, and shows all the same', async () => {
  tenant.updateSettings({ latencyMs: 200, rateLimits: { global: { size: 2, perSecond: 2 } } });
  tenant.resetStatistics();
  const syncing = start('rollcall', ['sync', 'acme', '--full'], { cwd: folder, env });
  while (tenant.readStatistics().requests < 3 && syncing.child.exitCode === null) await sleep(20);
  for (const args of [['reset'], ['set', '--stream', 'users', '--cursor', '2026-01-01'], ['import', 'saved.json']]) {
    const [verb = '', ...rest] = args;
    const { code, stderr } = await state(verb, 'acme', ...rest);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('a sync of acme is under way') as string,
    });
  }
  expect((await state('show', 'acme')).code).toBe(0);
  expect((await rollcall('cancel', 'acme')).code).toBe(0);
  await syncing.ended;
  tenant.updateSettings({ latencyMs: 0, rateLimits: 'unlimited' });
  expect((await state('reset', 'acme')).code).toBe(0);
});

it('where there is no server to be asked, says so; where one has been, asks what it has left', async () => {
  const alone = join(folder, 'alone');
  mkdirSync(alone);
  projectFor(alone, tenant);
  const reset = (): Promise<Ended> => run('rollcall', ['state', 'reset', 'acme'], { cwd: alone });
  expect(await reset()).toMatchObject({ code: 0, stderr: expect.stringContaining('it could not be asked') });

  tenant.updateSettings({ latencyMs: 200, rateLimits: { global: { size: 2, perSecond: 2 } } });
  tenant.resetStatistics();
  const syncing = start('rollcall', ['sync', 'acme'], { cwd: alone });
  while (tenant.readStatistics().requests < 3 && syncing.child.exitCode === null) await sleep(20);
  syncing.child.kill('SIGKILL');
  await syncing.ended;
  expect(await reset()).toMatchObject({ code: 2, stderr: expect.stringContaining('a sync of acme is under way') });
  tenant.updateSettings({ latencyMs: 0, rateLimits: 'unlimited' });
  expect((await run('rollcall', ['sync', 'acme'], { cwd: alone })).code).toBe(0);
  const { code, stderr } = await reset();
  expect(code).toBe(0);
  expect(stderr).not.toContain('could not be asked');
});
