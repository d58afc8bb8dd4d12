import { ApplicationFailure, setCurrentDetails } from '@temporalio/workflow';
import type { StreamProgress, StreamResult } from './contract';
import { incompleteType } from './names';

/** Ends a workflow: a part is not a whole, so results with an incomplete stream are thrown. */
export function conclude<Result>(streams: readonly StreamResult[], result: Result): Result {
  const incomplete = streams.filter((each) => each.status !== 'complete');
  if (incomplete.length === 0) return result;
  const reasons = incomplete.map((each) => `${each.stream}: ${each.failure?.message ?? 'not read to its end'}`);
  throw ApplicationFailure.nonRetryable(`Incomplete. ${reasons.join(' ')}`, incompleteType, result);
}

/** Shows the streams in the Temporal UI, as a Markdown table. */
export function showProgress(streams: readonly StreamProgress[]): void {
  const rows = streams.map(
    ({ stream, status, delivered, counts, failure }) =>
      `| ${stream} | ${status} | ${delivered} | ${counts.pages} | ${counts.requests} | ${failure?.message ?? ''} |`,
  );
  setCurrentDetails(
    ['| stream | status | records | pages | requests | reason |', '|---|---|--:|--:|--:|---|', ...rows, ''].join('\n'),
  );
}
