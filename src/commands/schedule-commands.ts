import type { Client } from '@temporalio/client';
import type { CommandContext, ConnectionCommand } from '../app/command-context';
import { findConnection } from '../app/connection';
import { getStateDir } from '../app/project-folder';
import { openSession } from '../app/session';
import { readEnvironment } from '../config/environment';
import { parseWithSchema } from '../config/problems';
import type { Connection } from '../config/project';
import { scheduleSettings, type ScheduleSettings } from '../config/schedule-settings';
import { ConfigError, exitCodes } from '../errors';
import { defined } from '../json';
import type { TemporalConnection } from '../temporal/connection';
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

/** The server remembers no more. */
const maxRunsShown = 10;

/** Creates the schedule of a connection, or replaces it. */
export const runScheduleCreate: ConnectionCommand<ScheduleCreateFlags> = async (
  name,
  { config, replace = false, ...flags },
  context,
) => {
  const connection = await findConnection(name, { config }, context);
  const settings = readScheduleSettings(connection, flags);
  const { taskQueue } = readEnvironment(context);
  return withServer(context, async (temporal) => {
    const { client } = temporal;
    const schedule = { connection: name, taskQueue, settings };
    if (!replace || !(await tryReplaceSchedule(client, schedule))) await createSchedule(client, schedule);
    const { timing, nextRunAt, paused } = await requireScheduleStatus(client, name, 0);
    const next = paused
      ? `paused; resume it with \`rollcall schedule resume ${name}\``
      : formatNextRun(nextRunAt, context);
    context.log.info(`Schedule of ${name}: ${timing}; ${next}.`);
    if (!(await hasWorkers(temporal, taskQueue))) {
      const { message, nextStep } = describeMissingWorkers(taskQueue);
      context.log.info(`${message} ${nextStep}`);
    }
  });
};

/** False when there is no schedule to replace. */
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
  const given = defined({ ...others, time_zone: timeZone, pause_after: pauseAfter, catch_up: catchUp });
  if (Object.keys(given).length > 0) {
    return parseWithSchema(scheduleSettings, given, {
      subject: 'the schedule',
      nextStep: 'Correct the options. A schedule needs one of --every, --cron and --at.',
      describePath: (path) => (path === '' ? '' : `--${path.replace(/\[\d+\]/, '').replaceAll('_', '-')}`),
    });
  }
  if (connection.schedule) return connection.schedule;
  throw new ConfigError(
    `no schedule is given for ${connection.name}`,
    '--every',
    'Pass --every 1h, --at 06:30 or --cron "0 6 * * *", or add `schedule` to the connection.',
  );
}

export function runScheduleList({ json = false }: ScheduleListFlags, context: CommandContext): Promise<number> {
  return withServer(context, async ({ client }) => {
    const schedules = await listSchedules(client);
    if (json) context.stdout.write(`${JSON.stringify({ schedules })}\n`);
    else if (schedules.length === 0) context.log.info('No schedules. Create one with `rollcall schedule create`.');
    else {
      const now = new Date(context.now());
      const rows = schedules.map(({ connection, timing, pauseReason, nextRunAt }) => {
        const next = nextRunAt ? formatMoment(nextRunAt.getTime(), now) : '';
        return [connection, timing, pauseReason === undefined ? next : 'paused'];
      });
      context.stdout.write(`${formatTable(['connection', 'schedule', 'next run'], rows, 3)}\n`);
    }
  });
}

/** Prints a schedule and its last runs. */
export const runScheduleShow: ConnectionCommand<ScheduleShowFlags> = (name, { json = false, ...flags }, context) => {
  return withSchedule(name, flags, context, async (client) => {
    const schedule = await requireScheduleStatus(client, name, maxRunsShown);
    const lines = json
      ? [JSON.stringify({ connection: name, schedule })]
      : [name, ...formatScheduleStatus(name, schedule, new Date(context.now()))];
    context.stdout.write(`${lines.join('\n')}\n`);
  });
};

