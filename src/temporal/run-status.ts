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
import type { ScheduledInput, ScheduledResult, StreamProgress, SyncResult } from '../workflows/contract';
import { toWorkflowId } from '../workflows/names';
import { sumRecords } from '../workflows/results';
import type { TemporalConnection } from './connection';
import { describeTiming } from './schedule-spec';
import { NoSchedule, toScheduleId } from './schedules';
import { findNewestRun, getRun, SyncCancelled, SyncFailed } from './sync-run';

/** A sync under way. Times are ISO 8601. */
interface RunInProgress {
  state: 'running' | 'paused';
  startedAt: string;
  /** Whether its schedule has begun it. */
  scheduled: boolean;
  /** Why it is paused. */
  pauseReason?: string;
  /** Where its streams stand; absent while no worker answers. */
  streams?: StreamProgress[];
}

/** The newest sync, which has ended. Times are ISO 8601. */
interface EndedRun {
  state: SyncResult['status'] | 'cancelled' | 'terminated';
  startedAt: string;
  endedAt: string;
  scheduled: boolean;
  /** How whole the copy is, or what went wrong: a phrase for people. */
  verdict: string;
  /** Records delivered; absent when it ended without a result. */
  records?: number;
}

export type RunStatus = RunInProgress | EndedRun;

/** A run that a schedule has begun. */
export interface ScheduledRun {
  /** When it was due, ISO 8601. */
  dueAt: string;
  /** `unknown`: the server has forgotten it. */
  outcome: 'running' | 'terminated' | 'unknown' | ScheduledResult['outcome'];
  verdict?: string;
  records?: number;
  /** See ScheduledResult. */
  blockedByRunSince?: string;
}

/** Times are ISO 8601. */
export interface ScheduleStatus {
  /** When its runs are due, in words. */
  timing: string;
  paused: boolean;
  /** Why it is paused. */
  pauseReason?: string;
  /** When its next run is due; absent while it is paused. */
  nextRunAt?: string;
  /** Failed runs in a row after which it pauses itself; 0: never. */
  pauseAfter: number;
  /** Runs that were due while the schedule's last one was under way, since the schedule was made. */
  skippedRuns: number;
  /** Runs that could not be begun within the time to catch up, since the schedule was made. */
  missedRuns: number;
  catchUpMs: number;
  /** The newest first. */
  recentRuns: ScheduledRun[];
}

/** How long a query may wait for a worker. */
const queryTimeoutMs = 4_000;

/** How the newest sync of a connection stands; undefined when the server remembers none. */
export async function readRunStatus(client: Client, connection: string): Promise<RunStatus | undefined> {
  const run = await findNewestRun(client, connection);
  if (!run) return undefined;
  const common = { startedAt: run.startTime.toISOString(), scheduled: run.parentExecution !== undefined };
  const handle = getRun(client, connection, run.runId);
  if (run.status.name === 'RUNNING') {
    const streams = await withTimeout(
      handle.progress().catch(() => undefined),
      queryTimeoutMs,
    );
    const pauseReason = streams?.find(({ pauseReason }) => pauseReason !== undefined)?.pauseReason;
    const state = pauseReason === undefined ? 'running' : 'paused';
    return { ...common, state, ...(pauseReason !== undefined && { pauseReason }), ...(streams && { streams }) };
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

/** How the schedule of a connection stands, with its last `count` runs; undefined when it has none. */
export async function readScheduleStatus(
  client: Client,
  connection: string,
  maxRuns: number,
): Promise<ScheduleStatus | undefined> {
  const schedule = await findSchedule(client, connection);
  if (!schedule) return undefined;
  const { state, info, spec, action, policies } = schedule;
  const [next] = info.nextActionTimes;
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
    recentRuns: await Promise.all(
      info.recentActions
        .slice(-maxRuns)
        .reverse()
        .map((firing) => toScheduledRun(client, firing)),
    ),
  };
}

/** As `scheduleStanding`, for who expects a schedule. Throws NoSchedule. */
export async function requireScheduleStatus(
  client: Client,
  connection: string,
  maxRuns: number,
): Promise<ScheduleStatus> {
  const standing = await readScheduleStatus(client, connection, maxRuns);
  if (!standing) throw new NoSchedule(connection);
  return standing;
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
  return {
    dueAt: scheduledAt.toISOString(),
    ...(await readScheduledRunEnd(client.workflow.getHandle(workflowId, firstExecutionRunId))),
  };
}

async function readScheduledRunEnd(
  handle: ReturnType<Client['workflow']['getHandle']>,
): Promise<Omit<ScheduledRun, 'dueAt'>> {
  try {
    const { status } = await handle.describe();
    if (status.name === 'RUNNING') return { outcome: 'running' };
    const { consecutiveFailures: _, ...told } = (await handle.result()) as ScheduledResult;
    return told;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { outcome: 'unknown' };
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (!(cause instanceof ApplicationFailure)) return { outcome: 'terminated' };
    const told = cause.details?.[0] as ScheduledResult | undefined;
    if (!told) return { outcome: 'failed', verdict: cause.message };
    const { consecutiveFailures: _, ...result } = told;
    return result;
  }
}

/** Closed runs that are asked for at once; a page of visibility holds no more. */
const maxRunsPerQuery = 1_000;
/** Servers answer few questions of this kind a second, 10 by default, and others have some as well. */
const queryIntervalMs = 200;
/** Visibility may show an end late. */
const visibilityDelayMs = 120_000;

/** When each connection was last copied completely. */
export interface LastSyncTimes {
  /**
   * Asks Temporal what has ended since it was last asked: one question, and one more for each connection of which nothing is
   * known yet. Throws when the server does not answer.
   * @returns by connection, epoch ms; 0 where no complete sync is within the namespace's retention
   */
  refresh(connections: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** A sync that left anything out has failed, so that the completed ones are the complete ones. */
const completedSyncsQuery = "WorkflowType = 'syncWorkflow' AND ExecutionStatus = 'Completed'";

/** @param taskQueue of the worker: connections of other projects may have the same names */
export function createLastSyncTimes({ client, namespace }: TemporalConnection, taskQueue: string): LastSyncTimes {
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

  return {
    async refresh(connections) {
      await ask(
        newest === 0 ? '' : ` AND CloseTime > '${new Date(newest - visibilityDelayMs).toISOString()}'`,
        maxRunsPerQuery,
      );
      const ids = connections.map(toWorkflowId);
      for (const id of ids.filter((each) => !ended.has(each))) {
        await sleep(queryIntervalMs);
        await ask(` AND WorkflowId = '${id}'`, 1);
        // Whatever ends from now on, the question above shows.
        if (!ended.has(id)) ended.set(id, 0);
      }
      return new Map(connections.map((name) => [name, ended.get(toWorkflowId(name)) ?? 0]));
    },
  };
}
