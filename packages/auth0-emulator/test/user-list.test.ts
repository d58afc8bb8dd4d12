import { type JsonObject, toText } from '../src/json';
import { type Emulator, startEmulator } from '../src/server';
import { visit, type Visitor } from './visitor';

let emulator: Emulator;
let visitor: Visitor;
let time = Date.now();

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'caps', now: () => time });
  visitor = await visit(emulator);
});
afterAll(() => emulator.close());
afterEach(() => emulator.updateSettings({ pageCap: undefined, shuffleTies: false, searchLagMs: 0 }));

const idsOf = (rows: JsonObject[]): unknown[] => rows.map((row) => row['user_id']);
const isAscending = (values: unknown[]): boolean =>
  values.every((value, place) => toText(values[place - 1] ?? '') <= String(value));

it('returns a bare array of 50 users by default', async () => {
  const { status, headers, body } = await visitor.get('users');
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(headers.get('cache-control')).toBe('no-cache');
  expect(headers.has('link')).toBe(false);
  expect(body).toHaveLength(50);
});

it('returns an envelope with a total of at most 1,000', async () => {
  const { body } = await visitor.get('users', { include_totals: true, per_page: 30, page: 2 });
  expect(Object.keys(body).sort()).toEqual(['length', 'limit', 'start', 'total', 'users']);
  expect(body).toMatchObject({ start: 60, limit: 30, length: 30, total: 1_000 });
});

it('ignores a second slash before the path', async () => {
  const headers = { authorization: `Bearer ${visitor.token}` };
  expect((await fetch(`${emulator.url}//api/v2/users`, { headers })).status).toBe(200);
});

it.each([
  [9, 100, 200],
  [10, 100, 400],
  [19, 50, 200],
  [20, 50, 400],
  [14, 70, 200],
])('answers page %i of %i users with %i', async (page, per_page, status) => {
  const reply = await visitor.get('users', { page, per_page });
  expect(reply.status).toBe(status);
  if (status === 200) return;
  expect(reply.body).toEqual({
    statusCode: 400,
    error: 'Bad Request',
    message:
      'You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation',
    errorCode: 'invalid_paging',
  });
});

it('rejects a page of more than 100 users', async () => {
  const { status, body } = await visitor.get('users', { per_page: 101 });
  expect(status).toBe(400);
  expect(body).toEqual({
    statusCode: 400,
    error: 'Bad Request',
    message:
      "Query validation error: 'Value 101 is greater than maximum 100' on property per_page (Number of results per page).",
    errorCode: 'invalid_query_string',
  });
});

it('limits pages silently if configured', async () => {
  emulator.updateSettings({ pageCap: 50 });
  const { body } = await visitor.get('users', { per_page: 100, page: 1, include_totals: true });
  expect(body).toMatchObject({ start: 50, limit: 50, length: 50 });
});

it.each([
  [{ page: 'x' }, 'page'],
  [{ per_page: -1 }, 'per_page'],
  [{ include_totals: 'yes' }, 'include_totals'],
  [{ sort: 'created_at' }, 'sort'],
  [{ sort: 'app_metadata.plan:1' }, 'sort'],
  [{ from: 'abc' }, 'from'],
])('rejects the query %j and names %s', async (query, name) => {
  const { status, body } = await visitor.get('users', query);
  expect(status).toBe(400);
  expect(body).toMatchObject({ errorCode: 'invalid_query_string' });
  expect(body['message']).toContain(name);
});

it('answers 414 to a query of more than 8 kB', async () => {
  const q = `name:"${'x'.repeat(8_200)}"`;
  expect((await visitor.get('users', { q })).status).toBe(414);
  expect((await visitor.get('users', { q: q.repeat(3) })).status).toBe(414);
  expect((await visitor.get('users', { q: 'name:"x"' })).status).toBe(200);
});

it('answers 400 to a range over metadata', async () => {
  const { status, body } = await visitor.get('users', { q: 'app_metadata.plan:[a TO z]' });
  expect(status).toBe(400);
  expect(body['message']).toBe("invalid query: operator 'less or equal' is not supported");
});

it('reads a range of milliseconds in order of the sort key', async () => {
  const all = (await visitor.get('users', { sort: 'created_at:1', per_page: 20 })).body;
  const [from, to] = [all[4]?.['created_at'], all[9]?.['created_at']].map(String);
  const read = async (q: string): Promise<unknown[]> =>
    idsOf((await visitor.get('users', { sort: 'created_at:1', per_page: 100, q })).body);

  expect(await read(`created_at:[${from} TO ${to}]`)).toEqual(idsOf(all.slice(4, 10)));
  expect(await read(`created_at:{${from}  TO ${to}]`)).toEqual(idsOf(all.slice(5, 10)));
  expect(await read(`created_at:{${from} TO ${to}}`)).toEqual(idsOf(all.slice(5, 9)));
});

