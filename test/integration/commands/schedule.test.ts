import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import { createNamespace, type TestNamespace } from '../../support/servers';
import {
  readRunStatus,
  readScheduleStatus,
  type RunStatus,
  type ScheduledRun,
  type ScheduleStatus,
} from '../../../src/temporal/run-status';
import { installRuntime } from '../../../src/temporal/runtime';
import { type Ended, run, type Running, scratchFolder, start } from '../../support/program';
import { projectFor } from '../../support/compare-copy';

jest.setTimeout(400_000);

interface Standing {
  connection: string;
  run: RunStatus | null;
  schedule: ScheduleStatus | null;
}

const folder = scratchFolder();
const project = join(folder, 'rollcall.yaml');
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
      users: { count: 200 },
      organizations: { count: 300, members: 2 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
  });
  projectFor(folder, tenant);
  installRuntime({ log: () => undefined });
  temporal = await connect(server);
  env = { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2' };
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await temporal.close();
  await tenant.close();
});

/** A further connection of the project's file. */
function connectionTo(name: string, secret: string, streams: string): string {
  return [
    `  ${name}:`,
    `    base_url: ${tenant.url}`,
    `    credentials: { client_id: ${tenant.clientId}, client_secret: ${secret} }`,
    `    streams: [${streams}]`,
    `    destination: { files: ./${name} }`,
    '',
  ].join('\n');
}

function rollcall(...args: string[]): Promise<Ended> {
  return run('rollcall', args, { cwd: folder, env });
}

/** Of a command that must go well. */
async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await rollcall(...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr });
  return stdout + stderr;
}

async function startWorker(): Promise<Running> {
  const worker = start('rollcall', ['worker'], { cwd: folder, env });
  programs.push(worker);
  await worker.says('Polling task queue');
  return worker;
}

/** As `rollcall status <connection> --json` tells it. */
async function standingOf(connection: string): Promise<Standing> {
  const { connections } = JSON.parse(await said('status', connection, '--json')) as { connections: Standing[] };
  return connections[0]!;
}

/** How a connection stands as soon as that is as the test wants it; looked at from here, which is quicker than by `status`. */
async function once(connection: string, wanted: (standing: Standing) => boolean): Promise<Standing> {
  let standing: Standing = { connection, run: null, schedule: null };
  for (let tries = 0; tries < 300; tries += 1) {
    const schedule = (await readScheduleStatus(temporal.client, connection, 5)) ?? null;
    standing = { connection, run: (await readRunStatus(temporal.client, connection)) ?? null, schedule };
    if (wanted(standing)) return standing;
    await sleep(100);
  }
  throw new Error(JSON.stringify(standing));
}

const firingsOf = ({ schedule }: Standing): ScheduledRun[] => schedule?.recentRuns ?? [];
const outcomes = (standing: Standing): string[] => firingsOf(standing).map(({ outcome }) => outcome);
const isIdle = (standing: Standing): boolean =>
  !outcomes(standing).includes('running') && standing.run !== null && 'ended' in standing.run;

/** Long enough for a run to be met under way by others; back to quick ones with 0. */
function slow(latencyMs: number): void {
  tenant.updateSettings({ latencyMs });
}

it('status tells of firings, one skipped for overlap, a run by hand in between, and a worker that was killed', async () => {
  const first = await startWorker();
  slow(1_000);
  expect(await said('schedule', 'create', 'acme', '--every', '3s', '--jitter', '0s')).toMatch(
    /^acme is copied every 3s; the next run is due \d\d:\d\d:\d\d\.\n$/,
  );

  // The first firing is still under way when the second one is due.
  const overlapping = await once('acme', ({ schedule }) => (schedule?.skippedRuns ?? 0) > 0);
  expect(overlapping).toMatchObject({ run: { state: 'running', scheduled: true } });
  expect(firingsOf(overlapping)).toHaveLength(1);
  await said('schedule', 'pause', 'acme', '--reason', 'the tenant is being moved.');
  slow(0);
  const rested = await once('acme', isIdle);
  expect(rested).toMatchObject({
    run: { state: 'complete', scheduled: true, verdict: 'complete' },
    schedule: { paused: true, reason: 'the tenant is being moved.', firings: [{ outcome: 'complete' }] },
  });

  // A run that was started by hand is under way when the second one is.
  slow(1_000);
  await said('sync', 'acme', '--detach');
  await said('pause', 'acme', '--reason', 'somebody looks at it.');
  await said('schedule', 'resume', 'acme');
  const skipped = await once('acme', (standing) => outcomes(standing)[0] === 'skipped');
  expect(skipped).toMatchObject({ run: { state: 'paused', reason: 'somebody looks at it.', scheduled: false } });
  const [skip] = firingsOf(skipped);
  expect(skip).toMatchObject({ verdict: 'sync/acme was under way already', busySince: skipped.run?.startedAt });
  const told = await said('status', 'acme');
  expect(told).toMatch(/skipped: sync\/acme was under way already, since \d\d:\d\d:\d\d/);
  expect(told).toMatch(
    / {2}sync paused, begun \d\d:\d\d:\d\d\n {4}because somebody looks at it;\n {4}`rollcall resume acme`/,
  );
  slow(0);
  await said('resume', 'acme');
  await once('acme', ({ run: newest }) => newest?.state === 'complete');

  // The third one outlives its worker.
  slow(1_000);
  await once('acme', ({ run: newest }) => newest?.state === 'running' && newest.scheduled);
  await said('schedule', 'pause', 'acme');
  first.child.kill('SIGKILL');
  await first.ended;
  expect((await standingOf('acme')).run).toMatchObject({ state: 'running', scheduled: true });
  expect(await said('status', 'acme')).toContain('no worker answers');
  slow(0);
  await startWorker();
  const end = await once('acme', isIdle);
  expect(end).toMatchObject({ run: { state: 'complete' }, schedule: { paused: true, reason: 'paused by hand' } });
  expect(outcomes(end)[0]).toBe('complete');
  expect(end.schedule?.skippedRuns).toBeGreaterThan(0);

  const text = await said('status');
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).toMatch(/^acme\n {2}last sync ended \d\d:\d\d:\d\d, started by its schedule: complete \(\d+ rows\)\n/);
  expect(text).toMatch(/ {2}schedule: every 3s; paused\n {4}because paused by hand;\n/);
  expect(text).toMatch(/ {4}\d+ skipped while the one before ran, 0 missed by more than 1h\n/);
  expect(text).toMatch(/\n {4}\d\d:\d\d:\d\d {2}complete \(\d+ rows\)\n/);
  expect(text).toMatch(/\n {4}\d\d:\d\d:\d\d {2}skipped: /);
});

