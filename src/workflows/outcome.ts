import { ApplicationFailure } from '@temporalio/workflow';
import type { StreamResult } from './contract';
import { incompleteFailureType } from './names';

/** Ends a workflow: a part is not a whole, so results with an incomplete stream are thrown. */
export function requireComplete<Result>(streams: readonly StreamResult[], result: Result): Result {
  const incomplete = streams.filter((each) => each.status !== 'complete');
  if (incomplete.length === 0) return result;
  const reasons = incomplete.map((each) => `${each.stream}: ${each.failure?.message ?? 'not read to its end'}`);
  throw ApplicationFailure.nonRetryable(`Incomplete. ${reasons.join(' ')}`, incompleteFailureType, result);
}
