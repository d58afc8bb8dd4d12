import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleHandle,
  ScheduleNotFoundError,
  type ScheduleOptions,
} from '@temporalio/client';
import type { ScheduleSettings } from '../config/schedule-settings';
import { RollcallError } from '../errors';
import type { ScheduledInput } from '../workflows/contract';
import { scheduledSyncWorkflowName, toWorkflowId } from '../workflows/names';
import { buildScheduleSpec, describeTiming } from './schedule-spec';

/** The connection has no schedule. */
export class NoSchedule extends RollcallError {
  readonly failureType = 'config_error';
  constructor(connection: string) {
    super(
      `${connection} has no schedule.`,
      `Create one, for example with \`rollcall schedule create ${connection} --every 1h\`.`,
    );
  }
}

/** The connection already has a schedule. */
export class ScheduleExists extends RollcallError {
  readonly failureType = 'config_error';
  constructor(connection: string) {
    super(
      `${connection} already has a schedule; see \`rollcall schedule show ${connection}\`.`,
      'Use --replace to replace it.',
    );
  }
}

/** The server rejects the times of a schedule, for example an invalid cron expression. */
export class ScheduleRefused extends RollcallError {
  readonly failureType = 'config_error';
  constructor(reason: string) {
    super(
      `the Temporal server rejected the schedule: ${reason.replace(/^Invalid schedule spec: /, '')}.`,
      'Correct the times.',
    );
  }
}

/** A schedule has the id of the workflow that its runs start. */
export const toScheduleId = toWorkflowId;

const defaultPauseAfter = 3;
const defaultCatchUpMs = 3_600_000;
const overlapPolicies = { skip: 'SKIP', buffer_one: 'BUFFER_ONE' } as const;

export interface NewSchedule {
  connection: string;
  taskQueue: string;
  settings: ScheduleSettings;
}

function buildScheduleOptions({ connection, taskQueue, settings }: NewSchedule): ScheduleOptions {
  const { overlap = 'skip', catch_up: catchupWindow = defaultCatchUpMs, pause_after: after } = settings;
  return {
    scheduleId: toScheduleId(connection),
    spec: buildScheduleSpec(connection, settings),
    action: {
      type: 'startWorkflow',
      workflowType: scheduledSyncWorkflowName,
      workflowId: `scheduled/${connection}`,
      taskQueue,
      args: [{ connection, pauseAfter: after ?? defaultPauseAfter } satisfies ScheduledInput],
    },
    policies: { overlap: overlapPolicies[overlap], catchupWindow },
  };
}

/** Throws ScheduleExists, ScheduleRefused. */
export async function createSchedule(client: Client, schedule: NewSchedule): Promise<void> {
  try {
    await client.schedule.create(buildScheduleOptions(schedule));
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) throw new ScheduleExists(schedule.connection);
    throw toScheduleError(error);
  }
}

/** Replaces the settings of a schedule. Its pause, counters and recent runs stay. Throws NoSchedule, ScheduleRefused. */
export async function replaceSchedule(client: Client, schedule: NewSchedule): Promise<void> {
  const { scheduleId: _, ...options } = buildScheduleOptions(schedule);
  await withSchedule(client, schedule.connection, (handle) =>
    handle
      .update(({ state }) => ({ ...options, state }))
      .catch((error: unknown) => {
        throw toScheduleError(error);
      }),
  );
}

/** Starts a run now, unless a run of the schedule is in progress. Throws NoSchedule. */
export function triggerSchedule(client: Client, connection: string): Promise<void> {
  return withSchedule(client, connection, (handle) => handle.trigger());
}

/**
 * Runs what was due between two times: one run for all of them, or one run for each, one after the other. Throws NoSchedule.
 */
export function backfillSchedule(
  client: Client,
  connection: string,
  { start, end, oneRunEach }: { start: Date; end: Date; oneRunEach: boolean },
): Promise<void> {
  return withSchedule(client, connection, (handle) =>
    handle.backfill({ start, end, overlap: oneRunEach ? 'BUFFER_ALL' : 'SKIP' }),
  );
}

/** Throws NoSchedule. */
export function pauseSchedule(client: Client, connection: string, reason: string): Promise<void> {
  return withSchedule(client, connection, (handle) => handle.pause(reason));
}

/** Throws NoSchedule. */
export function resumeSchedule(client: Client, connection: string): Promise<void> {
  return withSchedule(client, connection, (handle) => handle.unpause('resumed by a user'));
}

/** A run in progress continues. Throws NoSchedule. */
export function deleteSchedule(client: Client, connection: string): Promise<void> {
  return withSchedule(client, connection, (handle) => handle.delete());
}

/** A schedule in a list. */
export interface ListedSchedule {
  connection: string;
  /** See describeTiming. */
  timing: string;
  /** Absent when it is not paused. */
  pauseReason?: string;
  /** When the next run is due. */
  nextRunAt?: Date;
}

/** The server's schedules of syncs, sorted by connection. */
export async function listSchedules(client: Client): Promise<ListedSchedule[]> {
  const found: ListedSchedule[] = [];
  const prefix = toScheduleId('');
  for await (const { scheduleId, action, spec, state, info } of client.schedule.list()) {
    if (action?.workflowType !== scheduledSyncWorkflowName || !scheduleId.startsWith(prefix)) continue;
    const [nextRunAt] = info.nextActionTimes;
    found.push({
      connection: scheduleId.slice(prefix.length),
      timing: spec ? describeTiming(spec) : '',
      ...(state.paused && { pauseReason: state.note ?? '' }),
      ...(nextRunAt && !state.paused && { nextRunAt }),
    });
  }
  return found.sort((one, other) => (one.connection < other.connection ? -1 : 1));
}

async function withSchedule<Result>(
  client: Client,
  connection: string,
  act: (handle: ScheduleHandle) => Promise<Result>,
): Promise<Result> {
  try {
    return await act(client.schedule.getHandle(toScheduleId(connection)));
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) throw new NoSchedule(connection);
    throw error;
  }
}

/** gRPC's INVALID_ARGUMENT refers to the times. */
function toScheduleError(error: unknown): unknown {
  const cause = (error as { cause?: { code?: number; message: string } }).cause;
  return cause?.code === 3 ? new ScheduleRefused(cause.message) : error;
}