it('a schedule whose runs fail pauses itself with the reason, and goes on with the project file as it is then', async () => {
  const lines = readFileSync(project, 'utf8');
  const configure = (secret: string, streams: string): void => {
    writeFileSync(project, lines + connectionTo('beta', secret, streams));
  };
  configure('no-secret-of-anybody', 'clients');
  await said('schedule', 'create', 'beta', '--every', '1s', '--jitter', '0s', '--pause-after', '2');
  const paused = await once('beta', (standing) => standing.schedule?.paused === true && isIdle(standing));
  expect(outcomes(paused)).toEqual(['failed', 'failed']);
  expect(paused.schedule?.pauseReason).toMatch(
    /^2 failed runs in a row; the last one: incomplete: clients: Auth0 refused the client id/,
  );
  expect(paused.run).toMatchObject({ state: 'failed', rows: 0 });
  expect(await said('status', 'beta')).toContain('because 2 failed runs in a row; the last one: incomplete because');

  // A secret that is still wrong: as many failures are due again before it pauses once more.
  expect(await said('schedule', 'resume', 'beta')).toMatch(/^The schedule of beta goes on; the next run is due/);
  const again = await once('beta', (standing) => standing.schedule?.paused === true && isIdle(standing));
  expect(outcomes(again)).toEqual(['failed', 'failed', 'failed', 'failed']);

  configure(tenant.clientSecret, 'clients, organizations');
  await said('schedule', 'resume', 'beta');
  const mended = await once('beta', (standing) => standing.run?.state === 'complete');
  expect(mended.run).toMatchObject({ rows: 303 });
  await said('schedule', 'pause', 'beta');
  expect(await once('beta', isIdle)).toMatchObject({
    schedule: { firings: [{ outcome: 'complete' }, {}, {}, {}, {}] },
  });

  // A connection that is gone from the file fails in words that say so.
  writeFileSync(project, lines);
  await said('schedule', 'trigger', 'beta');
  await once('beta', (standing) => outcomes(standing)[0] === 'failed');
  expect(await said('schedule', 'show', 'beta')).toMatch(/failed: .*rollcall.yaml has no\s+connection "beta"/s);
  expect(await said('schedule', 'delete', 'beta')).toContain('beta has no schedule any more.');
});

it('runs of the past are made up for, by one for all or by each for itself; so is one that is asked for', async () => {
  await said('schedule', 'create', 'acme', '--replace', '--cron', '0 * * * *', '--jitter', '0s');
  await said('schedule', 'pause', 'acme');
  expect((await standingOf('acme')).schedule).toMatchObject({
    times: 'by cron 0 * * * *',
    paused: true,
    reason: 'paused by hand',
  });
  const count = async (): Promise<number> => {
    const { schedule } = JSON.parse(await said('schedule', 'show', 'acme', '--json')) as { schedule: ScheduleStatus };
    return schedule.recentRuns.filter(({ dueAt }) => dueAt.startsWith('2026-01-31T')).length;
  };
  const span = ['--from', '2026-01-31T05:30Z', '--to', '2026-01-31T08:30Z'];
  await said('schedule', 'backfill', 'acme', ...span);
  await once(
    'acme',
    (standing) => firingsOf(standing)[0]?.dueAt.startsWith('2026-01-31T06:00') === true && isIdle(standing),
  );
  expect(await count()).toBe(1);
  await said('schedule', 'backfill', 'acme', ...span, '--each');
  await once(
    'acme',
    (standing) => firingsOf(standing)[0]?.dueAt.startsWith('2026-01-31T08:00') === true && isIdle(standing),
  );
  expect(await count()).toBe(4);

  await said('schedule', 'trigger', 'acme');
  await once('acme', (standing) => !firingsOf(standing)[0]?.dueAt.startsWith('2026-01-31T') && isIdle(standing));
});

