import type { JsonObject } from '../../src/json';
import type { Segment } from '../../src/staging/segment';
import type { Staging } from '../../src/staging/staging';
import { configureStream } from '../../src/streams/registry';

/** The stream of the rows. */
export const stream = configureStream({
  name: 'users',
  syncMode: 'incremental',
  destinationSyncMode: 'append_dedup',
});

/** A fetch stages forty pages of 100; a delivery takes up to five segments that wait. */
export const rowsPerSegment = 4_000;
export const segmentsPerDelivery = 5;
const rowsPerPage = 100;

/** Every tenth row is a newer version of a user in a much earlier row. */
export const versionEvery = 10;

/** The number of the user in a row. */
export function getUserNumber(row: number): number {
  return row % versionEvery === versionEvery - 1 ? versionEvery * Math.floor(row / versionEvery / 2) : row;
}

/** A made-up user, as large as users of a database connection. */
function createUser(row: number): JsonObject {
  const user = getUserNumber(row);
  const time = (at: number): string => new Date(Date.UTC(2024, 0, 1) + at * 1_000).toISOString();
  return {
    // IDs have no order.
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

async function stageSegment(staging: Staging, first: number, count: number): Promise<Segment> {
  const writer = await staging.open({ run: 'run', fetchId: `${first}`, attempt: 1, stream: stream.name });
  for (let page = first; page < first + count; page += rowsPerPage) {
    const rows = Math.min(rowsPerPage, first + count - page);
    await writer.append(
      Array.from({ length: rows }, (_, index) => ({ emitted_at: 1_700_000_000_000, data: createUser(page + index) })),
    );
  }
  const segment = await writer.commit();
  await writer.close();
  return segment;
}

/** Stages so many rows, as fetches do. */
export async function stageUsers(staging: Staging, rows: number): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (let first = 0; first < rows; first += rowsPerSegment) {
    segments.push(await stageSegment(staging, first, Math.min(rowsPerSegment, rows - first)));
  }
  return segments;
}
