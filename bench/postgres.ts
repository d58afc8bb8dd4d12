import { join } from 'node:path';
import { createPostgresSink } from '../src/sinks/postgres/sink';
import type { Segment } from '../src/staging/segment';
import { createStaging, type Staging } from '../src/staging/staging';
import { query } from '../test/support/postgres/rows';
import { startPostgres } from '../test/support/postgres/server';
import { withFolder } from './support/project';
import { conclude, printTable, round, runBenchmark, toMegabytes } from './support/report';
import { isFlat, maxMemory } from './support/resident-memory';
import { segmentsPerDelivery, stageUsers, stream, getUserNumber, versionEvery } from './support/staged-users';

/** The cost of merging users into a table. */
export interface MergeCost {
  /** Rows delivered. */
  rows: number;
  /** Rows in the table afterwards. */
  rowsInTable: number;
  /** Whether the table contains the newest version of each user. */
  newest: boolean;
  seconds: number;
  /** Most resident memory of this process in each tenth of the rows, bytes. */
  tenths: number[];
}

/** The sum of the numbers of the rows that are the newest version of a user. */
function sumNewestVersions(rows: number): number {
  const newest = new Uint32Array(rows);
  for (let row = 0; row < rows; row += 1) newest[getUserNumber(row)] = row;
  return newest.reduce((sum, row) => sum + row, 0);
}

/** Merges staged rows into an empty table of a Postgres server that it starts. */
export async function measureMerge(rows: number): Promise<MergeCost> {
  const server = await startPostgres();
  try {
    return await withFolder(async (folder) => {
      const staging = createStaging(join(folder, 'staging'));
      const segments = await stageUsers(staging, rows);
      const cost = await deliver(segments, server.url, staging);
      const [found] = await query<{ count: string; versions: string }>(
        server.url,
        "SELECT count(*) AS count, sum(extract(epoch FROM updated_at - '2024-01-01T00:00:00Z')) AS versions FROM acme.users",
      );
      const newest = Number(found?.versions) === sumNewestVersions(rows);
      return { rows, rowsInTable: Number(found?.count), newest, ...cost };
    });
  } finally {
    await server.stop();
  }
}

async function deliver(
  segments: Segment[],
  url: string,
  staging: Staging,
): Promise<Pick<MergeCost, 'seconds' | 'tenths'>> {
  const sink = createPostgresSink({ url, schema: 'acme', staging });
  const tenths = new Array<number>(10).fill(0);
  const startedAt = performance.now();
  for (let first = 0; first < segments.length; first += segmentsPerDelivery) {
    const sequence = first / segmentsPerDelivery;
    const delivery = { run: 'run', stream, sequence, segments: segments.slice(first, first + segmentsPerDelivery) };
    await sink.deliver({ ...delivery, state: { sequence } });
    const tenth = Math.floor((10 * first) / segments.length);
    tenths[tenth] = Math.max(tenths[tenth] ?? 0, process.memoryUsage.rss());
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  await sink.close();
  return { seconds, tenths };
}

/** The number of users in so many rows. */
export function countUsers(rows: number): number {
  return rows - Math.floor(rows / versionEvery);
}

/** Rows to merge: the first argument, or a million. */
const count = Number(process.argv[2] ?? 1_000_000);

const minPerSecond = 25_000;

async function main(): Promise<void> {
  const cost = await measureMerge(count);
  printTable(`${count.toLocaleString('en')} users merged into Postgres`, [toRow(cost)]);
  conclude(findFailures(cost));
}

function toRow({ rows, rowsInTable, seconds, tenths }: MergeCost): Record<string, number> {
  return {
    rows,
    'rows in the table': rowsInTable,
    seconds: round(seconds, 1),
    'rows per second': perSecond(rows, seconds),
    'MB at 10 %': toMegabytes(tenths[0]),
    'MB at 50 %': toMegabytes(tenths[4]),
    'MB at 100 %': toMegabytes(tenths[9]),
    'peak MB': toMegabytes(Math.max(...tenths)),
  };
}

function perSecond(rows: number, seconds: number): number {
  return Math.round(rows / seconds);
}

function findFailures({ rows, rowsInTable, newest, seconds, tenths }: MergeCost): string[] {
  return [
    ...(rowsInTable === countUsers(rows) ? [] : [`${rowsInTable} rows in the table instead of ${countUsers(rows)}`]),
    ...(newest ? [] : ['old versions of users']),
    ...(perSecond(rows, seconds) < minPerSecond ? [`fewer than ${minPerSecond} rows a second`] : []),
    ...(Math.max(...tenths) > maxMemory ? ['more than 300 MB'] : []),
    ...(isFlat({ tenths }) ? [] : ['memory grows with the rows']),
  ];
}

runBenchmark(module, main);