it('a run that is cancelled by hand is no failed run', async () => {
  slow(1_000);
  await said('schedule', 'trigger', 'acme');
  await once('acme', ({ run: newest }) => newest?.state === 'running');
  await said('cancel', 'acme');
  slow(0);
  const ended = await once('acme', isIdle);
  expect(ended.run).toMatchObject({ state: 'cancelled', verdict: 'ended by hand' });
  expect(firingsOf(ended)[0]).toMatchObject({ outcome: 'cancelled', verdict: 'sync/acme was cancelled' });
});

it('a partial copy is no failed run', async () => {
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => scope !== 'read:clients') });
  writeFileSync(
    project,
    readFileSync(project, 'utf8') + connectionTo('gamma', tenant.clientSecret, 'clients, organizations'),
  );
  await said('schedule', 'create', 'gamma', '--cron', '0 0 1 1 *', '--pause-after', '1');
  await said('schedule', 'trigger', 'gamma');
  const ended = await once('gamma', (standing) => outcomes(standing)[0] === 'partial');
  expect(firingsOf(ended)[0]?.verdict).toMatch(/^incomplete: clients: .*read:clients/);
  expect(ended).toMatchObject({ run: { state: 'partial', rows: 300 }, schedule: { paused: false, pauseAfter: 1 } });
  tenant.updateSettings({ scopes: readerScopes });
  await said('schedule', 'delete', 'gamma');
});

it('without options the schedule that the project file has for the connection counts', async () => {
  const before = readFileSync(project, 'utf8');
  const schedule = "    schedule: { at: '06:30', on: [mon, thu], time_zone: Europe/Berlin, pause_after: 5 }\n";
  writeFileSync(project, before + connectionTo('delta', tenant.clientSecret, 'clients') + schedule);
  expect(await said('schedule', 'create', 'delta')).toMatch(
    /^delta is copied at 06:30 on mon, thu \(Europe\/Berlin\); /,
  );
  expect(await once('delta', () => true)).toMatchObject({ schedule: { pauseAfter: 5, firings: [] } });
  await said('schedule', 'delete', 'delta');
  writeFileSync(project, before);
});

it('the list shows when runs are due, and which schedules are paused', async () => {
  expect(await said('schedule', 'list')).toMatch(/│ acme +│ by cron 0 \* \* \* \* │ paused +│/);
  await said('schedule', 'resume', 'acme');
  const { schedules } = JSON.parse(await said('schedule', 'list', '--json')) as { schedules: object[] };
  expect(schedules).toEqual([
    { connection: 'acme', times: 'by cron 0 * * * *', next: expect.stringMatching(/T\d\d:00:00.000Z$/) as string },
  ]);
});

it.each<[string[], string | RegExp]>([
  [['create', 'acme', '--every', '1h'], /acme has a schedule already\. .*--replace/],
  [['create', 'amce', '--every', '1h'], /no connection "amce" \(did you mean acme\?\)/],
  [['create', 'acme', '--every', 'often'], 'every must be a duration such as'],
  [['create', 'acme'], 'nothing says when acme is to be copied. Give --every 1h,'],
  [['create', 'acme', '--replace', '--cron', '99 * * * *'], 'refuses the schedule: Minute is not in range'],
  [['show', 'amce'], /no connection "amce" \(did you mean acme\?\)/],
  [['backfill', 'acme', '--from', 'yesterday'], '--from is no date or time'],
  [['backfill', 'acme', '--from', '2026-02-01', '--to', '2026-01-31'], '--to must be later than --from'],
])('rollcall schedule %j: what is wrong is said in words', async (args, words) => {
  const { code, stdout, stderr } = await rollcall('schedule', ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/^ +at /m);
});

it('a schedule that is not there, or has no server to be on, is told of with what to do', async () => {
  await said('schedule', 'delete', 'acme');
  for (const verb of ['show', 'trigger', 'pause', 'resume', 'delete']) {
    const { code, stderr } = await rollcall('schedule', verb, 'acme');
    expect({ verb, code }).toEqual({ verb, code: 2 });
    expect(stderr).toContain('acme has no schedule. `rollcall schedule create acme --every 1h` makes one.');
  }
  expect(await said('schedule', 'list')).toContain('No schedules.');
  const alone = await run('rollcall', ['schedule', 'create', 'acme', '--every', '1h'], { cwd: folder });
  expect(alone.code).toBe(2);
  expect(alone.stderr).toMatch(/a schedule needs one that stays\. Set TEMPORAL_ADDRESS/);
});