export const runScheduleTrigger: ConnectionCommand<ControlFlags> = (name, flags, context) => {
  return withSchedule(name, flags, context, async (client) => {
    await triggerSchedule(client, name);
    context.log.info(`Started a run of ${name}. Follow it with \`rollcall status ${name}\`.`);
  });
};

/** Starts a run for runs that were due in the past. */
export const runScheduleBackfill: ConnectionCommand<ScheduleBackfillFlags> = (
  name,
  { from, to, each = false, ...flags },
  context,
) => {
  const start = parseTimeOption('--from', from);
  const end = to === undefined ? new Date(context.now()) : parseTimeOption('--to', to);
  if (end <= start) throw new ConfigError('--to must be later than --from', '--to', 'Pass a later time.');
  return withSchedule(name, flags, context, async (client) => {
    await backfillSchedule(client, name, { start, end, oneRunEach: each });
    const what = each ? 'Started one run per due time' : 'Started one run';
    context.log.info(`${what}. Follow it with \`rollcall status ${name}\`.`);
  });
};

function parseTimeOption(option: string, text: string): Date {
  const time = normaliseTimestamp(text);
  if (time !== undefined) return new Date(time);
  throw new ConfigError(
    `${option} is not an ISO 8601 date or time`,
    option,
    'Use a form such as 2026-01-31 or 2026-01-31T06:00Z.',
  );
}

/** Pauses a schedule. Without a reason, that of an earlier pause remains. */
export const runSchedulePause: ConnectionCommand<PauseFlags> = (name, { reason, ...flags }, context) => {
  return withSchedule(name, flags, context, async (client) => {
    const current = reason ?? (await requireScheduleStatus(client, name, 0)).pauseReason;
    await pauseSchedule(client, name, current ?? defaultPauseReason);
    context.log.info(`Paused the schedule of ${name}. Resume it with \`rollcall schedule resume ${name}\`.`);
  });
};

export const runScheduleResume: ConnectionCommand<ControlFlags> = (name, flags, context) => {
  return withSchedule(name, flags, context, async (client) => {
    await resumeSchedule(client, name);
    const { nextRunAt } = await requireScheduleStatus(client, name, 0);
    context.log.info(`Resumed the schedule of ${name}; ${formatNextRun(nextRunAt, context)}.`);
  });
};

export const runScheduleDelete: ConnectionCommand<ControlFlags> = (name, flags, context) => {
  return withSchedule(name, flags, context, async (client) => {
    await deleteSchedule(client, name);
    context.log.info(`Deleted the schedule of ${name}. A run in progress continues.`);
  });
};

function formatNextRun(nextRunAt: string | undefined, { now }: CommandContext): string {
  return nextRunAt === undefined ? 'no run is scheduled' : `next run: ${formatMoment(nextRunAt, new Date(now()))}`;
}

/**
 * Works on the schedule of a connection, which the project file need not contain any more. Without a schedule, a name
 * that the file does not contain is reported as such.
 */
async function withSchedule(
  name: string,
  { config }: ControlFlags,
  context: CommandContext,
  work: (client: Client) => Promise<void>,
): Promise<number> {
  try {
    return await withServer(context, ({ client }) => work(client));
  } catch (error) {
    if (!(error instanceof NoSchedule)) throw error;
    const problem = await findConnection(name, { config }, context).catch((reason: unknown) => reason);
    throw problem instanceof ConfigError && problem.where === 'connections' ? problem : error;
  }
}

async function withServer(
  context: CommandContext,
  work: (temporal: TemporalConnection) => Promise<void>,
): Promise<number> {
  if (!readProfile(context.env)) {
    throw new ConfigError(
      'no Temporal server is configured; schedules need a permanent server',
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to host:port or select a Temporal profile, and run a `rollcall worker` on that server.',
    );
  }
  const session = await openSession({ logDir: getStateDir(context.cwd) }, context);
  try {
    await work(session.connection);
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}
