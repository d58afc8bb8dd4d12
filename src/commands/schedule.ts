import { normaliseTimestamp } from '../airbyte/timestamp';
import { processVariables, readEnvironment } from '../config/environment';
import { ConfigError } from '../config/errors';
import type { Connection } from '../config/project';
import { parseWith } from '../config/problems';
import { scheduleSettings, type ScheduleSettings } from '../config/schedule';
import { readProfile } from '../temporal/profile';
import {
  backfillSchedule,
  createSchedule,
  deleteSchedule,
  listSchedules,
  NoSchedule,
  pauseSchedule,
  replaceSchedule,
  resumeSchedule,
  triggerSchedule,
} from '../temporal/schedules';
import { requireSchedule } from '../temporal/standing';
import { hasWorkers } from '../temporal/task-queue';
import { findConnection } from './connection';
import type { ControlFlags } from './control';
import { exitCodes } from './exit';
import { moment } from './lines';
import { narrate } from './narration';
import { stateDirOf } from './project-folder';
import { openSession, type Session } from './session';
import { scheduleLines } from './standing-lines';
import { tableOf } from './table';

export interface CreateFlags extends ControlFlags {
  every?: string;
  cron?: string;
  at?: string;
  on?: string;
  timeZone?: string;
  jitter?: string;
  pauseAfter?: number;
  overlap?: string;
  catchUp?: string;
  replace?: boolean;
}
export interface ListFlags {
  json?: boolean;
}
export type ShowFlags = ControlFlags & ListFlags;
export type PauseFlags = ControlFlags & { reason: string };
export type BackfillFlags = ControlFlags & { from: string; to?: string; each?: boolean };

/** As many as the server remembers. */
const firingsTold = 10;

/** Has a connection copied at certain times. */
export async function create(name: string, { config, replace = false, ...flags }: CreateFlags): Promise<number> {
  const connection = await findConnection(name, { config });
  const settings = settingsOf(connection, flags);
  return atServer(async ({ connection: temporal }) => {
    const { taskQueue } = readEnvironment();
    const schedule = { connection: name, taskQueue, settings };
    const isNew = !(replace && (await replaced(temporal.client, schedule)));
    if (isNew) await createSchedule(temporal.client, schedule);
    const { times, next, paused } = await requireSchedule(temporal.client, name, 0);
    const due = paused ? `it is paused, and \`rollcall schedule resume ${name}\` goes on` : dueWords(next);
    narrate(`${name} is copied ${times}; ${due}.`);
    if (!(await hasWorkers(temporal, taskQueue))) {
      narrate(
        `No worker listens on task queue ${taskQueue}; runs wait for one. ` +
          'Start `rollcall worker` with the same TEMPORAL_ADDRESS.',
      );
    }
  });
}

/** Whether there was one to be replaced. */
async function replaced(...[client, schedule]: Parameters<typeof replaceSchedule>): Promise<boolean> {
  try {
    await replaceSchedule(client, schedule);
    return true;
  } catch (error) {
    if (error instanceof NoSchedule) return false;
    throw error;
  }
}

function settingsOf(
  connection: Connection,
  { timeZone, pauseAfter, catchUp, ...others }: Omit<CreateFlags, 'config' | 'replace'>,
): ScheduleSettings {
  const written = { ...others, time_zone: timeZone, pause_after: pauseAfter, catch_up: catchUp };
  const given = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
  if (Object.keys(given).length > 0) return parseWith(scheduleSettings, given, 'the schedule', 'Correct the options.');
  if (connection.schedule) return connection.schedule;
  throw new ConfigError(
    `nothing says when ${connection.name} is to be copied`,
    '--every',
    'Give --every 1h, --at 06:30 or --cron "0 6 * * *".',
  );
}

