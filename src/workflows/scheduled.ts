import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  isCancellation,
  log,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { proxyScheduleActivities } from './activity-proxies';
import type { ScheduledInput, ScheduledResult, SyncInput, SyncResult } from './contract';
import { incompleteFailureType } from './names';
import { syncWorkflow } from './sync';
import { toStreamFailure } from './sync-outcome';

/**
 * What a schedule starts: one sync, in the child workflow that hand-started syncs are too, so that one is under way at a
 * time. The server adds the time to the ids of what a schedule starts, so a schedule can't start that workflow itself.
 */
export async function scheduledSyncWorkflow({ connection, pauseAfter }: ScheduledInput): Promise<ScheduledResult> {
  const activities = proxyScheduleActivities();
  const failuresBefore = readConsecutiveFailures(workflowInfo());
  const end = (result: Omit<ScheduledResult, 'consecutiveFailures'>, consecutiveFailures: number): ScheduledResult => ({
    ...result,
    consecutiveFailures,
  });

  async function skip(): Promise<ScheduledResult> {
    const since = await activities.findRunningSince({ connection });
    const verdict = `sync/${connection} was already running`;
    return end({ outcome: 'skipped', verdict, ...(since !== null && { blockedByRunSince: since }) }, failuresBefore);
  }

  /** A part of a copy is no failed run: to pause would take away the streams that can be read. */
  async function fail(error: unknown): Promise<never> {
    const { type, message } = toStreamFailure(error instanceof ChildWorkflowFailure ? error.cause : error);
    const result = readSyncResult(error);
    const told = result ? summarizeSync(result) : { outcome: 'failed' as const, verdict: message };
    if (told.outcome === 'partial') throw ApplicationFailure.nonRetryable(message, type, end(told, 0));
    const failures = failuresBefore + 1;
    const reason = `${failures} failed ${failures === 1 ? 'run' : 'consecutive runs'}; last run: ${told.verdict}`;
    const pauses = pauseAfter > 0 && failures >= pauseAfter && (await paused(reason));
    // Once it is resumed, as many failures are due again.
    throw ApplicationFailure.nonRetryable(message, type, end(told, pauses ? 0 : failures));
  }

  async function paused(reason: string): Promise<boolean> {
    try {
      await activities.pauseSchedule({ connection, reason });
      return true;
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('could not pause the schedule', { error });
      return false;
    }
  }

  try {
    const result = await runSyncChild(
      await activities.prepareSync.executeWithOptions({ summary: connection }, [{ connection }]),
    );
    return end(summarizeSync(result), 0);
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    if (error instanceof WorkflowExecutionAlreadyStartedError) return skip();
    // By somebody who has cancelled the sync alone.
    if (isCancellation(error)) {
      return end({ outcome: 'cancelled', verdict: `sync/${connection} was cancelled` }, failuresBefore);
    }
    return fail(error);
  }
}

/** Throws WorkflowExecutionAlreadyStartedError when a sync of the connection is under way. */
async function runSyncChild(input: SyncInput): Promise<SyncResult> {
  const names = input.streams.map(({ name }) => name);
  const child = await startChild(syncWorkflow, {
    workflowId: `sync/${input.connection}`,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    staticSummary: `${input.connection}: ${names.length} streams`,
    staticDetails: names.map((name) => `- ${name}`).join('\n'),
    args: [input],
  });
  return child.result();
}

function readSyncResult(error: unknown): SyncResult | undefined {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure) || cause.type !== incompleteFailureType) return undefined;
  return cause.details?.[0] as SyncResult;
}

function summarizeSync({ status, verdict, streams }: SyncResult): Omit<ScheduledResult, 'consecutiveFailures'> {
  return { outcome: status, verdict, records: streams.reduce((sum, { records }) => sum + records, 0) };
}

/** The server tells every run of a schedule how the one before it has ended. */
function readConsecutiveFailures({ lastFailure, lastResult }: ReturnType<typeof workflowInfo>): number {
  const last = lastFailure instanceof ApplicationFailure ? lastFailure.details?.[0] : lastResult;
  return (last as ScheduledResult | undefined)?.consecutiveFailures ?? 0;
}
