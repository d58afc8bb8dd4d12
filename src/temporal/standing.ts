import { setTimeout as sleep } from 'node:timers/promises';
import {
  ScheduleNotFoundError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type ScheduleDescription,
  type ScheduleExecutionResult,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import type { ScheduledInput, ScheduledResult, StreamProgress, SyncResult } from '../workflows/contract';
import { wordsOf } from './schedule-spec';
import { NoSchedule, scheduleIdOf } from './schedules';
import { findRun, runOf, SyncCancelled, SyncFailed } from './sync-run';

/** A sync under way. Times are ISO 8601. */
interface RunUnderWay {
  state: 'running' | 'paused';
  since: string;
  /** Whether its schedule has begun it. */
  scheduled: boolean;
  /** Why it is paused. */
  reason?: string;
  /** Where its streams stand; absent while no worker answers. */
  streams?: StreamProgress[];
}

/** The newest sync, which has ended. Times are ISO 8601. */
interface RunEnded {
  state: SyncResult['status'] | 'cancelled' | 'terminated';
  since: string;
  ended: string;
  scheduled: boolean;
  /** How whole the copy is, or what went wrong: a phrase for people. */
  verdict: string;
  /** Records delivered; absent when it ended without a result. */
  rows?: number;
}

export type RunStanding = RunUnderWay | RunEnded;

/** A run that a schedule has begun. */
export interface Firing {
  /** When it was due, ISO 8601. */
  at: string;
  /** `unknown`: the server has forgotten it. */
  outcome: 'running' | 'terminated' | 'unknown' | ScheduledResult['outcome'];
  verdict?: string;
  rows?: number;
  /** See ScheduledResult. */
  busySince?: string;
}

/** Times are ISO 8601. */
export interface ScheduleStanding {
  /** When its runs are due, in words. */
  times: string;
  paused: boolean;
  /** Why it is paused. */
  reason?: string;
  /** When its next run is due; absent while it is paused. */
  next?: string;
  /** Failed runs in a row after which it pauses itself; 0: never. */
  pauseAfter: number;
  /** Runs that were due while the schedule's last one was under way, since the schedule was made. */
  skippedForOverlap: number;
  /** Runs that could not be begun within the time to catch up, since the schedule was made. */
  missed: number;
  catchUpMs: number;
  /** The newest first. */
  firings: Firing[];
}

/** How long a query may wait for a worker. */
const patienceMs = 4_000;

/** How the newest sync of a connection stands; undefined when the server remembers none. */
export async function runStanding(client: Client, connection: string): Promise<RunStanding | undefined> {
  const run = await findRun(client, connection);
  if (!run) return undefined;
  const common = { since: run.startTime.toISOString(), scheduled: run.parentExecution !== undefined };
  const handle = runOf(client, connection, run.runId);
  if (run.status.name === 'RUNNING') {
    const streams = await within(patienceMs, handle.progress());
    const reason = streams?.find(({ paused }) => paused !== undefined)?.paused;
    const state = reason === undefined ? 'running' : 'paused';
    return { ...common, state, ...(reason !== undefined && { reason }), ...(streams && { streams }) };
  }
  const ended = (run.closeTime ?? run.startTime).toISOString();
  return { ...common, ended, ...(await endOf(handle.result(), run)) };
}

async function endOf(
  result: Promise<SyncResult>,
  { status }: WorkflowExecutionDescription,
): Promise<Pick<RunEnded, 'state' | 'verdict' | 'rows'>> {
  try {
    const { status: state, verdict, streams } = await result;
    return { state, verdict, rows: streams.reduce((sum, { records }) => sum + records, 0) };
  } catch (error) {
    if (error instanceof SyncCancelled) return { state: 'cancelled', verdict: 'ended by hand' };
    if (error instanceof SyncFailed) return { state: 'failed', verdict: error.message };
    if (!(error instanceof TemporalFailure || error instanceof WorkflowFailedError)) throw error;
    return { state: 'terminated', verdict: `Temporal says ${status.name.toLowerCase().replace('_', ' ')}` };
  }
}

/** How the schedule of a connection stands, with its last `count` runs; undefined when it has none. */
export async function scheduleStanding(
  client: Client,
  connection: string,
  count: number,
): Promise<ScheduleStanding | undefined> {
  const schedule = await findSchedule(client, connection);
  if (!schedule) return undefined;
  const { state, info, spec, action, policies } = schedule;
  const [next] = info.nextActionTimes;
  const [input] = (action.args ?? []) as [ScheduledInput?];
  return {
    times: wordsOf(spec),
    paused: state.paused,
    ...(state.paused && state.note && { reason: state.note }),
    ...(next && !state.paused && { next: next.toISOString() }),
    pauseAfter: input?.pauseAfter ?? 0,
    skippedForOverlap: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
    catchUpMs: policies.catchupWindow,
    firings: await Promise.all(
      info.recentActions
        .slice(-count)
        .reverse()
        .map((firing) => firingOf(client, firing)),
    ),
  };
}

/** As `scheduleStanding`, for who expects a schedule. Throws NoSchedule. */
export async function requireSchedule(client: Client, connection: string, count: number): Promise<ScheduleStanding> {
  const standing = await scheduleStanding(client, connection, count);
  if (!standing) throw new NoSchedule(connection);
  return standing;
}

async function findSchedule(client: Client, connection: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(scheduleIdOf(connection)).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

async function firingOf(client: Client, { scheduledAt, action }: ScheduleExecutionResult): Promise<Firing> {
  const { workflowId, firstExecutionRunId } = action.workflow;
  return {
    at: scheduledAt.toISOString(),
    ...(await firingEnd(client.workflow.getHandle(workflowId, firstExecutionRunId))),
  };
}

async function firingEnd(handle: ReturnType<Client['workflow']['getHandle']>): Promise<Omit<Firing, 'at'>> {
  try {
    const { status } = await handle.describe();
    if (status.name === 'RUNNING') return { outcome: 'running' };
    const { failuresInARow: _, ...told } = (await handle.result()) as ScheduledResult;
    return told;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { outcome: 'unknown' };
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (!(cause instanceof ApplicationFailure)) return { outcome: 'terminated' };
    const told = cause.details?.[0] as ScheduledResult | undefined;
    if (!told) return { outcome: 'failed', verdict: cause.message };
    const { failuresInARow: _, ...result } = told;
    return result;
  }
}

/** Undefined when the answer takes too long, or is an error: nobody may be there to give one. */
async function within<Answer>(limitMs: number, answer: Promise<Answer>): Promise<Answer | undefined> {
  const over = new AbortController();
  const expiry = sleep(limitMs, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([answer.catch(() => undefined), expiry]);
  } finally {
    over.abort();
  }
}