/** Prints the schedules of the server. */
export function list({ json = false }: ListFlags): Promise<number> {
  return atServer(async ({ connection: { client } }) => {
    const schedules = await listSchedules(client);
    if (json) process.stdout.write(`${JSON.stringify({ schedules })}\n`);
    else if (schedules.length === 0) narrate('No schedules. `rollcall schedule create` makes one.');
    else {
      const now = new Date();
      const rows = schedules.map(({ connection, times, paused, next }) => {
        return [connection, times, paused === undefined ? (next ? moment(next.getTime(), now) : '') : 'paused'];
      });
      process.stdout.write(`${tableOf(['connection', 'copied', 'next run'], rows, 3)}\n`);
    }
  });
}

/** Prints a schedule and its last runs. */
export function show(name: string, { json = false, ...flags }: ShowFlags): Promise<number> {
  return atSchedule(name, flags, async ({ connection: { client } }) => {
    const schedule = await requireSchedule(client, name, firingsTold);
    const lines = json
      ? [JSON.stringify({ connection: name, schedule })]
      : [name, ...scheduleLines(name, schedule, new Date())];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}

export function trigger(name: string, flags: ControlFlags): Promise<number> {
  return atSchedule(name, flags, async ({ connection: { client } }) => {
    await triggerSchedule(client, name);
    narrate(`A run of ${name} begins now. \`rollcall status ${name}\` tells how it stands.`);
  });
}

/** Makes up for runs that were due in the past. */
export function backfill(name: string, { from, to, each = false, ...flags }: BackfillFlags): Promise<number> {
  const start = timeOf('--from', from);
  const end = to === undefined ? new Date() : timeOf('--to', to);
  if (end <= start) throw new ConfigError('--to is not later than --from', '--to', 'Name a later time.');
  return atSchedule(name, flags, async ({ connection: { client } }) => {
    await backfillSchedule(client, name, { start, end, each });
    const what = each ? 'A run for each time at which one was due begins' : 'A run for what was due begins';
    narrate(`${what} now. \`rollcall status ${name}\` tells how it stands.`);
  });
}

function timeOf(flag: string, written: string): Date {
  const time = normaliseTimestamp(written);
  if (time !== undefined) return new Date(time);
  throw new ConfigError(`${flag} is no date or time of ISO 8601`, flag, 'Write it as 2026-01-31 or 2026-01-31T06:00Z.');
}

/** Has no run begin until the schedule is resumed. */
export function pause(name: string, { reason, ...flags }: PauseFlags): Promise<number> {
  return atSchedule(name, flags, async ({ connection: { client } }) => {
    await pauseSchedule(client, name, reason);
    narrate(`The schedule of ${name} is paused. \`rollcall schedule resume ${name}\` goes on.`);
  });
}

export function resume(name: string, flags: ControlFlags): Promise<number> {
  return atSchedule(name, flags, async ({ connection: { client } }) => {
    await resumeSchedule(client, name);
    const { next } = await requireSchedule(client, name, 0);
    narrate(`The schedule of ${name} goes on; ${dueWords(next)}.`);
  });
}

/** Removes a schedule. */
export function remove(name: string, flags: ControlFlags): Promise<number> {
  return atSchedule(name, flags, async ({ connection: { client } }) => {
    await deleteSchedule(client, name);
    narrate(`${name} has no schedule any more. A run that is under way goes on.`);
  });
}

function dueWords(next: string | undefined): string {
  return next === undefined ? 'no run is due' : `the next run is due ${moment(next, new Date())}`;
}

/** A connection that the project's file does not name any more may have one still; one that was misspelt has none. */
async function atSchedule(
  name: string,
  { config }: ControlFlags,
  act: (session: Session) => Promise<void>,
): Promise<number> {
  try {
    return await atServer(act);
  } catch (error) {
    if (!(error instanceof NoSchedule)) throw error;
    const problem = await findConnection(name, { config }).catch((reason: unknown) => reason);
    throw problem instanceof ConfigError && problem.where === 'connections' ? problem : error;
  }
}

async function atServer(act: (session: Session) => Promise<void>): Promise<number> {
  if (!readProfile(processVariables())) {
    throw new ConfigError(
      'no Temporal server is named, and a schedule needs one that stays',
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to host:port, or name a Temporal profile; a `rollcall worker` there does the work.',
    );
  }
  const session = await openSession({ logDir: stateDirOf('.') });
  try {
    await act(session);
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}
