import type { KillCost, ReadCost } from './compare-cost';

/** What was measured of one reader. */
export interface Measured {
  name: string;
  read: ReadCost;
  kill: KillCost;
}

/** A reader resumes if it repeats at most this share of the requests before the kill. */
const mostRepeatedByResuming = 0.25;
/** A reader starts over if it repeats at least this share. */
const leastRepeatedByRestarting = 0.5;

/** Rows of the comparison: a label, then a cell for each reader. Ratios are to the first reader. */
export function compareReaders(measured: readonly Measured[]): string[][] {
  const [first] = measured;
  if (!first) return [];
  const row = (label: string, cell: (each: Measured) => string): string[] => [label, ...measured.map(cell)];
  const ratio = (value: number, base: number): string => `${(value / base).toFixed(1)} ×`;
  const withRatio = (text: string, each: Measured, value: (of: ReadCost) => number): string =>
    each === first ? text : `${text} (${ratio(value(each.read), value(first.read))})`;
  const perThousandRows = ({ requests, rows }: ReadCost): number => (1_000 * requests) / rows.delivered;
  return [
    row('', ({ name }) => name),
    row('requests', (each) => withRatio(write(each.read.requests), each, ({ requests }) => requests)),
    row('requests per 1,000 rows', (each) => withRatio(perThousandRows(each.read).toFixed(0), each, perThousandRows)),
    row('… refused with 429', ({ read }) => write(read.refused)),
    row('seconds', (each) => withRatio(each.read.seconds.toFixed(1), each, ({ seconds }) => seconds)),
    row(`rows lost, of ${write(first.read.rows.expected)}`, ({ read }) => writeLost(read)),
    row('rows lost to deduplication by its own keys', ({ read }) =>
      read.mergedByKeys === undefined ? 'declares no keys' : write(read.mergedByKeys),
    ),
    row('secrets written', ({ read }) => write(read.secrets)),
    row('exit code', ({ read }) => String(read.exitCode)),
    row('killed halfway (kill -9), run again', judgeResume),
    row('… requests made twice', (each) => writeShare(countRepeatedRequests(each), each.kill.requestsBefore)),
    row('… rows written twice', ({ kill }) => writeShare(kill.rowsTwice, kill.rowsBefore)),
    row('… rows lost', ({ kill }) => write(kill.lost)),
  ];
}

/** Writes rows as a Markdown table, the first as its head, numbers at the right. */
export function writeMarkdown(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), 3));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const lines = rows.map((row) => `| ${row.map(pad).join(' | ')} |`);
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

/** Requests of both runs beyond those of an uninterrupted one. */
export function countRepeatedRequests({ read, kill }: Measured): number {
  return Math.max(0, kill.requestsBefore + kill.requestsAfter - read.requests);
}

function judgeResume(measured: Measured): string {
  const repeated = countRepeatedRequests(measured) / measured.kill.requestsBefore;
  if (repeated <= mostRepeatedByResuming) return 'resumes';
  return repeated >= leastRepeatedByRestarting ? 'starts over' : 'resumes in part';
}

function writeLost({ rows }: ReadCost): string {
  const lost = rows.expected - rows.delivered;
  return lost === 0 ? '0' : writeShare(lost, rows.expected);
}

function writeShare(part: number, whole: number): string {
  return part === 0 ? '0' : `${write(part)} (${Math.round((100 * part) / whole)} %)`;
}

function write(value: number): string {
  return value.toLocaleString('en');
}
