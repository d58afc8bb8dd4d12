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
import { zeroCounts } from '../streams/counts';
import type { PlannedStream, StreamResult, SyncResult } from './contract';
import { incompleteFailureType, readIncompleteResult } from './results';

/** What a complete copy may lack, by count. */
const omissions: { count: keyof FetchCounts; one: string; many: string }[] = [
  {
    count: 'missed',
    one: 'user changed or deleted during the read',
    many: 'users changed or deleted during the read',
  },
  {
    count: 'vanished',
    one: 'object deleted after it was listed',
    many: 'objects deleted after they were listed',
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

/** The verdict on a stream. */
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

/** The verdict on a run. Streams with the same verdict share a phrase. */
export function formatRunVerdict(streams: readonly Pick<StreamResult, 'stream' | 'status' | 'verdict'>[]): string {
  const incomplete = streams.filter(({ status }) => status !== 'complete');
  const [reported, prefix] = incomplete.length > 0 ? [incomplete, 'incomplete: '] : [streams, 'complete except for '];
  const namesByVerdict = new Map<string, string[]>();
  for (const { stream, verdict } of reported) {
    if (verdict.startsWith(prefix)) namesByVerdict.set(verdict, [...(namesByVerdict.get(verdict) ?? []), stream]);
  }
  const reasons = [...namesByVerdict].map(([verdict, names]) => `${names.join(', ')}: ${verdict.slice(prefix.length)}`);
  return reasons.length === 0 ? 'complete' : `${prefix}${reasons.join(incomplete.length > 0 ? ' ' : '; ')}`;
}

/** Returns the result of a workflow, or throws it as a failure when a stream is incomplete: a partial copy is never reported as complete. */
export function requireComplete<Result>(streams: readonly StreamResult[], result: Result): Result {
  const incomplete = streams.filter((each) => each.status !== 'complete');
  if (incomplete.length === 0) return result;
  const reasons = incomplete.map((each) => `${each.stream}: ${each.failure?.message ?? 'not read to the end'}`);
  throw ApplicationFailure.nonRetryable(`Incomplete. ${reasons.join(' ')}`, incompleteFailureType, result);
}

/** Why a stream is incomplete, from the error of an activity or a child workflow. */
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

/** The results of streams whose child workflow failed: those it threw, or its failure for each. */
export function toStreamResults(error: unknown, streams: readonly PlannedStream[]): StreamResult[] {
  const results = readIncompleteResult(error) as StreamResult[] | undefined;
  if (results) return results;
  const failure = toStreamFailure(error);
  return streams.map(({ name }) => ({
    stream: name,
    status: 'incomplete',
    records: 0,
    seconds: 0,
    counts: zeroCounts,
    audit: [],
    verdict: formatStreamVerdict('incomplete', zeroCounts, failure),
    failure,
  }));
}

/** Runs a sync and counts how it ended. Only the workflow learns of a cancellation. A replay counts nothing. */
export async function runAndCount(connection: string, run: () => Promise<SyncResult>): Promise<SyncResult> {
  try {
    const result = await run();
    incrementRunCounter(connection, result.status);
    return result;
  } catch (error) {
    // Any other error fails a workflow task, which is retried, and not the run.
    if (error instanceof TemporalFailure) incrementRunCounter(connection, classifyRunEnd(error));
    throw error;
  }
}

function incrementRunCounter(connection: string, end: RunEnd): void {
  const { name, help } = metrics.runs;
  metricMeter.createCounter(name.replace(/_total$/, ''), '', help).add(1, { connection, end });
}

function classifyRunEnd(failure: TemporalFailure): RunEnd {
  return isCancellation(failure)
    ? 'cancelled'
    : ((readIncompleteResult(failure) as SyncResult | undefined)?.status ?? 'failed');
}
