import { exitCodes } from '../../errors';
import type { StreamResult, SyncResult } from '../../workflows/contract';
import { formatTable, wrapLines } from './text';

/** 0 only when every stream is complete. */
export function getResultExitCode({ status, streams }: SyncResult): number {
  if (status === 'complete') return exitCodes.ok;
  if (status === 'partial') return exitCodes.partial;
  const codes = new Set(streams.map(({ failure }) => failure?.exitCode ?? exitCodes.failed));
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : exitCodes.failed;
}

/**
 * The result of a sync: a table of at most 80 columns, then the streams that are complete with exceptions, and the total.
 * `formatFailureLines` explains incomplete streams.
 * @param columns width of the terminal; default: lines are not wrapped
 */
export function formatResultTable(result: SyncResult, seconds: number, columns?: number): string {
  const rows = result.streams.map(({ stream, status, records, counts, seconds }) => {
    return [stream, status, records, counts.requests, seconds.toFixed(1)];
  });
  const requests = result.streams.reduce((sum, { counts }) => sum + counts.requests, 0);
  const records = result.streams.reduce((sum, { records }) => sum + records, 0);
  rows.push(['total', result.status, records, requests, seconds.toFixed(1)]);
  return [
    formatTable(['stream', 'status', 'records', 'requests', 'seconds'], rows, 2),
    ...[...formatVerdictLines(result.streams.filter(hasExceptions)), formatTotalLine(result)].map((line) =>
      wrapLines(line, columns),
    ),
  ].join('\n');
}

/** Names the incomplete streams without the reasons, which have lines of their own. */
function formatTotalLine({ verdict, streams }: SyncResult): string {
  const listNames = (some: StreamResult[]): string => some.map(({ stream }) => stream).join(', ');
  const [incomplete, excepted] = [streams.filter(isIncomplete), streams.filter(hasExceptions)];
  if (incomplete.length > 0) return `total: incomplete (${listNames(incomplete)})`;
  return `total: ${excepted.length > 0 ? `complete, with exceptions in ${listNames(excepted)}` : verdict}`;
}

/** The whole result, on one line. */
export function formatResultJson(result: SyncResult, seconds: number): string {
  return JSON.stringify({ event: 'end', seconds, ...result });
}

/** The reasons why streams are incomplete, a line each. */
export function formatFailureLines({ streams }: SyncResult): string[] {
  return formatVerdictLines(streams.filter(isIncomplete));
}

function isIncomplete({ status }: StreamResult): boolean {
  return status === 'incomplete';
}

function hasExceptions({ status, verdict }: StreamResult): boolean {
  return status === 'complete' && verdict !== 'complete';
}

/** A line per verdict, with the streams that have it. */
function formatVerdictLines(streams: readonly StreamResult[]): string[] {
  const names = new Map<string, string[]>();
  for (const { stream, verdict } of streams) names.set(verdict, [...(names.get(verdict) ?? []), stream]);
  return [...names].map(([verdict, streams]) => `${streams.join(', ')}: ${verdict}`);
}
