import Table from 'cli-table3';
import type { StreamProgress, StreamResult, SyncResult } from '../workflows/contract';

/** Plain frame: no colours, so that a pipe and a terminal get the same. */
const plain = { style: { head: [], border: [] }, chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } };

/**
 * What a sync did, for a reader at a terminal: a table of at most 80 columns, and below it the streams that are complete
 * but for something, and the verdict on the whole. Why others are incomplete is told by `failureLines`.
 */
export function resultTable(result: SyncResult, seconds: number): string {
  const table = new Table({
    head: ['stream', 'status', 'rows', 'requests', 'seconds'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    ...plain,
  });
  for (const { stream, status, records, counts, seconds: took } of result.streams) {
    table.push([stream, status, records, counts.requests, took.toFixed(1)]);
  }
  const requests = result.streams.reduce((sum, { counts }) => sum + counts.requests, 0);
  const rows = result.streams.reduce((sum, { records }) => sum + records, 0);
  table.push(['total', result.status, rows, requests, seconds.toFixed(1)]);
  return [table.toString(), ...verdictLines(result.streams.filter(isExcepted)), totalLine(result)].join('\n');
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

/** What has changed since the last look, on lines of at most 80 columns; empty when nothing has. */
export function progressLine(before: readonly StreamProgress[], now: readonly StreamProgress[]): string {
  const told = new Set(before.map(standing));
  const news = now.map(standing).filter((text) => text !== '' && !told.has(text));
  return news.reduce((text, item) => {
    const line = text.slice(text.lastIndexOf('\n') + 1);
    if (line === '') return item;
    return `${text}${line.length + item.length + 3 > 80 ? '\n' : ' · '}${item}`;
  }, '');
}

/** A stream that is not done ends in "…", and is not worth a word before it has begun. */
function standing({ stream, status, delivered }: StreamProgress): string {
  if (status === 'complete') return `${stream} ${delivered}`;
  if (status === 'incomplete') return `${stream} ${delivered} (incomplete)`;
  return delivered > 0 ? `${stream} ${delivered}…` : '';
}

/** Says something about the work, apart from its result. */
export function narrate(text: string): void {
  process.stderr.write(`${text}\n`);
}
