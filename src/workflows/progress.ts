import { getExternalWorkflowHandle, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Pace } from '../activities/fetch-contract';
import { type ReadInput, type StreamProgress, streamProgressSignal } from './contract';

type ProgressColumn = [head: string, rule: '---' | '--:', cell: (stream: StreamProgress) => string | number];

const progressColumns: ProgressColumn[] = [
  ['stream', '---', ({ stream }) => stream],
  ['status', '---', ({ status }) => status],
  ['records', '--:', ({ delivered }) => delivered],
  ['pages', '--:', ({ counts }) => counts.pages],
  ['requests', '--:', ({ counts }) => counts.requests],
  ['left', '--:', ({ requestsLeft = '' }) => requestsLeft],
  [
    'reason',
    '---',
    ({ failure, pauseReason, waitingUntil }) =>
      failure?.message ??
      (pauseReason === undefined ? undefined : `paused: ${pauseReason}`) ??
      (waitingUntil === undefined ? '' : `waits for the tenant's rate limit until ${formatUtcTime(waitingUntil)}`),
  ],
];

/**
 * Shows the streams in the Temporal UI, as a Markdown table of the columns that are not empty, narrow enough for half a page.
 * Above it: why the sync is paused, the rate limit, and when the last stream is expected to end.
 */
export function setProgressDetails(connection: string, streams: readonly StreamProgress[], pauseReason?: string): void {
  const filled = progressColumns.filter(([, , cell]) => streams.some((stream) => cell(stream) !== ''));
  const rows = [
    filled.map(([head]) => head),
    filled.map(([, rule]) => rule),
    ...streams.map((stream) => filled.map(([, , cell]) => cell(stream))),
  ];
  const table = rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  const pace = streams.find((each) => each.status === 'running' && each.pace)?.pace;
  const endsAt = Math.max(...streams.map((each) => each.endsAt ?? 0));
  const outlook = [
    ...(pace ? [`Budget: ${formatRateLimitBudget(pace)}`] : []),
    ...(endsAt > 0 ? [`ends about ${formatUtcTime(endsAt)}`] : []),
  ].join(' · ');
  // The UI cuts the last line off when space is short.
  const last = `Live view: \`rollcall watch ${connection}\``;
  const parts = [pauseReason === undefined ? '' : `**Paused**: ${pauseReason}`, outlook, table, last];
  setCurrentDetails(parts.filter((part) => part !== '').join('\n\n'));
}

function formatRateLimitBudget({ remaining, limit, perSecond }: Pace): string {
  return `${remaining} of ${limit} requests left${perSecond === undefined ? '' : `, refilled by ${perSecond} per second`}`;
}

/** `2026-01-31T12:34:56Z` */
function formatUtcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Each report stays in the history of `sync`, so the interval is at least this share of the time since the start. */
const minIntervalShare = 1 / 20;

/**
 * Shows the streams of a child workflow in its page of the Temporal UI and, now and then, reports them to the `sync`
 * workflow, whose page shows all streams.
 * @param startedAt epoch ms
 */
export function createProgressPublisher(
  { connection, limits }: Pick<ReadInput, 'connection' | 'limits'>,
  startedAt: number,
): (streams: StreamProgress[]) => void {
  let reportedAt = startedAt;
  return (streams) => {
    setProgressDetails(connection, streams);
    const { parent } = workflowInfo();
    const now = Date.now();
    const interval = Math.max(limits.progressSeconds * 1_000, (now - startedAt) * minIntervalShare);
    if (!parent || now - reportedAt < interval) return;
    reportedAt = now;
    const sync = getExternalWorkflowHandle(parent.workflowId, parent.runId);
    // The sync may have ended, or this child may be cancelled: neither matters.
    sync.signal(streamProgressSignal, streams).catch(() => undefined);
  };
}
