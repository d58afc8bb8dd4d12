import { styleText } from 'node:util';
import type { CommandContext, Log, TerminalOutput } from '../../app/command-context';
import type { SyncRun } from '../../temporal/sync-run';
import type { StreamProgress } from '../../workflows/contract';

/** The requests of a sync when it was looked at. */
export interface RequestSample {
  /** Epoch ms. */
  at: number;
  requests: number;
}

/** What the rate is told from, ms: slices tell of their requests when they end. */
const rateWindowMs = 10_000;

/** The looks at which requests had been added, back to the newest that is old enough to tell a rate from. */
export function addSample(samples: readonly RequestSample[], sample: RequestSample): RequestSample[] {
  if (samples.at(-1)?.requests === sample.requests) return [...samples];
  const first = samples.findLastIndex(({ at }) => sample.at - at >= rateWindowMs);
  return [...samples.slice(Math.max(0, first)), sample];
}

/** Requests per second; undefined before any were seen to be made. */
export function estimateRequestRate(samples: readonly RequestSample[]): number | undefined {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (!first || !last || last.requests <= first.requests) return undefined;
  return ((last.requests - first.requests) * 1_000) / (last.at - first.at);
}

/**
 * Pace, budget and the time that is left, in words, as far as there is something left to do. Of pace and budget there is
 * nothing to say while all wait.
 * @param rate requests per second
 */
export function formatPace(streams: readonly StreamProgress[], rate: number | undefined): string[] {
  const open = streams.filter(({ status }) => status === 'waiting' || status === 'running');
  if (open.length === 0 || open.every(({ pauseReason }) => pauseReason !== undefined)) return [];
  const [budget] = open
    .flatMap(({ pace }) => pace ?? [])
    .sort((one, other) => one.remaining / one.limit - other.remaining / other.limit);
  const left = open.reduce((sum, { requestsLeft = NaN }) => sum + requestsLeft, 0);
  const pace = open.every(({ waitingUntil }) => waitingUntil !== undefined)
    ? []
    : [
        ...(rate === undefined ? [] : [`${Number(rate.toPrecision(2))} requests/s`]),
        ...(budget ? [`rate limit ${budget.remaining}/${budget.limit} left`] : []),
      ];
  return rate === undefined || !(left > 0) ? pace : [...pace, `about ${formatTimeLeft(left / rate)} left`];
}

/** As exact as a guess deserves. */
function formatTimeLeft(seconds: number): string {
  if (seconds < 55) return `${Math.ceil(seconds / 10) * 10} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${Number((seconds / 3_600).toPrecision(2))} h`;
}

/** The time of the day here, `12:34:56`. */
export function formatClockTime(at: number): string {
  return new Date(Math.ceil(at / 1_000) * 1_000).toTimeString().slice(0, 8);
}

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
export function formatLiveTable(
  { workflowId, streams, requestsPerSecond, elapsedMs }: LiveTableState,
  terminal: TerminalOutput,
): string {
  const columns = terminal.columns ?? 80;
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
      return `${left}${colorText(terminal, colour, status.padEnd(words))}${truncateText(right, room)}`.trimEnd();
    }),
    ...(reason === undefined
      ? []
      : [truncateText(`Paused: ${reason.replace(/\.$/, '')}. Run \`rollcall resume\` to continue.`, columns)]),
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
    return {
      ...line,
      status: 'waiting',
      colour: 'yellow',
      note: `for Auth0's limit until ${formatClockTime(waitingUntil)}`,
    };
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

function colorText(stream: TerminalOutput, colour: TableLine['colour'], text: string): string {
  return styleText(colour, text, { stream });
}

/**
 * What has changed since the last look, on lines of at most 80 columns, with how fast it goes and how long it will take,
 * as far as that is known; empty when no stream has moved.
 * @param rate requests per second
 */
export function formatProgressLine(
  previous: readonly StreamProgress[],
  current: readonly StreamProgress[],
  rate?: number,
): string {
  const told = new Set(previous.map(formatStreamProgress));
  const news = current.map(formatStreamProgress).filter((text) => text !== '' && !told.has(text));
  if (news.length === 0) return '';
  return [...news, ...formatPace(current, rate)].reduce((text, item) => {
    const line = text.slice(text.lastIndexOf('\n') + 1);
    if (line === '') return item;
    return `${text}${line.length + item.length + 3 > 80 ? '\n' : ' · '}${item}`;
  }, '');
}

