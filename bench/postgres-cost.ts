import { join } from 'node:path';
import type { JsonObject } from '../src/json';
import { createPostgresSink } from '../src/sinks/postgres/sink';
import type { ConfiguredStream } from '../src/sinks/sink';
import type { Segment } from '../src/staging/segment';
import { createStaging, type Staging } from '../src/staging/staging';
import { query } from '../test/postgres/rows';
import { startPostgres } from '../test/postgres/server';
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

const stream: ConfiguredStream = { name: 'users', syncMode: 'incremental', destinationSyncMode: 'append_dedup' };

/** Forty pages of 100, as a slice has them; five slices that have waited travel together. */
const rowsPerSegment = 4_000;
const segmentsPerStep = 5;
const rowsPerPage = 100;

/** Of ten rows the last is a later version of a user who came long before. */
const versionEvery = 10;

/** Number of the user whom a row is about. */
function userOf(row: number): number {
  return row % versionEvery === versionEvery - 1 ? versionEvery * Math.floor(row / versionEvery / 2) : row;
}

/** A made-up user, of the size that users of a database connection have. */
function userAt(row: number): JsonObject {
  const user = userOf(row);
  const time = (at: number): string => new Date(Date.UTC(2024, 0, 1) + at * 1_000).toISOString();
  return {
    // As ids do, they come in no order.
    user_id: `auth0|${((user * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0')}${user.toString(16).padStart(16, '0')}`,
    email: `user-${user}@example.com`,
    email_verified: user % 2 === 0,
    created_at: time(user),
    updated_at: time(row),
    identities: [
      { connection: 'Username-Password-Authentication', user_id: `${user}`, provider: 'auth0', isSocial: false },
    ],
    app_metadata: { plan: 'gold', roles: ['reader', 'writer'], seats: user % 50 },
    user_metadata: { locale: 'de', theme: 'dark' },
    picture: `https://example.com/pictures/${user}.png`,
    name: `Made Up ${user}`,
    nickname: `made-up-${user}`,
    last_ip: '192.0.2.1',
    last_login: time(row),
    logins_count: row % 100,
  };
}

/** The sum of the numbers of the rows that are each the last one about a user. */
function newestVersions(rows: number): number {
  const newest = new Uint32Array(rows);
  for (let row = 0; row < rows; row += 1) newest[userOf(row)] = row;
  return newest.reduce((sum, row) => sum + row, 0);
}

async function stageRows(staging: Staging, first: number, count: number): Promise<Segment> {
  const writer = await staging.open({ run: 'run', slice: `${first}`, attempt: 1, stream: stream.name });
  for (let page = first; page < first + count; page += rowsPerPage) {
    const rows = Math.min(rowsPerPage, first + count - page);
    await writer.append(
      Array.from({ length: rows }, (_, index) => ({ emitted_at: 1_700_000_000_000, data: userAt(page + index) })),
    );
  }
  const segment = await writer.commit();
  await writer.close();
  return segment;
}

/** Merges staged rows into an empty table of a server of its own. */
export async function measureMerge(rows: number): Promise<MergeCost> {
  const server = await startPostgres();
  try {
    return await inScratch(async (folder) => {
      const staging = createStaging(join(folder, 'staging'));
      const segments: Segment[] = [];
      for (let first = 0; first < rows; first += rowsPerSegment) {
        segments.push(await stageRows(staging, first, Math.min(rowsPerSegment, rows - first)));
      }
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
