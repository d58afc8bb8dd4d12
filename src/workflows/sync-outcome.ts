import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  metricMeter,
  TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { failureDetailsByType, readFailureDetails } from '../errors';
import { metrics, type RunEnd } from '../metrics/metrics';
import type { FetchCounts, StreamFailure } from '../protocol';
import type { StreamResult, SyncResult } from './contract';
import { incompleteFailureType } from './names';

/** What is not in a copy that is whole otherwise: a count, and what to say of it. */
const omissions: { count: keyof FetchCounts; one: string; many: string }[] = [
  {
    count: 'missed',
    one: 'user changed or deleted during the read',
    many: 'users changed or deleted during the read',
  },
  {
    count: 'vanished',
    one: 'organization or member deleted after it was listed',
    many: 'organizations or members deleted after they were listed',
  },
  {
    count: 'undescribed',
    one: 'role description not readable (scope missing or role deleted)',
    many: 'role descriptions not readable (grant read:roles, or the roles were deleted)',
  },
  {
    count: 'skippedRecords',
    one: 'record for which Auth0 returned only the key (see _airbyte_meta)',
    many: 'records for which Auth0 returned only the keys (see _airbyte_meta)',
  },
];

/** How whole the copy of a stream is, as a phrase. */
export function formatStreamVerdict(
  status: StreamResult['status'],
  counts: FetchCounts,
  failure: StreamFailure | undefined,
): string {
  if (status === 'incomplete') return `incomplete: ${failure?.message ?? 'The stream was not read to the end.'}`;
  const missing = omissions
    .filter(({ count }) => counts[count] > 0)
    .map(({ count, one, many }) => `${counts[count]} ${counts[count] === 1 ? one : many}`);
  return missing.length === 0 ? 'complete' : `complete except for ${missing.join(', ')}`;
}

/** How whole the copy of all streams is; streams that have the same to say say it together. */
export function formatRunVerdict(streams: readonly Pick<StreamResult, 'stream' | 'status' | 'verdict'>[]): string {
  const incomplete = streams.filter(({ status }) => status !== 'complete');
  const [told, beginning] = incomplete.length > 0 ? [incomplete, 'incomplete: '] : [streams, 'complete except for '];
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
  const reasons = incomplete.map((each) => `${each.stream}: ${each.failure?.message ?? 'not read to the end'}`);
  throw ApplicationFailure.nonRetryable(`Incomplete. ${reasons.join(' ')}`, incompleteFailureType, result);
}

/** Why a stream could not go on, from what an activity or a child workflow threw. */
export function toStreamFailure(error: unknown): StreamFailure {
  const cause = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    return { type: cause.type ?? 'Failed', ...readFailureDetails(cause.details?.[0]), message: cause.message };
  }
  if (cause instanceof TimeoutFailure) {
    const message = 'The worker process exited or does not respond. Start it again.';
    return { type: 'WorkerLost', ...failureDetailsByType.transient_error, message };
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return { type: 'Failed', ...failureDetailsByType.system_error, message };
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
