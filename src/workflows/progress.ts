import { getExternalWorkflowHandle, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Pace } from '../activities/slice';
import { progressSignal, type StreamProgress } from './contract';
import type { Pause } from './gate';

type Column = [head: string, rule: '---' | '--:', cell: (stream: StreamProgress) => string | number];

const columns: Column[] = [
  ['stream', '---', ({ stream }) => stream],
  ['status', '---', ({ status }) => status],
  ['records', '--:', ({ delivered }) => delivered],
  ['pages', '--:', ({ counts }) => counts.pages],
  ['requests', '--:', ({ counts }) => counts.requests],
  ['left', '--:', ({ requestsLeft = '' }) => requestsLeft],
  [
    'reason',
    '---',
    ({ failure, paused, waitingUntil }) =>
      failure?.message ??
      (paused === undefined ? undefined : `paused: ${paused}`) ??
      (waitingUntil === undefined ? '' : `waits for the tenant's rate limit until ${time(waitingUntil)}`),
  ],
];

/**
 * Shows the streams in the Temporal UI, as a Markdown table of what there is to tell, narrow enough for its half of a page.
 * What holds for all of them stands above it: why the run is paused, how the tenant's limit stands, and when the last ends.
 */
export function showProgress(connection: string, streams: readonly StreamProgress[], pause?: Pause): void {
  const filled = columns.filter(([, , cell]) => streams.some((stream) => cell(stream) !== ''));
  const rows = [
    filled.map(([head]) => head),
    filled.map(([, rule]) => rule),
    ...streams.map((stream) => filled.map(([, , cell]) => cell(stream))),
  ];
  const table = rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  const pace = streams.find((each) => each.status === 'running' && each.pace)?.pace;
  const endsAt = Math.max(...streams.map((each) => each.endsAt ?? 0));
  const outlook = [
    ...(pace ? [`Budget: ${budget(pace)}`] : []),
    ...(endsAt > 0 ? [`ends about ${time(endsAt)}`] : []),
  ].join(' · ');
  // The UI gives what it shows too little height: the last line is one to be spared.
  const last = `\`rollcall watch ${connection}\` shows it as it goes.`;
  const parts = [pause ? `**Paused**: ${pause.reason}` : '', outlook, table, last];
  setCurrentDetails(parts.filter((part) => part !== '').join('\n\n'));
}

function budget({ remaining, limit, perSecond }: Pace): string {
  return `${remaining} of ${limit} requests left${perSecond === undefined ? '' : `, ${perSecond} more per second`}`;
}

/** `2026-01-31T12:34:56Z` */
function time(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** The `sync` workflow is told no more often, ms. */
const tellEveryMs = 10_000;
/** And, as each telling stays in its history, after no less than this part of the time that the reading has taken. */
const tellAfterPart = 1 / 20;

/**
 * Shows how the streams of a child workflow stand, in its own place of the Temporal UI and, now and then, in that of the
 * `sync` workflow, which has to be told.
 * @param begun when the reading began, epoch ms
 */
export function showAndTell(connection: string, begun: number): (streams: StreamProgress[]) => void {
  let toldAt = begun;
  return (streams) => {
    showProgress(connection, streams);
    const { parent } = workflowInfo();
    const now = Date.now();
    if (!parent || now - toldAt < Math.max(tellEveryMs, (now - begun) * tellAfterPart)) return;
    toldAt = now;
    const sync = getExternalWorkflowHandle(parent.workflowId, parent.runId);
    // A sync that is ending need not be told; a child that is being cancelled cannot tell.
    sync.signal(progressSignal, streams).catch(() => undefined);
  };
}
