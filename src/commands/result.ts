import type { StreamResult, SyncResult } from '../workflows/contract';
import { getExitCodeByName, exitCodes } from './exit';
import { formatTable } from './table';

/** A part is not a whole: success only when every stream is complete. */
export function getResultExitCode({ status, streams }: SyncResult): number {
  if (status === 'complete') return exitCodes.ok;
  if (status === 'partial') return exitCodes.partial;
  const codes = new Set(streams.map(({ failure }) => getExitCodeByName(failure?.type ?? '')));
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : exitCodes.failed;
}

/**
 * What a sync did, for a reader at a terminal: a table of at most 80 columns, and below it the streams that are complete
 * but for something, and the verdict on the whole. Why others are incomplete is told by `failureLines`.
 */
export function formatResultTable(result: SyncResult, seconds: number): string {
  const lines = result.streams.map(({ stream, status, records, counts, seconds: took }) => {
    return [stream, status, records, counts.requests, took.toFixed(1)];
  });
  const requests = result.streams.reduce((sum, { counts }) => sum + counts.requests, 0);
  const rows = result.streams.reduce((sum, { records }) => sum + records, 0);
  lines.push(['total', result.status, rows, requests, seconds.toFixed(1)]);
  const table = formatTable(['stream', 'status', 'rows', 'requests', 'seconds'], lines, 2);
  return [table, ...formatVerdictLines(result.streams.filter(isCompleteWithExceptions)), formatTotalLine(result)].join('\n');
}

/** The verdict on the whole; that of the run repeats the streams' reasons, each of which has a line of its own here. */
function formatTotalLine({ verdict, streams }: SyncResult): string {
  const namesOf = (some: StreamResult[]): string => some.map(({ stream }) => stream).join(', ');
  const [incomplete, excepted] = [streams.filter(isIncomplete), streams.filter(isCompleteWithExceptions)];
  if (incomplete.length > 0) return `total: incomplete because of ${namesOf(incomplete)}`;
  return `total: ${excepted.length > 0 ? `complete but for what is said of ${namesOf(excepted)}` : verdict}`;
}

/** All that is known of a sync, on one line of JSON. */
export function formatResultJson(result: SyncResult, seconds: number): string {
  return JSON.stringify({ event: 'end', seconds, ...result });
}

/** Why streams are incomplete: one line for each reason. */
export function formatFailureLines({ streams }: SyncResult): string[] {
  return formatVerdictLines(streams.filter(isIncomplete));
}

function isIncomplete({ status }: StreamResult): boolean {
  return status === 'incomplete';
}

/** Complete but for something. */
function isCompleteWithExceptions({ status, verdict }: StreamResult): boolean {
  return status === 'complete' && verdict !== 'complete';
}

/** One line for each verdict, with the streams that it holds for. */
function formatVerdictLines(streams: readonly StreamResult[]): string[] {
  const streamsOf = new Map<string, string[]>();
  for (const { stream, verdict } of streams) streamsOf.set(verdict, [...(streamsOf.get(verdict) ?? []), stream]);
  return [...streamsOf].map(([verdict, names]) => `${names.join(', ')}: ${verdict}`);
}
