import { ApplicationFailure, setCurrentDetails } from '@temporalio/workflow';
import type { Pace } from '../activities/slice';
import type { StreamProgress, StreamResult } from './contract';
import type { Pause } from './gate';
import { incompleteType } from './names';

/** Ends a workflow: a part is not a whole, so results with an incomplete stream are thrown. */
export function conclude<Result>(streams: readonly StreamResult[], result: Result): Result {
  const incomplete = streams.filter((each) => each.status !== 'complete');
  if (incomplete.length === 0) return result;
  const reasons = incomplete.map((each) => `${each.stream}: ${each.failure?.message ?? 'not read to its end'}`);
  throw ApplicationFailure.nonRetryable(`Incomplete. ${reasons.join(' ')}`, incompleteType, result);
}

type Column = [head: string, rule: '---' | '--:', cell: (stream: StreamProgress) => string | number];

const columns: Column[] = [
  ['stream', '---', ({ stream }) => stream],
  ['status', '---', ({ status }) => status],
  ['records', '--:', ({ delivered }) => delivered],
  ['pages', '--:', ({ counts }) => counts.pages],
  ['requests', '--:', ({ counts }) => counts.requests],
  ['requests left', '--:', ({ requestsLeft = '' }) => requestsLeft],
  ['ends about', '---', ({ endsAt }) => (endsAt === undefined ? '' : time(endsAt))],
  ['budget', '---', ({ pace }) => (pace ? budget(pace) : '')],
  [
    'reason',
    '---',
    ({ failure, paused, waitingUntil }) =>
      failure?.message ??
      (paused === undefined ? undefined : `paused: ${paused}`) ??
      (waitingUntil === undefined ? '' : `waits for the tenant's rate limit until ${time(waitingUntil)}`),
  ],
];

/** Shows the streams in the Temporal UI, as a Markdown table, and above it why the run is paused, if it is. */
export function showProgress(streams: readonly StreamProgress[], pause?: Pause): void {
  const rows = [
    columns.map(([head]) => head),
    columns.map(([, rule]) => rule),
    ...streams.map((stream) => columns.map(([, , cell]) => cell(stream))),
  ];
  const table = rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  setCurrentDetails(pause ? `**Paused**: ${pause.reason}\n\n${table}` : table);
}

function budget({ remaining, limit, perSecond }: Pace): string {
  return `${remaining} of ${limit}${perSecond === undefined ? '' : `, ${perSecond} per second`}`;
}

/** `2026-01-31T12:34:56Z` */
function time(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
