import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import {
  type Client,
  type ScheduleDescription,
  type ScheduleExecutionResult,
  ScheduleNotFoundError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { sleep, withTimeout } from '../async';
import { defined } from '../json';
import type { ScheduledInput, ScheduledResult, StreamProgress, SyncResult } from '../workflows/contract';
import { toWorkflowId } from '../workflows/names';
import { sumRecords } from '../workflows/results';
import type { TemporalConnection } from './connection';
import { describeTiming } from './schedule-spec';
import { NoSchedule, toScheduleId } from './schedules';
import { findNewestRun, getRun, SyncCancelled, SyncFailed } from './sync-run';

/** A sync in progress. Times are ISO 8601. */
interface RunInProgress {
  state: 'running' | 'paused';
  startedAt: string;
  /** Whether its schedule started it. */
  scheduled: boolean;
  /** Why it is paused. */
  pauseReason?: string;
  /** Absent while no worker responds. */
  streams?: StreamProgress[];
}

/** The newest sync, which has ended. Times are ISO 8601. */
interface EndedRun {
  state: SyncResult['status'] | 'cancelled' | 'terminated';
  startedAt: string;
  endedAt: string;
  scheduled: boolean;
  /** The sync's verdict, or what went wrong. */
  verdict: string;
  /** Records delivered; absent when the sync has no result. */
  records?: number;
}

export type RunStatus = RunInProgress | EndedRun;

/** A run that a schedule started. */
export interface ScheduledRun {
  /** When it was due, ISO 8601. */
  dueAt: string;
  /** `unknown`: the server's retention period has passed. */
  outcome: 'running' | 'terminated' | 'unknown' | ScheduledResult['outcome'];
  verdict?: string;
  records?: number;
  /** See ScheduledResult. */
  blockedByRunSince?: string;
}

/** Times are ISO 8601. */
export interface ScheduleStatus {
  /** See describeTiming. */
  timing: string;
  paused: boolean;
  /** Why it is paused. */
  pauseReason?: string;
  /** Absent while the schedule is paused. */
  nextRunAt?: string;
  /** Consecutive failed runs after which the schedule is paused; 0: never. */
  pauseAfter: number;
  /** Runs skipped because the previous one was in progress, since the schedule was created. */
  skippedRuns: number;
  /** Runs that could not start within the catch-up time, since the schedule was created. */
  missedRuns: number;
  catchUpMs: number;
  /** Newest first. */
  recentRuns: ScheduledRun[];
}

/**
 * The status of a connection's newest sync; undefined when the server has none.
 * @param queryTimeoutMs how long to wait for a worker
 */
export async function readRunStatus(
  client: Client,
  connection: string,
  queryTimeoutMs = 4_000,
): Promise<RunStatus | undefined> {
  const run = await findNewestRun(client, connection);
  if (!run) return undefined;
  const common = { startedAt: run.startTime.toISOString(), scheduled: run.parentExecution !== undefined };
  const handle = getRun(client, connection, run.runId);
  if (run.status.name === 'RUNNING') {
    const progress = handle.progress().catch(() => undefined);
    const streams = await withTimeout(progress, queryTimeoutMs);
    const pauseReason = streams?.find(({ pauseReason }) => pauseReason !== undefined)?.pauseReason;
    const state = pauseReason === undefined ? 'running' : 'paused';
    return { ...common, state, ...defined({ pauseReason, streams }) };
  }
  const endedAt = (run.closeTime ?? run.startTime).toISOString();
  return { ...common, endedAt, ...(await readRunEnd(handle.result(), run)) };
}

async function readRunEnd(
  result: Promise<SyncResult>,
  { status }: WorkflowExecutionDescription,
): Promise<Pick<EndedRun, 'state' | 'verdict' | 'records'>> {
  try {
    const { status: state, verdict, streams } = await result;
    return { state, verdict, records: sumRecords(streams) };
  } catch (error) {
    if (error instanceof SyncCancelled) return { state: 'cancelled', verdict: 'cancelled by a user' };
    if (error instanceof SyncFailed) return { state: 'failed', verdict: error.message };
    if (!(error instanceof TemporalFailure || error instanceof WorkflowFailedError)) throw error;
    return { state: 'terminated', verdict: `workflow ${status.name.toLowerCase().replace('_', ' ')}` };
  }
}

/** The status of a connection's schedule, with its most recent runs; undefined when it has none. */
export async function readScheduleStatus(
  client: Client,
  connection: string,
  maxRuns: number,
): Promise<ScheduleStatus | undefined> {
  const schedule = await findSchedule(client, connection);
  if (!schedule) return undefined;
  const { state, info, spec, action, policies } = schedule;
  const [next] = info.nextActionTimes;
  const recent = info.recentActions.slice(-maxRuns).reverse();
  const [input] = (action.args ?? []) as [ScheduledInput?];
  return {
    timing: describeTiming(spec),
    paused: state.paused,
    ...(state.paused && state.note && { pauseReason: state.note }),
    ...(next && !state.paused && { nextRunAt: next.toISOString() }),
    pauseAfter: input?.pauseAfter ?? 0,
    skippedRuns: info.numActionsSkippedOverlap,
    missedRuns: info.numActionsMissedCatchupWindow,
    catchUpMs: policies.catchupWindow,
    recentRuns: await Promise.all(recent.map((each) => toScheduledRun(client, each))),
  };
}

/** As `readScheduleStatus`. Throws NoSchedule when there is none. */
export async function requireScheduleStatus(
  client: Client,
  connection: string,
  maxRuns: number,
): Promise<ScheduleStatus> {
  const status = await readScheduleStatus(client, connection, maxRuns);
  if (!status) throw new NoSchedule(connection);
  return status;
}

async function findSchedule(client: Client, connection: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(toScheduleId(connection)).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

async function toScheduledRun(client: Client, { scheduledAt, action }: ScheduleExecutionResult): Promise<ScheduledRun> {
  const { workflowId, firstExecutionRunId } = action.workflow;
  const handle = client.workflow.getHandle(workflowId, firstExecutionRunId);
  const dueAt = scheduledAt.toISOString();
  function toRun({ consecutiveFailures: _, ...outcome }: ScheduledResult): ScheduledRun {
    return { dueAt, ...outcome };
  }
  try {
    const { status } = await handle.describe();
    return status.name === 'RUNNING'
      ? { dueAt, outcome: 'running' }
      : toRun((await handle.result()) as ScheduledResult);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { dueAt, outcome: 'unknown' };
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (!(cause instanceof ApplicationFailure)) return { dueAt, outcome: 'terminated' };
    const result = cause.details?.[0] as ScheduledResult | undefined;
    return result ? toRun(result) : { dueAt, outcome: 'failed', verdict: cause.message };
  }
}

/** Most runs of one page of the visibility API. */
const maxRunsPerQuery = 1_000;
/** Visibility may list a closed run late. */
const visibilityDelayMs = 120_000;

/**
 * Reads the time of each connection's last complete sync: the runs that have closed since the last call, by one query, and one
 * more for each connection that is new. Throws when the server does not answer.
 * @returns by connection, epoch ms; 0 without a complete sync within the namespace's retention period
 */
type ReadLastSyncTimes = (connections: readonly string[]) => Promise<ReadonlyMap<string, number>>;

/** An incomplete sync fails, so a completed workflow is a complete sync. */
const completedSyncsQuery = "WorkflowType = 'syncWorkflow' AND ExecutionStatus = 'Completed'";

/**
 * @param taskQueue of the worker: connections of other projects may have the same names
 * @param queryIntervalMs pause between queries: a server allows 10 a second by default, for all clients
 */
export function createLastSyncReader(
  { client, namespace }: TemporalConnection,
  taskQueue: string,
  queryIntervalMs = 200,
): ReadLastSyncTimes {
  const ended = new Map<string, number>();
  let newest = 0;

  async function ask(condition: string, pageSize: number): Promise<void> {
    const query = `${completedSyncsQuery} AND TaskQueue = '${taskQueue}'${condition}`;
    const { executions } = await client.workflowService.listWorkflowExecutions({ namespace, pageSize, query });
    for (const { execution, closeTime } of executions) {
      const id = execution?.workflowId ?? '';
      const at = Number(closeTime?.seconds ?? 0) * 1_000 + (closeTime?.nanos ?? 0) / 1e6;
      ended.set(id, Math.max(at, ended.get(id) ?? 0));
      newest = Math.max(newest, at);
    }
  }

  return async (connections) => {
    const since = new Date(newest - visibilityDelayMs).toISOString();
    await ask(newest === 0 ? '' : ` AND CloseTime > '${since}'`, maxRunsPerQuery);
    for (const id of connections.map(toWorkflowId).filter((each) => !ended.has(each))) {
      await sleep(queryIntervalMs);
      await ask(` AND WorkflowId = '${id}'`, 1);
      // The query above lists any run that closes from now on.
      if (!ended.has(id)) ended.set(id, 0);
    }
    return new Map(connections.map((name) => [name, ended.get(toWorkflowId(name)) ?? 0]));
  };
}
