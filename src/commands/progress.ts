import Table from 'cli-table3';
import type { StreamProgress, SyncResult } from '../workflows/contract';

/** Plain frame: no colours, so that a pipe and a terminal get the same. */
const plain = { style: { head: [], border: [] }, chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } };

/** What a sync did, for a reader at a terminal of 80 columns. */
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
  return table.toString();
}

/** Where a sync stands, in one line. */
export function progressLine(streams: readonly StreamProgress[]): string {
  return streams
    .map(
      ({ stream, status, delivered }) =>
        `${stream} ${delivered}${status === 'running' || status === 'waiting' ? '…' : ''}`,
    )
    .join(' · ');
}

/** Says something about the work, apart from its result. */
export function narrate(text: string): void {
  process.stderr.write(`${text}\n`);
}
