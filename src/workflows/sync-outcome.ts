import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  metricMeter,
  TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { FailureDetails } from '../activities/activity-failure';
import { metrics, type RunEnd } from '../metrics/metrics';
import type { StreamFailure } from '../sinks/sink';
import type { FetchCounts } from '../streams/counts';
import type { StreamResult, SyncResult } from './contract';
import { incompleteFailureType } from './names';

/** What is not in a copy that is whole otherwise: a count, and what to say of it. */
const omissions: { count: keyof FetchCounts; one: string; many: string }[] = [
  {
    count: 'missed',
    one: 'user that was changed or deleted while it was read',
    many: 'users that were changed or deleted while they were read',
  },
  {
    count: 'vanished',
    one: 'organization or member that was deleted after it was listed',
    many: 'organizations or members that were deleted after they were listed',
  },
  {
    count: 'undescribed',
    one: 'role description that the token may not read or whose role is gone',
    many: 'role descriptions that the token may not read (grant read:roles) or whose roles are gone',
  },
  {
    count: 'skippedRecords',
    one: 'record of which Auth0 could send nothing but the key (see _airbyte_meta)',
    many: 'records of which Auth0 could send nothing but the keys (see _airbyte_meta)',
  },
];

/** How whole the copy of a stream is, as a phrase. */
export function formatStreamVerdict(
  status: StreamResult['status'],
  counts: FetchCounts,
  failure: StreamFailure | undefined,
): string {
  if (status === 'incomplete') return `incomplete because ${failure?.message ?? 'it was not read to its end.'}`;
  const missing = omissions
    .filter(({ count }) => counts[count] > 0)
    .map(({ count, one, many }) => `${counts[count]} ${counts[count] === 1 ? one : many}`);
  return missing.length === 0 ? 'complete' : `complete but for ${missing.join(', ')}`;
}

/** How whole the copy of all streams is; streams that have the same to say say it together. */
export function formatRunVerdict(streams: readonly Pick<StreamResult, 'stream' | 'status' | 'verdict'>[]): string {
  const incomplete = streams.filter(({ status }) => status !== 'complete');
  const [told, beginning] =
    incomplete.length > 0 ? [incomplete, 'incomplete because '] : [streams, 'complete but for '];
  const streamsOf = new Map<string, string[]>();
  for (const { stream, verdict } of told) {
    if (verdict.startsWith(beginning)) streamsOf.set(verdict, [...(streamsOf.get(verdict) ?? []), stream]);
  }
  const reasons = [...streamsOf].map(([verdict, names]) => `${names.join(', ')}: ${verdict.slice(beginning.length)}`);
  return reasons.length === 0 ? 'complete' : `${beginning}${reasons.join(incomplete.length > 0 ? ' ' : '; ')}`;
}

/** Ends a workflow: a part is not a whole, so results with an incomplete stream are thrown. */
export function requireComplete<Result>(streams: readonly StreamResult[], result: Result): Result {
  const incomplete = streams.filter((each) => each.status !== 'complete');
  if (incomplete.length === 0) return result;
  const reasons = incomplete.map((each) => `${each.stream}: ${each.failure?.message ?? 'not read to its end'}`);
  throw ApplicationFailure.nonRetryable(`Incomplete. ${reasons.join(' ')}`, incompleteFailureType, result);
}

/** Why a stream could not go on, from what an activity or a child workflow threw. */
export function toStreamFailure(error: unknown): StreamFailure {
  const cause = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const details = cause.details?.[0] as FailureDetails | undefined;
    return {
      type: cause.type ?? 'Failed',
      failureType: details?.failureType ?? 'system_error',
      message: cause.message,
    };
  }
  if (cause instanceof TimeoutFailure) {
    return {
      type: 'WorkerLost',
      failureType: 'transient_error',
      message: 'The process that should have done this work is gone or does not answer. Start it again.',
    };
  }
  return {
    type: 'Failed',
    failureType: 'system_error',
    message: cause instanceof Error ? cause.message : String(cause),
  };
}

/** Runs a sync and counts how it ended, cancelled ones included, of which no activity hears. A replay counts nothing. */
export async function runAndCount(connection: string, run: () => Promise<SyncResult>): Promise<SyncResult> {
  try {
    const result = await run();
    incrementRunCounter(connection, result.status);
    return result;
  } catch (error) {
    // What is no failure of Temporal's fails a task, which is tried again, and not the run.
    if (error instanceof TemporalFailure) incrementRunCounter(connection, classifyRunEnd(error));
    throw error;
  }
}

function incrementRunCounter(connection: string, end: RunEnd): void {
  const { name, help } = metrics.runs;
  metricMeter.createCounter(name.replace(/_total$/, ''), '', help).add(1, { connection, end });
}

function classifyRunEnd(failure: TemporalFailure): RunEnd {
  if (isCancellation(failure)) return 'cancelled';
  if (!(failure instanceof ApplicationFailure) || failure.type !== incompleteFailureType) return 'failed';
  return (failure.details?.[0] as SyncResult | undefined)?.status ?? 'failed';
}
