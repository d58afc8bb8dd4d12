import { createHash } from 'node:crypto';
import { type JsonObject, toText } from '../src/json';
import { truthStreams } from '../src/data/truth';
import { type Emulator, startEmulator } from '../src/server';
import { control, readAll, visit, type Visitor } from './visitor';

let emulator: Emulator;
let visitor: Visitor;

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'small' });
  visitor = await visit(emulator);
});
afterAll(() => emulator.close());

/** An independent implementation of the documented hash: keys sorted at every level, no whitespace, SHA-256 in hexadecimal. */
function hashOf(record: JsonObject): string {
  const sorted = JSON.stringify(record, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(sorted).digest('hex');
}

const hashAll = (rows: JsonObject[], keyOf: (row: JsonObject) => string): Map<string, string> =>
  new Map(rows.map((row) => [keyOf(row), hashOf(row)]));

it('contains key and content of every record that the API lists', async () => {
  const truth = emulator.readTruth();
  const users = (
    await Promise.all([0, 1, 2, 3, 4].map(async (page) => (await visitor.get('users', { page, per_page: 100 })).body))
  ).flat();
  const organizations = await readAll(visitor, 'organizations', 'organizations', {});
  const members = new Map<string, string>();
  const roles = new Map<string, string>();
  for (const { id } of organizations) {
    for (const member of await readAll(visitor, `organizations/${toText(id)}/members`, 'members', {})) {
      const key = `${toText(id)},${toText(member['user_id'])}`;
      members.set(key, hashOf(member));
      const path = `organizations/${toText(id)}/members/${encodeURIComponent(toText(member['user_id']))}/roles`;
      for (const role of (await visitor.get(path)).body) roles.set(`${key},${toText(role['id'])}`, hashOf(role));
    }
  }

  expect(truth.clients).toEqual(hashAll((await visitor.get('clients')).body, (row) => toText(row['client_id'])));
  expect(truth.users).toEqual(hashAll(users, (row) => toText(row['user_id'])));
  expect(truth.organizations).toEqual(hashAll(organizations, (row) => toText(row['id'])));
  expect(truth.organization_members).toEqual(members);
  expect(truth.organization_member_roles).toEqual(roles);
  expect([truth.clients.size, truth.users.size, truth.organizations.size]).toEqual([8, 450, 12]);
});

it('is the same through the control API, complete, by stream, or only the keys', async () => {
  const truth = emulator.readTruth();
  const whole = (await control(emulator, 'truth')).body;
  expect(Object.keys(whole)).toEqual([...truthStreams]);
  for (const stream of truthStreams) expect(whole[stream]).toEqual(Object.fromEntries(truth[stream]));
  const keys = (await control(emulator, 'truth?streams=users,clients&keys=true')).body;
  expect(keys).toEqual({ clients: [...truth.clients.keys()], users: [...truth.users.keys()] });
});

it('reflects changes at once, whatever the search lag', () => {
  emulator.updateSettings({ searchLagMs: 60_000 });
  const { user_id } = emulator.tenant.createUser();
  expect(emulator.readTruth().users.has(toText(user_id))).toBe(true);
  emulator.tenant.deleteUser(toText(user_id));
  expect(emulator.readTruth().users.has(toText(user_id))).toBe(false);
});

it('counts requests by endpoint and status until the statistics are reset', async () => {
  await control(emulator, 'reset-stats', {});
  await Promise.all([visitor.get('roles'), visitor.get('roles'), visitor.get('users', { page: 20 }), visitor.get('x')]);
  const before = Date.now();
  await visit(emulator);
  const stats = (await control(emulator, 'stats')).body;
  expect(stats).toEqual(emulator.readStatistics());
  expect(stats).toMatchObject({
    requests: 4,
    tokenRequests: 1,
    rateLimited: 0,
    byRoute: { roles: { 200: 2 }, users: { 400: 1 }, unknown: { 404: 1 }, token: { 200: 1 } },
  });
  expect(Number(stats['maxInFlight'])).toBeGreaterThanOrEqual(1);
  expect(Number(stats['firstRequestAt'])).toBeLessThanOrEqual(Number(stats['lastRequestAt']));
  expect(Number(stats['lastRequestAt'])).toBeLessThanOrEqual(before);
  const perMinute = Object.values(stats['perMinute'] as Record<string, number>);
  expect(perMinute.reduce((sum, count) => sum + count, 0)).toBe(4);
});

it('accepts settings through the control API', async () => {
  await control(emulator, 'settings', { rateLimits: 'free', sendRetryAfter: true });
  const statuses = [];
  for (let nth = 0; nth < 3; nth += 1) statuses.push((await visitor.get('roles')).status);
  expect(statuses).toEqual([200, 200, 429]);
});