/** A stream that is not done ends in "…", and is not worth a word before it has begun. */
function formatStreamProgress({ stream, status, delivered, pauseReason, waitingUntil }: StreamProgress): string {
  // The last records of a stream that has been read may still be on their way.
  if (status === 'complete') return delivered > 0 ? `${stream} ${delivered}` : '';
  if (status === 'incomplete') return `${stream} ${delivered} (incomplete)`;
  if (pauseReason !== undefined) return `${stream} ${delivered} (paused)`;
  if (waitingUntil !== undefined)
    return `${stream} ${delivered} waits for Auth0's limit until ${formatClockTime(waitingUntil)}`;
  return delivered > 0 ? `${stream} ${delivered}…` : '';
}

/** Why a run stands still, on a line of its own; empty when that is known already, or it does not. */
export function formatPausedLine(previous: readonly StreamProgress[], current: readonly StreamProgress[]): string {
  const reasonOf = (streams: readonly StreamProgress[]): string | undefined =>
    streams.find(({ pauseReason }) => pauseReason !== undefined)?.pauseReason;
  const reason = reasonOf(current);
  return reason === undefined || reason === reasonOf(previous)
    ? ''
    : `Paused: ${reason.replace(/\.$/, '')}. Run \`rollcall resume\` to continue.`;
}

/** A stream that gives no answer for once stands where it stood. */
export function keepLastKnown(
  previous: readonly StreamProgress[],
  current: readonly StreamProgress[],
): StreamProgress[] {
  const lastOf = (stream: string): StreamProgress | undefined => previous.find((each) => each.stream === stream);
  return current.map((each) => (each.status === 'waiting' ? (lastOf(each.stream) ?? each) : each));
}

/** Shows how a run stands, each time it is told. */
export interface ProgressDisplay {
  show(streams: readonly StreamProgress[]): void;
  /** Takes away what is only of use while the run goes on. */
  close(): void;
}

/** On a terminal a table that is drawn anew; elsewhere lines that tell what has changed; nothing where quiet is asked for. */
export async function openProgressDisplay(
  context: CommandContext,
  run: Pick<SyncRun, 'workflowId' | 'startedAt'>,
): Promise<ProgressDisplay> {
  if (context.log.quiet) return { show: () => undefined, close: () => undefined };
  return context.stderr.isTTY ? openTableDisplay(context, run) : openLineDisplay(context.log);
}

/** Tells how every stream stands, each time that has changed. */
export function createProgressReporter(report: (streams: readonly StreamProgress[]) => void): ProgressDisplay {
  let told = '';
  return {
    show(streams) {
      const now = JSON.stringify(streams);
      if (now !== told) report(streams);
      told = now;
    },
    close: () => undefined,
  };
}

/** The requests per second, from one look to the next. */
function createRateMeter(): (streams: readonly StreamProgress[]) => number | undefined {
  let looks: RequestSample[] = [];
  return (streams) => {
    const requests = streams.reduce((sum, { counts }) => sum + counts.requests, 0);
    looks = addSample(looks, { at: Date.now(), requests });
    return estimateRequestRate(looks);
  };
}

function openLineDisplay(log: Log): ProgressDisplay {
  const rate = createRateMeter();
  let told: StreamProgress[] = [];
  return {
    show(streams) {
      const now = keepLastKnown(told, streams);
      for (const line of [formatProgressLine(told, now, rate(now)), formatPausedLine(told, now)])
        if (line !== '') log.info(line);
      told = now;
    },
    close: () => undefined,
  };
}

async function openTableDisplay(
  { stderr, log }: CommandContext,
  { workflowId, startedAt }: Pick<SyncRun, 'workflowId' | 'startedAt'>,
): Promise<ProgressDisplay> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stderr);
  const rate = createRateMeter();
  let told: StreamProgress[] = [];
  log.setFooter({ draw: (text) => (text === '' ? update.clear() : update(text)) });
  return {
    show(streams) {
      told = keepLineOrder(told, keepLastKnown(told, streams));
      log.drawFooter(
        formatLiveTable(
          { workflowId, streams: told, requestsPerSecond: rate(told), elapsedMs: Date.now() - startedAt },
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

/** Streams keep their lines, whichever of them ends first. */
function keepLineOrder(previous: readonly StreamProgress[], current: readonly StreamProgress[]): StreamProgress[] {
  const lineOf = ({ stream }: StreamProgress): number => {
    const line = previous.findIndex((each) => each.stream === stream);
    return line === -1 ? previous.length : line;
  };
  return current.toSorted((one, other) => lineOf(one) - lineOf(other));
}
