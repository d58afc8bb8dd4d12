import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceError } from '@temporalio/client';
import { readerScopes } from 'auth0-emulator';
import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import {
  readRunStatus,
  readScheduleStatus,
  type RunStatus,
  type ScheduledRun,
  type ScheduleStatus,
} from '../../../src/temporal/run-status';
import { runCli } from '../../support/cli';
import { openProject, type TestProject } from '../../support/project';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

jest.setTimeout(120_000);

interface ConnectionStatus {
  connection: string;
  run: RunStatus | null;
  schedule: ScheduleStatus | null;
}

const folder = scratchFolder();
let project: TestProject;
let temporal: TemporalConnection;
/** Connections so far: each test has one of its own. */
let connections = 0;

beforeAll(async () => {
  const scenario = {
    users: { count: 200 },
    organizations: { count: 300, members: 2 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  project = await openProject(folder, { scenario });
  temporal = await connect(project.namespace);
  await project.startWorker();
});
afterEach(() => project.tenant.updateSettings({ latencyMs: 0, scopes: readerScopes }));
afterAll(async () => {
  await project.close();
  await temporal.close();
});

/** Writes a connection to the project file; returns its name. */
function addConnection(lines: { secret?: string; streams?: string; schedule?: string } = {}, name?: string): string {
  const chosen = name ?? `acme${(connections += 1)}`;
  const file = join(folder, 'rollcall.yaml');
  const others = readFileSync(file, 'utf8').replace(new RegExp(`^  ${chosen}:\n(    .*\n)*`, 'm'), '');
  const { secret = project.tenant.clientSecret, streams = 'clients, organizations', schedule } = lines;
  const added = [
    `  ${chosen}:`,
    `    base_url: ${project.tenant.url}`,
    `    credentials: { client_id: ${project.tenant.clientId}, client_secret: ${secret} }`,
    `    streams: [${streams}]`,
    `    destination: { files: ./${chosen} }`,
    ...(schedule === undefined ? [] : [`    schedule: ${schedule}`]),
    '',
  ].join('\n');
  writeFileSync(file, others + added);
  return chosen;
}

/** Creates a schedule that does not fire by itself during the tests. */
async function createSchedule(name: string, ...flags: string[]): Promise<void> {
  await project.runOk('schedule', 'create', name, '--cron', '0 0 1 1 *', ...flags);
}

async function readStatus(connection: string): Promise<ConnectionStatus> {
  return {
    connection,
    run: (await readRunStatus(temporal.client, connection)) ?? null,
    schedule: (await readScheduleStatus(temporal.client, connection, 5)) ?? null,
  };
}

/** Waits until a connection has the status that the test expects. */
async function waitForStatus(
  connection: string,
  isExpected: (status: ConnectionStatus) => boolean,
): Promise<ConnectionStatus> {
  let status: ConnectionStatus = { connection, run: null, schedule: null };
  const isReached = async (): Promise<boolean> => {
    try {
      status = await readStatus(connection);
    } catch (error) {
      // The server's scheduler answers by a workflow. On a busy machine it may miss the deadline of one request.
      if (!(error instanceof ServiceError)) throw error;
      return false;
    }
    return isExpected(status);
  };
  // It starves when it is asked all the time.
  await until(isReached, isExpected.toString(), 100).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(status)}`, { cause: error });
  });
  return status;
}

const listRuns = ({ schedule }: ConnectionStatus): ScheduledRun[] => schedule?.recentRuns ?? [];
const listOutcomes = (status: ConnectionStatus): string[] => listRuns(status).map(({ outcome }) => outcome);
const isIdle = (status: ConnectionStatus): boolean =>
  !listOutcomes(status).includes('running') && status.run !== null && 'endedAt' in status.run;
const isRunning = ({ run }: ConnectionStatus): boolean => run?.state === 'running';

/** Starts a scheduled run, and waits until `outcomes` are those of the newest runs. */
async function triggerRun(name: string, ...outcomes: string[]): Promise<ConnectionStatus> {
  await project.runOk('schedule', 'trigger', name);
  return waitForStatus(
    name,
    (status) => JSON.stringify(listOutcomes(status)) === JSON.stringify(outcomes) && isIdle(status),
  );
}

it('shows the result of a scheduled run', async () => {
  const name = addConnection();
  await createSchedule(name);
  expect(await triggerRun(name, 'complete')).toMatchObject({
    run: { state: 'complete', scheduled: true, verdict: 'complete' },
    schedule: { skippedRuns: 0, recentRuns: [{ outcome: 'complete' }] },
  });
  const text = await project.runOk('status', name);
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).toMatch(
    /^acme\d+\n {2}last sync ended \d\d:\d\d:\d\d, started by its schedule: complete \(303 records\)\n/,
  );
  expect(text).toMatch(/ {2}schedule: cron 0 0 1 1 \*; next run /);
  expect(text).toMatch(/ {4}0 skipped .*, 0 missed \(more than 1h late\)\n/);
  expect(text).toMatch(/\n {4}\d\d:\d\d:\d\d {2}complete \(303 records\)\n/);
});

it('skips a scheduled run while a sync that a user started is running', async () => {
  const name = addConnection();
  await createSchedule(name);
  await project.runOk('sync', name, '--detach');
  await project.runOk('pause', name, '--reason', 'the tenant is being moved.');
  await project.runOk('schedule', 'trigger', name);
  const skipped = await waitForStatus(name, (status) => listOutcomes(status)[0] === 'skipped');
  expect(skipped).toMatchObject({
    run: { state: 'paused', pauseReason: 'the tenant is being moved.', scheduled: false },
  });
  const [skip] = listRuns(skipped);
  expect(skip?.verdict).toContain(`sync/${name}`);
  expect(skip?.blockedByRunSince).toBe(skipped.run?.startedAt);
  const text = await project.runOk('status', name);
  expect(text).toMatch(/skipped: sync\/acme\d+ .*, since \d\d:\d\d:\d\d/);
  expect(text).toMatch(
    / {2}sync paused, started \d\d:\d\d:\d\d\n.*the tenant is being moved.*`rollcall resume acme\d+`/s,
  );
  await project.runOk('resume', name);
  await waitForStatus(name, ({ run }) => run?.state === 'complete');
});

it('pauses a schedule after failed runs in a row, shows the reason, and counts again after it is resumed', async () => {
  const name = addConnection({ secret: 'made-up-secret', streams: 'clients' });
  // Runs that a user triggers do not count: the schedule must fire by itself.
  await project.runOk('schedule', 'create', name, '--every', '1s', '--jitter', '0s', '--pause-after', '2');
  const isPaused = (status: ConnectionStatus): boolean => status.schedule?.paused === true && isIdle(status);
  const paused = await waitForStatus(name, isPaused);
  expect(listOutcomes(paused)).toEqual(['failed', 'failed']);
  expect(paused.schedule?.pauseReason).toMatch(
    /^2 failed consecutive runs; last run: incomplete: clients: Auth0 rejected the client ID/,
  );
  expect(paused.run).toMatchObject({ state: 'failed', records: 0 });
  expect(await project.runOk('status', name)).toContain('2 failed consecutive runs; last run: incomplete');

  await project.runOk('schedule', 'resume', name);
  expect(listOutcomes(await waitForStatus(name, isPaused))).toEqual(['failed', 'failed', 'failed', 'failed']);

  // The next run reads the project file again.
  addConnection({}, name);
  await project.runOk('schedule', 'resume', name);
  const fixed = await waitForStatus(name, ({ run }) => run?.state === 'complete');
  expect(fixed.run).toMatchObject({ records: 303 });
  await project.runOk('schedule', 'delete', name);
});

it('reports a scheduled connection that was removed from the project file', async () => {
  const file = join(folder, 'rollcall.yaml');
  const before = readFileSync(file, 'utf8');
  const name = addConnection();
  await createSchedule(name);
  writeFileSync(file, before);
  await project.runOk('schedule', 'trigger', name);
  await waitForStatus(name, (status) => listOutcomes(status)[0] === 'failed');
  expect(await project.runOk('schedule', 'show', name)).toMatch(
    /failed: .*rollcall.yaml has no\s+connection "acme\d+"/s,
  );
  expect(await project.runOk('schedule', 'delete', name)).toContain(`Deleted the schedule of ${name}.`);
});

it('backfills missed runs, with one run for all or one for each', async () => {
  const name = addConnection();
  await project.runOk('schedule', 'create', name, '--cron', '0 * * * *', '--jitter', '0s');
  await project.runOk('schedule', 'pause', name);
  const countBackfills = (status: ConnectionStatus): number =>
    listRuns(status).filter(({ dueAt }) => dueAt.startsWith('2026-01-31T')).length;
  const range = ['--from', '2026-01-31T05:30Z', '--to', '2026-01-31T08:30Z'];
  await project.runOk('schedule', 'backfill', name, ...range);
  const one = await waitForStatus(name, (status) => countBackfills(status) > 0 && isIdle(status));
  expect(listRuns(one)).toMatchObject([{ dueAt: expect.stringMatching(/T06:00/) as string, outcome: 'complete' }]);
  expect(one.schedule).toMatchObject({ timing: 'cron 0 * * * *', paused: true });

  await project.runOk('schedule', 'backfill', name, ...range, '--each');
  const each = await waitForStatus(
    name,
    (status) => listRuns(status)[0]?.dueAt.startsWith('2026-01-31T08:00') === true && isIdle(status),
  );
  expect(countBackfills(each)).toBe(4);

  await project.runOk('schedule', 'trigger', name);
  await waitForStatus(name, (status) => listRuns(status).length === 5 && isIdle(status));
});

it('does not count a run that a user cancelled as failed', async () => {
  const name = addConnection();
  await createSchedule(name);
  project.tenant.updateSettings({ latencyMs: 1_000 });
  await project.runOk('schedule', 'trigger', name);
  await waitForStatus(name, isRunning);
  await project.runOk('cancel', name);
  const ended = await waitForStatus(name, isIdle);
  expect(ended.run).toMatchObject({ state: 'cancelled' });
  expect(listRuns(ended)[0]).toMatchObject({ outcome: 'cancelled', verdict: `sync/${name} was cancelled` });
});

it('does not count a partial copy as a failed run', async () => {
  project.tenant.updateSettings({ scopes: readerScopes.filter((scope) => scope !== 'read:clients') });
  const name = addConnection();
  await createSchedule(name, '--pause-after', '1');
  const ended = await triggerRun(name, 'partial');
  expect(listRuns(ended)[0]?.verdict).toMatch(/^incomplete: clients: .*read:clients/);
  expect(ended).toMatchObject({ run: { state: 'partial', records: 300 }, schedule: { paused: false, pauseAfter: 1 } });
});

it('uses the schedule of the project file when the command has no options', async () => {
  const schedule = "{ at: '06:30', on: [mon, thu], time_zone: Europe/Berlin, pause_after: 5 }";
  const name = addConnection({ schedule });
  expect(await project.runOk('schedule', 'create', name)).toMatch(
    /^Schedule of acme\d+: at 06:30 on mon, thu \(Europe\/Berlin\); next run: /,
  );
  expect(await readStatus(name)).toMatchObject({ schedule: { pauseAfter: 5, recentRuns: [] } });
});

it('lists schedules with their next run, and those that are paused', async () => {
  const name = addConnection();
  await project.runOk('schedule', 'create', name, '--cron', '0 * * * *');
  await project.runOk('schedule', 'pause', name);
  // The server's list follows a change a little later.
  const list = async (): Promise<string> => project.runOk('schedule', 'list');
  await until(
    async () => /│ acme\d+ +│ cron 0 \* \* \* \* +│ paused +│/.test(await list()),
    'the paused schedule',
    100,
  );
  await project.runOk('schedule', 'resume', name);
  const { schedules } = JSON.parse(await project.runOk('schedule', 'list', '--json')) as { schedules: object[] };
  expect(schedules).toContainEqual(expect.objectContaining({ connection: name, timing: 'cron 0 * * * *' }));
});

it.each<[string[], string | RegExp]>([
  [['create', 'amce', '--every', '1h'], /no connection "amce" \(did you mean acme\?\)/],
  [['create', 'acme', '--every', 'often'], 'every must be a duration such as'],
  [['create', 'acme'], 'no schedule is given for acme. Pass --every 1h,'],
  [['create', 'acme', '--cron', '99 * * * *'], 'rejected the schedule: Minute is not in range'],
  [['show', 'amce'], /no connection "amce" \(did you mean acme\?\)/],
  [['backfill', 'acme', '--from', 'yesterday'], '--from is not an ISO 8601 date or time'],
  [['backfill', 'acme', '--from', '2026-02-01', '--to', '2026-01-31'], '--to must be later than --from'],
  ...['show', 'trigger', 'pause', 'resume', 'delete'].map((verb): [string[], string] => [
    [verb, 'acme'],
    'acme has no schedule. Create one, for example with `rollcall schedule create acme --every 1h`.',
  ]),
])('rollcall schedule %j: reports what is wrong', async (args, words) => {
  const { code, stdout, stderr } = await project.run('schedule', ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/^ +at /m);
});

it('replaces a schedule only with --replace', async () => {
  const name = addConnection();
  await createSchedule(name);
  const { code, stderr } = await project.run('schedule', 'create', name, '--every', '1h');
  expect(code).toBe(2);
  expect(stderr).toMatch(/acme\d+ already has a schedule.*--replace/s);
  await project.runOk('schedule', 'create', name, '--every', '1h', '--replace');
  expect(await readStatus(name)).toMatchObject({ schedule: { timing: 'every 1h' } });
});

it('requires a Temporal server that outlives the command', async () => {
  const alone = join(folder, 'alone');
  mkdirSync(alone);
  const args = ['schedule', 'create', 'acme', '--every', '1h', '--config', join(folder, 'rollcall.yaml')];
  const { code, stderr } = await runCli(args, { cwd: alone });
  expect(code).toBe(2);
  expect(stderr).toMatch(/Set TEMPORAL_ADDRESS/);
});
