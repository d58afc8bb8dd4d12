import { styleText } from 'node:util';
import type { CommandContext, TerminalOutput } from '../../app/command-context';
import type { SyncRun } from '../../temporal/sync-run';
import type { StreamProgress } from '../../workflows/contract';
import { addSample, estimateRequestRate, formatPace, type RequestSample } from './pace';
import { describeStream, findPauseReason, formatPause, type StreamStatus } from './stream-status';
import { defaultColumns, formatCount, padText, truncateText } from './text';

/** Shows the progress of a run. */
export interface ProgressDisplay {
  show(streams: readonly StreamProgress[]): void;
  /** Removes what is of use only during the run. */
  close(): void;
}

/** On a terminal a table that is replaced in place; otherwise a line per change; nothing in quiet mode. */
export async function openProgressDisplay(
  context: CommandContext,
  run: Pick<SyncRun, 'workflowId' | 'startedAt'>,
): Promise<ProgressDisplay> {
  if (context.log.quiet) return { show: () => undefined, close: () => undefined };
  return context.stderr.isTTY ? openTableDisplay(context, run) : openLineDisplay(context);
}

/** Reports the progress of all streams after each change. */
export function createProgressReporter(report: (streams: readonly StreamProgress[]) => void): ProgressDisplay {
  let reported = '';
  return {
    show(streams) {
      const current = JSON.stringify(streams);
      if (current !== reported) report(streams);
      reported = current;
    },
    close: () => undefined,
  };
}

function openLineDisplay({ log, now }: CommandContext): ProgressDisplay {
  const measureRate = createRateMeter(now);
  let previous: StreamProgress[] = [];
  return {
    show(streams) {
      const current = keepLastKnown(previous, streams);
      const lines = [
        formatProgressLine(previous, current, new Date(now()), measureRate(current)),
        formatPauseLine(previous, current),
      ];
      for (const line of lines) if (line !== '') log.info(line);
      previous = current;
    },
    close: () => undefined,
  };
}

async function openTableDisplay(
  { stderr, log, now }: CommandContext,
  { workflowId, startedAt }: Pick<SyncRun, 'workflowId' | 'startedAt'>,
): Promise<ProgressDisplay> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stderr as NodeJS.WritableStream);
  const measureRate = createRateMeter(now);
  let streams: StreamProgress[] = [];
  log.setFooter({ draw: (text) => (text === '' ? update.clear() : update(text)) });
  return {
    show(current) {
      streams = keepLineOrder(streams, keepLastKnown(streams, current));
      log.drawFooter(
        formatLiveTable(
          { workflowId, streams, requestsPerSecond: measureRate(streams), startedAt, now: now() },
          stderr,
        ),
      );
    },
    close() {
      log.setFooter(undefined);
      update.done();
    },
  };
}

function createRateMeter(now: () => number): (streams: readonly StreamProgress[]) => number | undefined {
  let samples: RequestSample[] = [];
  return (streams) => {
    const requests = streams.reduce((sum, { counts }) => sum + counts.requests, 0);
    samples = addSample(samples, { at: now(), requests });
    return estimateRequestRate(samples);
  };
}

/** A stream that does not respond keeps its last progress. */
export function keepLastKnown(
  previous: readonly StreamProgress[],
  current: readonly StreamProgress[],
): StreamProgress[] {
  return current.map((progress) => {
    if (progress.status !== 'waiting') return progress;
    return previous.find(({ stream }) => stream === progress.stream) ?? progress;
  });
}

/** Streams keep their lines, in whatever order they end. */
function keepLineOrder(previous: readonly StreamProgress[], current: readonly StreamProgress[]): StreamProgress[] {
  const getLine = ({ stream }: StreamProgress): number => {
    const line = previous.findIndex((each) => each.stream === stream);
    return line === -1 ? previous.length : line;
  };
  return current.toSorted((one, other) => getLine(one) - getLine(other));
}

export interface LiveTableState {
  workflowId: string;
  streams: readonly StreamProgress[];
  requestsPerSecond?: number | undefined;
  /** Epoch ms. */
  startedAt: number;
  now: number;
}

