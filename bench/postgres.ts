import { isFlat, mostMemory } from './memory-cost';
import { measureMerge, usersIn, type MergeCost } from './postgres-cost';
import { conclude, printTable } from './table';

/** Rows to merge; the first argument, or a million. */
const count = Number(process.argv[2] ?? 1_000_000);

const leastPerSecond = 25_000;

async function main(): Promise<void> {
  const cost = await measureMerge(count);
  printTable(`${count.toLocaleString('en')} users merged into Postgres`, [rowOf(cost)]);
  conclude(failuresOf(cost));
}

/** Memory in MB. */
function rowOf({ rows, held, seconds, tenths }: MergeCost): Record<string, number> {
  const megabytes = (bytes = 0): number => Math.round(bytes / 1e6);
  return {
    rows,
    'rows in the table': held,
    seconds: Math.round(seconds * 10) / 10,
    'rows a second': perSecond(rows, seconds),
    'MB at 10 %': megabytes(tenths[0]),
    'MB at 50 %': megabytes(tenths[4]),
    'MB at 100 %': megabytes(tenths[9]),
    'peak MB': megabytes(Math.max(...tenths)),
  };
}

function perSecond(rows: number, seconds: number): number {
  return Math.round(rows / seconds);
}

function failuresOf({ rows, held, newest, seconds, tenths }: MergeCost): string[] {
  return [
    ...(held === usersIn(rows) ? [] : [`${held} rows in the table instead of ${usersIn(rows)}`]),
    ...(newest ? [] : ['users in an older version']),
    ...(perSecond(rows, seconds) < leastPerSecond ? [`fewer than ${leastPerSecond} rows a second`] : []),
    ...(Math.max(...tenths) > mostMemory ? ['more than 300 MB'] : []),
    ...(isFlat({ tenths }) ? [] : ['memory grows with the rows']),
  ];
}

void main();
