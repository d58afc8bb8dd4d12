import type { StreamProgress, StreamResult, SyncResult } from '../workflows/contract';
import { tableOf } from './table';

/**
 * What a sync did, for a reader at a terminal: a table of at most 80 columns, and below it the streams that are complete
 * but for something, and the verdict on the whole. Why others are incomplete is told by `failureLines`.
 */
export function resultTable(result: SyncResult, seconds: number): string {
  const lines = result.streams.map(({ stream, status, records, counts, seconds: took }) => {
    return [stream, status, records, counts.requests, took.toFixed(1)];
  });
  const requests = result.streams.reduce((sum, { counts }) => sum + counts.requests, 0);
  const rows = result.streams.reduce((sum, { records }) => sum + records, 0);
  lines.push(['total', result.status, rows, requests, seconds.toFixed(1)]);
  const table = tableOf(['stream', 'status', 'rows', 'requests', 'seconds'], lines, 2);
  return [table, ...verdictLines(result.streams.filter(isExcepted)), totalLine(result)].join('\n');
}

/** The verdict on the whole; that of the run repeats the streams' reasons, each of which has a line of its own here. */
function totalLine({ verdict, streams }: SyncResult): string {
  const namesOf = (some: StreamResult[]): string => some.map(({ stream }) => stream).join(', ');
  const [incomplete, excepted] = [streams.filter(isIncomplete), streams.filter(isExcepted)];
  if (incomplete.length > 0) return `total: incomplete because of ${namesOf(incomplete)}`;
  return `total: ${excepted.length > 0 ? `complete but for what is said of ${namesOf(excepted)}` : verdict}`;
}

/** All that is known of a sync, on one line of JSON. */
export function resultJson(result: SyncResult, seconds: number): string {
  return JSON.stringify({ event: 'end', seconds, ...result });
}

/** Why streams are incomplete: one line for each reason. */
export function failureLines({ streams }: SyncResult): string[] {
  return verdictLines(streams.filter(isIncomplete));
}

function isIncomplete({ status }: StreamResult): boolean {
  return status === 'incomplete';
}

/** Complete but for something. */
function isExcepted({ status, verdict }: StreamResult): boolean {
  return status === 'complete' && verdict !== 'complete';
}

/** One line for each verdict, with the streams that it holds for. */
function verdictLines(streams: readonly StreamResult[]): string[] {
  const streamsOf = new Map<string, string[]>();
  for (const { stream, verdict } of streams) streamsOf.set(verdict, [...(streamsOf.get(verdict) ?? []), stream]);
  return [...streamsOf].map(([verdict, names]) => `${names.join(', ')}: ${verdict}`);
}

/**
 * What has changed since the last look, on lines of at most 80 columns, with how fast it goes and how long it will take,
 * as far as that is known; empty when no stream has moved.
 * @param rate requests per second
 */
export function progressLine(before: readonly StreamProgress[], now: readonly StreamProgress[], rate?: number): string {
  const told = new Set(before.map(standing));
  const news = now.map(standing).filter((text) => text !== '' && !told.has(text));
  if (news.length === 0) return '';
  return [...news, ...outlook(now, rate)].reduce((text, item) => {
    const line = text.slice(text.lastIndexOf('\n') + 1);
    if (line === '') return item;
    return `${text}${line.length + item.length + 3 > 80 ? '\n' : ' · '}${item}`;
  }, '');
}

/** A stream that is not done ends in "…", and is not worth a word before it has begun. */
function standing({ stream, status, delivered, paused, waitingUntil }: StreamProgress): string {
  // The last records of a stream that has been read may still be on their way.
  if (status === 'complete') return delivered > 0 ? `${stream} ${delivered}` : '';
  if (status === 'incomplete') return `${stream} ${delivered} (incomplete)`;
  if (paused !== undefined) return `${stream} ${delivered} paused`;
  if (waitingUntil !== undefined) return `${stream} ${delivered} waits for Auth0's limit until ${clock(waitingUntil)}`;
  return delivered > 0 ? `${stream} ${delivered}…` : '';
}

/** Why a run stands still, on a line of its own; empty when that is known already, or it does not. */
export function pausedLine(before: readonly StreamProgress[], now: readonly StreamProgress[]): string {
  const reasonOf = (streams: readonly StreamProgress[]): string | undefined =>
    streams.find(({ paused }) => paused !== undefined)?.paused;
  const reason = reasonOf(now);
  return reason === undefined || reason === reasonOf(before)
    ? ''
    : `Paused: ${reason.replace(/\.$/, '')}. \`rollcall resume\` goes on.`;
}

/** The time of the day here, `12:34:56`. */
function clock(at: number): string {
  return new Date(Math.ceil(at / 1_000) * 1_000).toTimeString().slice(0, 8);
}

/**
 * Pace, budget and the time that is left, as far as there is something left to do. Of pace and budget there is nothing to
 * say while all wait.
 */
function outlook(streams: readonly StreamProgress[], rate: number | undefined): string[] {
  const open = streams.filter(({ status }) => status === 'waiting' || status === 'running');
  if (open.length === 0 || open.every(({ paused }) => paused !== undefined)) return [];
  const [budget] = open
    .flatMap(({ pace }) => pace ?? [])
    .sort((one, other) => one.remaining / one.limit - other.remaining / other.limit);
  const left = open.reduce((sum, { requestsLeft = NaN }) => sum + requestsLeft, 0);
  const pace = open.every(({ waitingUntil }) => waitingUntil !== undefined)
    ? []
    : [
        ...(rate === undefined ? [] : [`${Number(rate.toPrecision(2))} requests/s`]),
        ...(budget ? [`budget ${budget.remaining}/${budget.limit}`] : []),
      ];
  return rate === undefined || !(left > 0) ? pace : [...pace, `about ${duration(left / rate)} left`];
}

/** As exact as a guess deserves. */
function duration(seconds: number): string {
  if (seconds < 55) return `${Math.ceil(seconds / 10) * 10} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${Number((seconds / 3_600).toPrecision(2))} h`;
}

/** The requests of a sync when it was looked at. */
export interface Look {
  /** Epoch ms. */
  at: number;
  requests: number;
}

/** What the rate is told from, ms: slices tell of their requests when they end. */
const rateOverMs = 10_000;

/** The looks at which requests had been added, back to the newest that is old enough to tell a rate from. */
export function remember(looks: readonly Look[], now: Look): Look[] {
  if (looks.at(-1)?.requests === now.requests) return [...looks];
  const first = looks.findLastIndex(({ at }) => now.at - at >= rateOverMs);
  return [...looks.slice(Math.max(0, first)), now];
}

/** Requests per second; undefined before any were seen to be made. */
export function rateOf(looks: readonly Look[]): number | undefined {
  const [first, last] = [looks.at(0), looks.at(-1)];
  if (!first || !last || last.requests <= first.requests) return undefined;
  return ((last.requests - first.requests) * 1_000) / (last.at - first.at);
}

/** A stream that gives no answer for once stands where it stood. */
export function inSight(before: readonly StreamProgress[], now: readonly StreamProgress[]): StreamProgress[] {
  const lastOf = (stream: string): StreamProgress | undefined => before.find((each) => each.stream === stream);
  return now.map((each) => (each.status === 'waiting' ? (lastOf(each.stream) ?? each) : each));
}

/** Says something about the work, apart from its result. */
export function narrate(text: string): void {
  process.stderr.write(`${text}\n`);
}