const statusColors: Record<StreamStatus['status'], 'green' | 'red' | 'yellow' | 'cyan' | 'dim'> = {
  complete: 'green',
  incomplete: 'red',
  paused: 'yellow',
  waiting: 'dim',
  reading: 'cyan',
};

/** A heading, a line per stream, and the reason of a pause; not wider than the terminal, colored unless NO_COLOR is set. */
export function formatLiveTable(
  { workflowId, streams, requestsPerSecond, startedAt, now }: LiveTableState,
  terminal: TerminalOutput,
): string {
  const columns = terminal.columns ?? defaultColumns;
  const heading = [workflowId, formatElapsed(now - startedAt), ...formatPace(streams, requestsPerSecond)].join(' · ');
  const lines = streams.map((progress) => formatTableCells(progress, new Date(now)));
  const measure = (key: 'stream' | 'status' | 'records'): number =>
    Math.max(...lines.map((line) => line[key].length), 0);
  const widths = { stream: measure('stream'), status: measure('status'), records: measure('records') };
  const pauseReason = findPauseReason(streams);
  return [
    truncateText(heading, columns),
    ...lines.map(({ stream, status, records, note }) => {
      const left = `  ${padText(stream, widths.stream)}  `;
      const color = status === 'waiting' && note !== '' ? 'yellow' : statusColors[status];
      const colored = styleText(color, padText(status, widths.status), { stream: terminal });
      const right = `  ${records.padStart(widths.records)}  ${note}`;
      return `${left}${colored}${truncateText(right, columns - left.length - widths.status)}`.trimEnd();
    }),
    ...(pauseReason === undefined ? [] : [truncateText(formatPause(pauseReason), columns)]),
  ].join('\n');
}

function formatTableCells(
  progress: StreamProgress,
  now: Date,
): { stream: string; status: StreamStatus['status']; records: string; note: string } {
  const { stream, delivered, counts, requestsLeft } = progress;
  const { status, reason } = describeStream(progress, now);
  const requests = counts.requests === 0 ? [] : [formatCount(counts.requests, 'request')];
  const left = requestsLeft === undefined ? [] : [`${requestsLeft} left`];
  const note = { complete: requests, reading: [...requests, ...left], incomplete: [], paused: [], waiting: [] }[status];
  return { stream, status, records: delivered.toLocaleString('en'), note: reason ?? note.join(', ') };
}

/** `1:05` */
function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/**
 * The streams that have changed, with the request rate and the time left as far as known, on lines of at most 80 columns.
 * Empty without a change.
 */
export function formatProgressLine(
  previous: readonly StreamProgress[],
  current: readonly StreamProgress[],
  now: Date,
  requestsPerSecond?: number,
): string {
  const reported = new Set(previous.map((progress) => formatStreamProgress(progress, now)));
  const changes = current
    .map((progress) => formatStreamProgress(progress, now))
    .filter((text) => text !== '' && !reported.has(text));
  if (changes.length === 0) return '';
  return [...changes, ...formatPace(current, requestsPerSecond)].reduce((text, item) => {
    const line = text.slice(text.lastIndexOf('\n') + 1);
    if (line === '') return item;
    return `${text}${line.length + item.length + 3 > defaultColumns ? '\n' : ' · '}${item}`;
  }, '');
}

/** Empty before the first record. `…` marks a stream that is being read. */
function formatStreamProgress(progress: StreamProgress, now: Date): string {
  const { stream, delivered } = progress;
  const { status, reason } = describeStream(progress, now);
  const line = `${stream} ${delivered}`;
  if (status === 'incomplete' || status === 'paused') return `${line} (${status})`;
  if (status === 'waiting' && reason !== undefined) return `${line} (waiting ${reason})`;
  if (delivered === 0) return '';
  // The last records of a complete stream may not be delivered yet.
  return status === 'complete' ? line : `${line}…`;
}

/** The reason of a pause, when it is new; otherwise empty. */
export function formatPauseLine(previous: readonly StreamProgress[], current: readonly StreamProgress[]): string {
  const reason = findPauseReason(current);
  return reason === undefined || reason === findPauseReason(previous) ? '' : formatPause(reason);
}
