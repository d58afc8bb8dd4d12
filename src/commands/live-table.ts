import { styleText } from 'node:util';
import type { StreamProgress } from '../workflows/contract';
import { formatClockTime, formatPace } from './pace';

/** How a run stands, for a terminal that is drawn anew. */
export interface LiveTableState {
  workflowId: string;
  streams: readonly StreamProgress[];
  /** Requests per second, as far as known. */
  requestsPerSecond?: number | undefined;
  /** Since it was started, ms. */
  elapsedMs: number;
}

/** One line of a stream: what becomes of it is a word, or why nothing does. */
interface TableLine {
  stream: string;
  status: string;
  colour: 'green' | 'red' | 'yellow' | 'cyan' | 'dim';
  rows: string;
  note: string;
}

/** Lines of at most `columns` columns, coloured unless NO_COLOR is set: a heading, a line for each stream, and why it stands still. */
export function formatLiveTable({ workflowId, streams, requestsPerSecond, elapsedMs }: LiveTableState, columns: number): string {
  const lines = streams.map(toTableLine);
  const widthOf = (key: 'stream' | 'status' | 'rows'): number => Math.max(...lines.map((line) => line[key].length), 0);
  const [names, words, rows] = [widthOf('stream'), widthOf('status'), widthOf('rows')];
  const reason = streams.find(({ pauseReason }) => pauseReason !== undefined)?.pauseReason;
  const heading = [workflowId, formatElapsed(elapsedMs), ...formatPace(streams, requestsPerSecond)].join(' · ');
  return [
    truncateText(heading, columns),
    ...lines.map(({ stream, status, colour, rows: delivered, note }) => {
      const left = `  ${stream.padEnd(names)}  `;
      const right = `  ${delivered.padStart(rows)}  ${note}`;
      const room = columns - left.length - words;
      return `${left}${colorText(colour, status.padEnd(words))}${truncateText(right, room)}`.trimEnd();
    }),
    ...(reason === undefined
      ? []
      : [truncateText(`Paused: ${reason.replace(/\.$/, '')}. \`rollcall resume\` goes on.`, columns)]),
  ].join('\n');
}

function toTableLine({
  stream,
  status,
  delivered,
  pauseReason,
  waitingUntil,
  requestsLeft,
  counts,
  failure,
}: StreamProgress): TableLine {
  const line = { stream, rows: delivered.toLocaleString('en') };
  const requests = counts.requests === 0 ? '' : `${counts.requests} request${counts.requests === 1 ? '' : 's'}`;
  if (status === 'complete') return { ...line, status: 'complete', colour: 'green', note: requests };
  if (status === 'incomplete') return { ...line, status: 'incomplete', colour: 'red', note: failure?.message ?? '' };
  if (pauseReason !== undefined) return { ...line, status: 'paused', colour: 'yellow', note: '' };
  if (waitingUntil !== undefined) {
    return { ...line, status: 'waiting', colour: 'yellow', note: `for Auth0's limit until ${formatClockTime(waitingUntil)}` };
  }
  if (status === 'waiting' || requests === '') return { ...line, status: 'waiting', colour: 'dim', note: '' };
  const left = requestsLeft === undefined ? [] : [`${requestsLeft} left`];
  return { ...line, status: 'reading', colour: 'cyan', note: [requests, ...left].join(', ') };
}

/** `1:05` */
function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function truncateText(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

function colorText(colour: TableLine['colour'], text: string): string {
  return styleText(colour, text, { stream: process.stderr });
}
