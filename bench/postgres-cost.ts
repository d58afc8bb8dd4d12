import { join } from 'node:path';
import { createPostgresSink } from '../src/sinks/postgres/sink';
import type { Segment } from '../src/staging/segment';
import { createStaging, type Staging } from '../src/staging/staging';
import { query } from '../test/support/postgres/rows';
import { startPostgres } from '../test/support/postgres/server';
import { segmentsPerStep, stageUsers, stream, userOf, versionEvery } from './staged-users';
import { inScratch } from './sync';

/** What it took to merge users into a table. */
export interface MergeCost {
  /** Rows delivered, and rows that the table holds then. */
  rows: number;
  held: number;
  /** The table holds the newest version of each user. */
  newest: boolean;
  seconds: number;
  /** Most resident memory of this process in each tenth of the rows, bytes. */
  tenths: number[];
}

/** The sum of the numbers of the rows that are each the last one about a user. */
function newestVersions(rows: number): number {
  const newest = new Uint32Array(rows);
  for (let row = 0; row < rows; row += 1) newest[userOf(row)] = row;
  return newest.reduce((sum, row) => sum + row, 0);
}

/** Merges staged rows into an empty table of a server of its own. */
export async function measureMerge(rows: number): Promise<MergeCost> {
  const server = await startPostgres();
  try {
    return await inScratch(async (folder) => {
      const staging = createStaging(join(folder, 'staging'));
      const segments = await stageUsers(staging, rows);
      const cost = await deliver(segments, server.url, staging);
      const [found] = await query<{ held: string; versions: string }>(
        server.url,
        "SELECT count(*) AS held, sum(extract(epoch FROM updated_at - '2024-01-01T00:00:00Z')) AS versions FROM acme.users",
      );
      const newest = Number(found?.versions) === newestVersions(rows);
      return { rows, held: Number(found?.held), newest, ...cost };
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
  const begun = performance.now();
  for (let first = 0; first < segments.length; first += segmentsPerStep) {
    const sequence = first / segmentsPerStep;
    const step = { run: 'run', stream, sequence, segments: segments.slice(first, first + segmentsPerStep) };
    await sink.deliver({ ...step, state: { sequence } });
    const tenth = Math.floor((10 * first) / segments.length);
    tenths[tenth] = Math.max(tenths[tenth] ?? 0, process.memoryUsage.rss());
  }
  const seconds = (performance.now() - begun) / 1_000;
  await sink.close();
  return { seconds, tenths };
}

/** How many users the rows are about. */
export function usersIn(rows: number): number {
  return rows - Math.floor(rows / versionEvery);
}
