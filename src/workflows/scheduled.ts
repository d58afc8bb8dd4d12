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
import { describeSync, toWorkflowId } from './names';
import { readIncompleteResult, sumRecords } from './results';
import { syncWorkflow } from './sync';
import { toStreamFailure } from './sync-outcome';

/** A result without the count of failures. */
type Outcome = Omit<ScheduledResult, 'consecutiveFailures'>;

/**
 * What a schedule starts: one sync, in the same child workflow as a sync that a user starts, so only one runs at a time.
 * A schedule cannot start that workflow itself: the server appends the time to the ids of workflows that it starts.
 */
export async function scheduledSyncWorkflow({ connection, pauseAfter }: ScheduledInput): Promise<ScheduledResult> {
  const consecutiveFailures = readConsecutiveFailures();
  const { prepareSync } = proxyScheduleActivities();
  try {
    const input = await prepareSync.executeWithOptions({ summary: connection }, [{ connection }]);
    return { ...summarizeSync(await runSyncChild(input)), consecutiveFailures: 0 };
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return { ...(await describeSkip(connection)), consecutiveFailures };
    }
    // A user has cancelled the sync, not this run.
    if (isCancellation(error)) {
      const verdict = `${toWorkflowId(connection)} was cancelled`;
      return { outcome: 'cancelled', verdict, consecutiveFailures };
    }
    throw await toRunFailure(error, { connection, pauseAfter, consecutiveFailures });
  }
}

/** Throws WorkflowExecutionAlreadyStartedError when a sync of the connection is running. */
async function runSyncChild(input: SyncInput): Promise<SyncResult> {
  const child = await startChild(syncWorkflow, {
    workflowId: toWorkflowId(input.connection),
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    ...describeSync(input.connection, input.streams),
    args: [input],
  });
  return child.result();
}

async function describeSkip(connection: string): Promise<Outcome> {
  const since = await proxyScheduleActivities().findRunningSince({ connection });
  const verdict = `${toWorkflowId(connection)} was already running`;
  return { outcome: 'skipped', verdict, ...(since !== null && { blockedByRunSince: since }) };
}

/** The failure of a run. It pauses the schedule after `pauseAfter` failed runs; a partial copy does not count as failed. */
async function toRunFailure(
  error: unknown,
  { connection, pauseAfter, consecutiveFailures }: ScheduledInput & Pick<ScheduledResult, 'consecutiveFailures'>,
): Promise<ApplicationFailure> {
  const { type, message } = toStreamFailure(error instanceof ChildWorkflowFailure ? error.cause : error);
  const result = readIncompleteResult(error) as SyncResult | undefined;
  const outcome: Outcome = result ? summarizeSync(result) : { outcome: 'failed', verdict: message };
  const toFailure = (failures: number): ApplicationFailure =>
    ApplicationFailure.nonRetryable(message, type, { ...outcome, consecutiveFailures: failures });
  if (outcome.outcome === 'partial') return toFailure(0);
  const failures = consecutiveFailures + 1;
  const isDue = pauseAfter > 0 && failures >= pauseAfter;
  const reason = `${failures} failed ${failures === 1 ? 'run' : 'consecutive runs'}; last run: ${outcome.verdict}`;
  // After a resume, the count starts at 0 again.
  return toFailure(isDue && (await pauseSchedule(connection, reason)) ? 0 : failures);
}

/** Returns false when the schedule could not be paused. */
async function pauseSchedule(connection: string, reason: string): Promise<boolean> {
  try {
    await proxyScheduleActivities().pauseSchedule({ connection, reason });
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('could not pause the schedule', { error });
    return false;
  }
}

function summarizeSync({ status, verdict, streams }: SyncResult): Outcome {
  return { outcome: status, verdict, records: sumRecords(streams) };
}

/** The server passes to each run of a schedule how the run before it ended. */
function readConsecutiveFailures(): number {
  const { lastFailure, lastResult } = workflowInfo();
  const last = lastFailure instanceof ApplicationFailure ? lastFailure.details?.[0] : lastResult;
  return (last as ScheduledResult | undefined)?.consecutiveFailures ?? 0;
}
