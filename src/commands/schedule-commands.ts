import type { CommandContext } from '../app/command-context';
import { findConnection } from '../app/connection';
import { getStateDir } from '../app/project-folder';
import { openSession, type Session } from '../app/session';
import { readEnvironment } from '../config/environment';
import { parseWithSchema } from '../config/problems';
import type { Connection } from '../config/project';
import { scheduleSettings, type ScheduleSettings } from '../config/schedule-settings';
import { ConfigError, exitCodes } from '../errors';
import { readProfile } from '../temporal/profile';
import { requireScheduleStatus } from '../temporal/run-status';
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
import { describeMissingWorkers, hasWorkers } from '../temporal/worker';
import { normaliseTimestamp } from '../timestamp';
import { type ControlFlags, defaultPauseReason, type PauseFlags } from './control-commands';
import { formatScheduleStatus } from './terminal/status-text';
import { formatMoment, formatTable } from './terminal/text';

export interface ScheduleCreateFlags extends ControlFlags {
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
export interface ScheduleListFlags {
  json?: boolean;
}
export type ScheduleShowFlags = ControlFlags & ScheduleListFlags;
export type ScheduleBackfillFlags = ControlFlags & { from: string; to?: string; each?: boolean };

/** As many as the server remembers. */
const maxRunsShown = 10;

/** Has a connection copied at certain times. */
export async function runScheduleCreate(
  name: string,
  { config, replace = false, ...flags }: ScheduleCreateFlags,
  context: CommandContext,
): Promise<number> {
  const connection = await findConnection(name, { config }, context);
  const settings = readScheduleSettings(connection, flags);
  return withServerSession(context, async ({ connection: temporal }) => {
    const { taskQueue } = readEnvironment(context);
    const schedule = { connection: name, taskQueue, settings };
    const isNew = !(replace && (await tryReplaceSchedule(temporal.client, schedule)));
    if (isNew) await createSchedule(temporal.client, schedule);
    const { timing, nextRunAt, paused } = await requireScheduleStatus(temporal.client, name, 0);
    const due = paused
      ? `the schedule is paused; resume it with \`rollcall schedule resume ${name}\``
      : formatNextRun(nextRunAt);
    context.log.info(`${name} is copied ${timing}; ${due}.`);
    if (!(await hasWorkers(temporal, taskQueue))) {
      const { message, nextStep } = describeMissingWorkers(taskQueue);
      context.log.info(`${message} ${nextStep}`);
    }
  });
}

/** Whether there was one to be replaced. */
async function tryReplaceSchedule(...[client, schedule]: Parameters<typeof replaceSchedule>): Promise<boolean> {
  try {
    await replaceSchedule(client, schedule);
    return true;
  } catch (error) {
    if (error instanceof NoSchedule) return false;
    throw error;
  }
}

function readScheduleSettings(
  connection: Connection,
  { timeZone, pauseAfter, catchUp, ...others }: Omit<ScheduleCreateFlags, 'config' | 'replace'>,
): ScheduleSettings {
  const written = { ...others, time_zone: timeZone, pause_after: pauseAfter, catch_up: catchUp };
  const given = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
  if (Object.keys(given).length > 0)
    return parseWithSchema(scheduleSettings, given, 'the schedule', 'Correct the options.');
  if (connection.schedule) return connection.schedule;
  throw new ConfigError(
    `no schedule is given for ${connection.name}`,
    '--every',
    'Pass --every 1h, --at 06:30 or --cron "0 6 * * *", or add `schedule` to the connection.',
  );
}

/** Prints the schedules of the server. */
export function runScheduleList({ json = false }: ScheduleListFlags, context: CommandContext): Promise<number> {
  return withServerSession(context, async ({ connection: { client } }) => {
    const schedules = await listSchedules(client);
    if (json) context.stdout.write(`${JSON.stringify({ schedules })}\n`);
    else if (schedules.length === 0) context.log.info('No schedules. Create one with `rollcall schedule create`.');
    else {
      const now = new Date();
      const rows = schedules.map(({ connection, timing, pauseReason, nextRunAt }) => {
        return [
          connection,
          timing,
          pauseReason === undefined ? (nextRunAt ? formatMoment(nextRunAt.getTime(), now) : '') : 'paused',
        ];
      });
      context.stdout.write(`${formatTable(['connection', 'copied', 'next run'], rows, 3)}\n`);
    }
  });
}

/** Prints a schedule and its last runs. */
export function runScheduleShow(
  name: string,
  { json = false, ...flags }: ScheduleShowFlags,
  context: CommandContext,
): Promise<number> {
  return withScheduleSession(name, flags, context, async ({ connection: { client } }) => {
    const schedule = await requireScheduleStatus(client, name, maxRunsShown);
    const lines = json
      ? [JSON.stringify({ connection: name, schedule })]
      : [name, ...formatScheduleStatus(name, schedule, new Date())];
    context.stdout.write(`${lines.join('\n')}\n`);
  });
}

export function runScheduleTrigger(name: string, flags: ControlFlags, context: CommandContext): Promise<number> {
  return withScheduleSession(name, flags, context, async ({ connection: { client } }) => {
    await triggerSchedule(client, name);
    context.log.info(`Started a run of ${name}. Follow it with \`rollcall status ${name}\`.`);
  });
}

/** Makes up for runs that were due in the past. */
export function runScheduleBackfill(
  name: string,
  { from, to, each = false, ...flags }: ScheduleBackfillFlags,
  context: CommandContext,
): Promise<number> {
  const start = parseTimeFlag('--from', from);
  const end = to === undefined ? new Date() : parseTimeFlag('--to', to);
  if (end <= start) throw new ConfigError('--to must be later than --from', '--to', 'Pass a later time.');
  return withScheduleSession(name, flags, context, async ({ connection: { client } }) => {
    await backfillSchedule(client, name, { start, end, each });
    const what = each ? 'Started one run per due time' : 'Started one run';
    context.log.info(`${what}. Follow it with \`rollcall status ${name}\`.`);
  });
}

function parseTimeFlag(flag: string, written: string): Date {
  const time = normaliseTimestamp(written);
  if (time !== undefined) return new Date(time);
  throw new ConfigError(
    `${flag} is not an ISO 8601 date or time`,
    flag,
    'Use a form such as 2026-01-31 or 2026-01-31T06:00Z.',
  );
}

/** Has no run begin until the schedule is resumed. */
export function runSchedulePause(
  name: string,
  { reason, ...flags }: PauseFlags,
  context: CommandContext,
): Promise<number> {
  return withScheduleSession(name, flags, context, async ({ connection: { client } }) => {
    const current = reason ?? (await requireScheduleStatus(client, name, 0)).pauseReason;
    await pauseSchedule(client, name, current ?? defaultPauseReason);
    context.log.info(`Paused the schedule of ${name}. Resume it with \`rollcall schedule resume ${name}\`.`);
  });
}

export function runScheduleResume(name: string, flags: ControlFlags, context: CommandContext): Promise<number> {
  return withScheduleSession(name, flags, context, async ({ connection: { client } }) => {
    await resumeSchedule(client, name);
    const { nextRunAt } = await requireScheduleStatus(client, name, 0);
    context.log.info(`The schedule of ${name} goes on; ${formatNextRun(nextRunAt)}.`);
  });
}

/** Removes a schedule. */
export function runScheduleDelete(name: string, flags: ControlFlags, context: CommandContext): Promise<number> {
  return withScheduleSession(name, flags, context, async ({ connection: { client } }) => {
    await deleteSchedule(client, name);
    context.log.info(`Deleted the schedule of ${name}. A run in progress continues.`);
  });
}

function formatNextRun(next: string | undefined): string {
  return next === undefined ? 'no run is due' : `the next run is due ${formatMoment(next, new Date())}`;
}

/** A connection that the project's file does not name any more may have one still; one that was misspelt has none. */
async function withScheduleSession(
  name: string,
  { config }: ControlFlags,
  context: CommandContext,
  act: (session: Session) => Promise<void>,
): Promise<number> {
  try {
    return await withServerSession(context, act);
  } catch (error) {
    if (!(error instanceof NoSchedule)) throw error;
    const problem = await findConnection(name, { config }, context).catch((reason: unknown) => reason);
    throw problem instanceof ConfigError && problem.where === 'connections' ? problem : error;
  }
}

async function withServerSession(context: CommandContext, act: (session: Session) => Promise<void>): Promise<number> {
  if (!readProfile(context.env)) {
    throw new ConfigError(
      'no Temporal server is configured; schedules need a permanent server',
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to host:port or select a Temporal profile, and run a `rollcall worker` on that server.',
    );
  }
  const session = await openSession({ logDir: getStateDir(context.cwd) }, context);
  try {
    await act(session);
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}
