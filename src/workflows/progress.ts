import { getExternalWorkflowHandle, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Pace } from '../activities/fetch-contract';
import { type StreamProgress, streamProgressSignal } from './contract';
import type { Pause } from './flow-control';

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
 * Shows the streams in the Temporal UI, as a Markdown table of what there is to tell, narrow enough for its half of a page.
 * What holds for all of them stands above it: why the run is paused, how the tenant's limit stands, and when the last ends.
 */
export function setProgressDetails(connection: string, streams: readonly StreamProgress[], pause?: Pause): void {
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
  // The UI gives what it shows too little height: the last line is one to be spared.
  const last = `Live view: \`rollcall watch ${connection}\``;
  const parts = [pause ? `**Paused**: ${pause.reason}` : '', outlook, table, last];
  setCurrentDetails(parts.filter((part) => part !== '').join('\n\n'));
}

function formatRateLimitBudget({ remaining, limit, perSecond }: Pace): string {
  return `${remaining} of ${limit} requests left${perSecond === undefined ? '' : `, refilled by ${perSecond} per second`}`;
}

/** `2026-01-31T12:34:56Z` */
function formatUtcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** The `sync` workflow is told no more often, ms. */
const minReportIntervalMs = 10_000;
/** And, as each telling stays in its history, after no less than this part of the time that the reading has taken. */
const maxReportShare = 1 / 20;

/**
 * Shows how the streams of a child workflow stand, in its own place of the Temporal UI and, now and then, in that of the
 * `sync` workflow, which has to be told.
 * @param startedAt when the reading began, epoch ms
 */
export function createProgressPublisher(connection: string, startedAt: number): (streams: StreamProgress[]) => void {
  let toldAt = startedAt;
  return (streams) => {
    setProgressDetails(connection, streams);
    const { parent } = workflowInfo();
    const now = Date.now();
    if (!parent || now - toldAt < Math.max(minReportIntervalMs, (now - startedAt) * maxReportShare)) return;
    toldAt = now;
    const sync = getExternalWorkflowHandle(parent.workflowId, parent.runId);
    // A sync that is ending need not be told; a child that is being cancelled cannot tell.
    sync.signal(streamProgressSignal, streams).catch(() => undefined);
  };
}
