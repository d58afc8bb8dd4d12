import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliResult, runCli, startCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { readFilesDestination } from '../../support/files-reader';
import { openProject, type TestProject } from '../../support/project';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const folder = scratchFolder();
let project: TestProject;

beforeAll(async () => {
  const scenario = {
    users: { count: 300 },
    organizations: { count: 5, members: 3 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  project = await openProject(folder, { scenario });
  await project.startWorker();
});
// Every test starts from a whole copy.
beforeEach(() => project.runOk('sync', 'acme', '--full'));
afterAll(() => project.close());

const state = (...args: string[]): Promise<CliResult> => project.run('state', ...args);

/** A sync stays under way until `release`. */
function slowDown(): { reachRequests(count: number): Promise<unknown>; release(): void } {
  const { tenant } = project;
  tenant.updateSettings({ latencyMs: 200, rateLimits: { global: { size: 2, perSecond: 2 } } });
  tenant.resetStatistics();
  return {
    reachRequests: (count) => until(() => tenant.readStatistics().requests >= count, `request ${count}`),
    release: () => tenant.updateSettings({ latencyMs: 0, rateLimits: 'unlimited' }),
  };
}

async function recordsOf(stream: string): Promise<number> {
  let records = 0;
  for await (const each of readFilesDestination(join(folder, 'data'))) if (each.stream === stream) records += 1;
  return records;
}

async function usersRead(): Promise<number> {
  const { code, stdout } = await project.run('sync', 'acme', '--stream', 'users', '--json');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { streams: { records: number }[] }).streams[0]!.records;
}

it('shows the cursor and the progress of each stream, as a table and as JSON', async () => {
  const { code, stdout } = await state('show', 'acme');
  expect(code).toBe(0);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).toMatch(/│ users +│ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +│ yes +│ \d{4}-\d\d-\d\d \d\d:\d\d │/);
  expect(stdout).toMatch(/│ organization_member_roles │ – +│ yes +│/);
  const json = JSON.parse((await state('show', 'acme', '--stream', 'users', '--json')).stdout) as object;
  expect(json).toMatchObject({ connection: 'acme', streams: [{ stream: 'users', finished: true, records: 300 }] });
});

it('exports the state of the next sync, and imports it again', async () => {
  const exported = await state('export', 'acme');
  const file = readFileSync(join(folder, 'data', 'state.json'), 'utf8');
  expect(JSON.parse(exported.stdout)).toEqual(JSON.parse(file));
  writeFileSync(join(folder, 'saved.json'), exported.stdout);

  expect((await state('reset', 'acme')).stderr).toMatch(/reads from the beginning: clients, users, organizations/);
  expect(JSON.parse((await state('export', 'acme')).stdout)).toEqual([]);
  expect(await recordsOf('users')).toBe(300);
  expect(await state('import', 'acme', 'saved.json')).toMatchObject({ code: 0, stdout: '' });
  expect((await state('export', 'acme')).stdout).toBe(exported.stdout);
  expect(readFileSync(join(folder, 'data', 'state.json'), 'utf8')).toBe(file);
});

it('makes the next sync read from a cursor, or everything', async () => {
  expect(await usersRead()).toBeLessThan(300);
  expect(await state('set', 'acme', '--stream', 'users', '--cursor', '2000-01-01')).toMatchObject({ code: 0 });
  expect((await state('show', 'acme')).stdout).toContain('│ users                     │ 2000-01-01T00:00:00Z │ yes');
  expect(await usersRead()).toBe(300);
  expect(await usersRead()).toBeLessThan(300);
  await state('reset', 'acme', '--stream', 'users');
  expect(await usersRead()).toBe(300);
});

it.each<[string[], RegExp]>([
  [
    ['set', 'acme', '--stream', 'clients', '--cursor', '2026-01-01'],
    /clients has no cursor.*Streams with a cursor: users\./,
  ],
  [['set', 'acme', '--stream', 'users', '--cursor', 'yesterday'], /--cursor is not an ISO 8601 date or time/],
  [['reset', 'acme', '--stream', 'usres'], /--stream: unknown stream "usres" \(did you mean users\?\)/],
  [['import', 'acme', 'none.json'], /none\.json \(<file>\) does not exist/],
  [['import', 'acme', 'broken.json'], /the saved state, at hello, is not an object/],
  [['import', 'acme', 'unknown.json'], /unknown stream "invoices"/],
  [['import', 'acme', 'unreadable.json'], /the state of users .*updated_at is not an ISO 8601 time/],
  [['show', 'amce'], /no connection "amce"/],
])('rejects %j, and changes nothing', async (args, words) => {
  writeFileSync(join(folder, 'broken.json'), '{"hello": 1}');
  writeFileSync(join(folder, 'unknown.json'), '{"invoices": {}}');
  writeFileSync(join(folder, 'unreadable.json'), '{"users": {"updated_at": "yesterday"}}');
  const before = (await state('export', 'acme')).stdout;
  const { code, stdout, stderr } = await state(...args);
  expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(words) as string });
  expect((await state('export', 'acme')).stdout).toBe(before);
});

it('rejects a change while a sync is running, and still shows the state', async () => {
  await state('export', 'acme').then(({ stdout }) => writeFileSync(join(folder, 'saved.json'), stdout));
  await project.runOk('sync', 'acme', '--full', '--detach');
  await project.runOk('pause', 'acme');
  for (const args of [['reset'], ['set', '--stream', 'users', '--cursor', '2026-01-01'], ['import', 'saved.json']]) {
    const [verb = '', ...rest] = args;
    const { code, stderr } = await state(verb, 'acme', ...rest);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('the state of acme cannot be changed while a sync is running') as string,
    });
  }
  expect((await state('show', 'acme')).code).toBe(0);
  await project.runOk('cancel', 'acme');
  expect((await state('reset', 'acme')).code).toBe(0);
});

it('finds an unfinished sync of a local server that has ended, and warns when there was never a server', async () => {
  const alone = join(folder, 'alone');
  mkdirSync(alone);
  projectFor(alone, project.tenant);
  const reset = (): Promise<CliResult> => runCli(['state', 'reset', 'acme'], { cwd: alone });
  expect(await reset()).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('Could not check for a running sync'),
  });

  const { reachRequests, release } = slowDown();
  const syncing = startCli(['sync', 'acme'], { cwd: alone });
  await reachRequests(3);
  syncing.interrupt();
  release();
  expect((await syncing.ended).code).toBe(130);
  expect(await reset()).toMatchObject({ code: 2, stderr: expect.stringContaining('while a sync is running') });
  expect((await runCli(['sync', 'acme'], { cwd: alone })).code).toBe(0);
  const { code, stderr } = await reset();
  expect(code).toBe(0);
  expect(stderr).not.toContain('Could not check');
});
