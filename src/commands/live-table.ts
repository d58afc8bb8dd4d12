import { styleText } from 'node:util';
import type { StreamProgress } from '../workflows/contract';
import { clock, outlook } from './pace';

/** How a run stands, for a terminal that is drawn anew. */
export interface Standing {
  workflowId: string;
  streams: readonly StreamProgress[];
  /** Requests per second, as far as known. */
  rate?: number | undefined;
  /** Since it was started, ms. */
  elapsedMs: number;
}

/** One line of a stream: what becomes of it is a word, or why nothing does. */
interface Line {
  stream: string;
  status: string;
  colour: 'green' | 'red' | 'yellow' | 'cyan' | 'dim';
  rows: string;
  note: string;
}

/** Lines of at most `columns` columns, coloured unless NO_COLOR is set: a heading, a line for each stream, and why it stands still. */
export function liveTable({ workflowId, streams, rate, elapsedMs }: Standing, columns: number): string {
  const lines = streams.map(lineOf);
  const widthOf = (key: 'stream' | 'status' | 'rows'): number => Math.max(...lines.map((line) => line[key].length), 0);
  const [names, words, rows] = [widthOf('stream'), widthOf('status'), widthOf('rows')];
  const reason = streams.find(({ paused }) => paused !== undefined)?.paused;
  const heading = [workflowId, minutes(elapsedMs), ...outlook(streams, rate)].join(' · ');
  return [
    cut(heading, columns),
    ...lines.map(({ stream, status, colour, rows: delivered, note }) => {
      const left = `  ${stream.padEnd(names)}  `;
      const right = `  ${delivered.padStart(rows)}  ${note}`;
      const room = columns - left.length - words;
      return `${left}${paint(colour, status.padEnd(words))}${cut(right, room)}`.trimEnd();
    }),
    ...(reason === undefined
      ? []
      : [cut(`Paused: ${reason.replace(/\.$/, '')}. \`rollcall resume\` goes on.`, columns)]),
  ].join('\n');
}

function lineOf({
  stream,
  status,
  delivered,
  paused,
  waitingUntil,
  requestsLeft,
  counts,
  failure,
}: StreamProgress): Line {
  const line = { stream, rows: delivered.toLocaleString('en') };
  const requests = counts.requests === 0 ? '' : `${counts.requests} request${counts.requests === 1 ? '' : 's'}`;
  if (status === 'complete') return { ...line, status: 'complete', colour: 'green', note: requests };
  if (status === 'incomplete') return { ...line, status: 'incomplete', colour: 'red', note: failure?.message ?? '' };
  if (paused !== undefined) return { ...line, status: 'paused', colour: 'yellow', note: '' };
  if (waitingUntil !== undefined) {
    return { ...line, status: 'waiting', colour: 'yellow', note: `for Auth0's limit until ${clock(waitingUntil)}` };
  }
  if (status === 'waiting' || requests === '') return { ...line, status: 'waiting', colour: 'dim', note: '' };
  const left = requestsLeft === undefined ? [] : [`${requestsLeft} left`];
  return { ...line, status: 'reading', colour: 'cyan', note: [requests, ...left].join(', ') };
}

/** `1:05` */
function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

function paint(colour: Line['colour'], text: string): string {
  return styleText(colour, text, { stream: process.stderr });
}