it('finds users without a field by its absence, and never by a range', async () => {
  const lacking = (await visitor.get('users', { q: 'NOT _exists_:updated_at', per_page: 100 })).body;
  expect(lacking).toHaveLength(7);
  expect(lacking.every((user) => !('updated_at' in user))).toBe(true);
  const both = await visitor.get('users', {
    q: `updated_at:[* TO *] AND user_id:"${toText(lacking[0]?.['user_id'])}"`,
  });
  expect(both.body).toEqual([]);
});

it.each(['updated_at', 'created_at', 'email', 'logins_count'])(
  'sorts by %s in both directions, users without it last',
  async (field) => {
    const q = 'identities.connection:"corp-saml"';
    const up = (await visitor.get('users', { q, sort: `${field}:1`, per_page: 100 })).body;
    const down = (await visitor.get('users', { q, sort: `${field}:-1`, per_page: 100 })).body;
    const values = (rows: JsonObject[]): (string | undefined)[] =>
      rows.map((row) => (row[field] === undefined ? undefined : toText(row[field]).padStart(30)));
    const present = (rows: JsonObject[]): (string | undefined)[] => values(rows).filter((value) => value !== undefined);

    expect(up.length).toBeGreaterThan(20);
    expect(isAscending(present(up))).toBe(true);
    expect(isAscending(present(down).reverse())).toBe(true);
    expect(
      values(up)
        .slice(present(up).length)
        .every((value) => value === undefined),
    ).toBe(true);
    expect(new Set(idsOf(down))).toEqual(new Set(idsOf(up)));
  },
);

it('keeps the order of users with one timestamp, or changes it between requests if configured', async () => {
  const q = `created_at:[${await tiedInstant()} TO *]`;
  const read = async (): Promise<unknown[]> => idsOf((await visitor.get('users', { q, sort: 'created_at:1' })).body);
  expect(await read()).toEqual(await read());
  emulator.updateSettings({ shuffleTies: true });
  expect(await read()).not.toEqual(await read());
});

it('splits users of one millisecond by connection', async () => {
  const at = await tiedInstant();
  const count = async (extra: string): Promise<unknown> =>
    (await visitor.get('users', { q: `created_at:[${at} TO ${at}]${extra}`, include_totals: true })).body['total'];
  expect(await count('')).toBe(1_000);
  expect(await count(' AND identities.connection:"Username-Password-Authentication"')).toBe(600);
  expect(await count(' AND identities.connection:"google-oauth2"')).toBe(600);
});

it('includes or excludes the given fields', async () => {
  const [included] = (await visitor.get('users', { fields: 'user_id,name', per_page: 1 })).body;
  const [excluded] = (await visitor.get('users', { fields: 'identities,name', include_fields: false, per_page: 1 }))
    .body;
  expect(Object.keys(included ?? {}).sort()).toEqual(['name', 'user_id']);
  expect(Object.keys(excluded ?? {})).toContain('email');
  expect(Object.keys(excluded ?? {})).not.toContain('name');
  expect(Object.keys(excluded ?? {})).not.toContain('identities');
});

it('finds the members of an organization', async () => {
  const organization = emulator.tenant.organizations.rows[3]?.id ?? '';
  const members = (await visitor.get(`organizations/${organization}/members`)).body;
  const found = (await visitor.get('users', { q: `organization_id:"${organization}"` })).body;
  expect(idsOf(found).sort()).toEqual(idsOf(members).sort());
  expect(found.length).toBeGreaterThan(0);
});

it('returns a write by id at once, and in lists after the search lag', async () => {
  emulator.updateSettings({ searchLagMs: 5_000 });
  const { user_id } = emulator.tenant.createUser({ name: 'Brand New' });
  const id = encodeURIComponent(toText(user_id));
  const listed = async (): Promise<number> => (await visitor.get('users', { q: 'name:"brand new"' })).body.length;

  expect((await visitor.get(`users/${id}`)).body['name']).toBe('Brand New');
  expect(await listed()).toBe(0);
  time += 5_000;
  expect(await listed()).toBe(1);

  emulator.tenant.deleteUser(toText(user_id));
  expect((await visitor.get(`users/${id}`)).body).toEqual({
    statusCode: 404,
    error: 'Not Found',
    message: 'The user does not exist.',
    errorCode: 'inexistent_user',
  });
  expect(await listed()).toBe(1);
  time += 5_000;
  expect(await listed()).toBe(0);
});

it('reads every kind of user id by its encoded path', async () => {
  const users = (await visitor.get('users', { per_page: 100 })).body;
  const providers = new Map(users.map((user) => [toText(user['user_id']).split('|')[0], user]));
  expect([...providers.keys()].sort()).toEqual(['ad', 'auth0', 'email', 'google-oauth2', 'office365', 'samlp', 'sms']);
  for (const user of providers.values()) {
    expect((await visitor.get(`users/${encodeURIComponent(toText(user['user_id']))}`)).body).toEqual(user);
  }
});

async function tiedInstant(): Promise<string> {
  const page = (await visitor.get('users', { q: 'created_at:[2023-12-01 TO *]', sort: 'created_at:1', per_page: 100 }))
    .body;
  const counts = new Map<string, number>();
  for (const user of page) counts.set(toText(user['created_at']), (counts.get(toText(user['created_at'])) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1])[0]?.[0] ?? '';
}
