import { type JsonObject, toText } from '../src/json';
import { type Emulator, startEmulator } from '../src/server';
import { readAll, type Reply, visit, type Visitor } from './visitor';

let emulator: Emulator;
let visitor: Visitor;
let big: string;
let time = Date.now();

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'caps', now: () => time });
  visitor = await visit(emulator);
  big = `organizations/${emulator.tenant.organizations.rows[0]?.id ?? ''}/members`;
});
afterAll(() => emulator.close());
afterEach(() => emulator.updateSettings({ pageCap: undefined, nextOnFullPage: false, trailingMembersPage: false }));

/** Auth0's descriptions of the parameter differ between endpoints, and its error messages repeat them. */
const perPageDefault = 'Number of results per page. Defaults to 50';
const perPageOfClients = 'Number of results per page. Default value is 50, maximum value is 100';

const lists = [
  { list: 'clients', pathOf: () => 'clients', key: 'client_id', size: 1_100, perPage: perPageOfClients },
  { list: 'organizations', pathOf: () => 'organizations', key: 'id', size: 1_200, perPage: perPageDefault },
  { list: 'members', pathOf: () => big, key: 'user_id', size: 2_300, perPage: perPageDefault },
];

describe.each(lists)('the list of $list', ({ list, pathOf, key, size, perPage }) => {
  it('is a bare array by default', async () => {
    const { body } = await visitor.get(pathOf());
    expect(body).toHaveLength(50);
  });

  it('is an envelope with the exact total and without a length, if requested', async () => {
    const { body } = await visitor.get(pathOf(), { include_totals: true, per_page: 30, page: 2 });
    expect(Object.keys(body).sort()).toEqual([list, 'limit', 'start', 'total'].sort());
    expect(body).toMatchObject({ start: 60, limit: 30, total: size });
    expect(body[list]).toHaveLength(30);
  });

  it('returns every row once by checkpoint', async () => {
    const rows = await readAll(visitor, pathOf(), list, {});
    expect(rows).toHaveLength(size);
    expect(new Set(rows.map((row) => row[key])).size).toBe(size);
  });

  it('has only rows and next in a checkpoint page, whatever else is requested', async () => {
    const { body } = await visitor.get(pathOf(), { take: 7, include_totals: true, page: 3, per_page: 9 });
    expect(Object.keys(body).sort()).toEqual([list, 'next'].sort());
    expect(body[list]).toHaveLength(7);
  });

  it.each([
    [9, 100, 200],
    [10, 100, 400],
    [19, 50, 200],
    [20, 50, 400],
    [14, 70, 400],
  ])('answers page %i of %i rows with %i', async (page, per_page, status) => {
    const reply = await visitor.get(pathOf(), { page, per_page, include_totals: true });
    expect(reply.status).toBe(status);
    if (status === 200) return;
    expect(reply.body).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: `Requesting page ${page} exceeds the allowed maximum of 1000 records. To fetch results beyond 1000, use the checkpoint pagination method.`,
      errorCode: 'invalid_paging',
    });
  });

  it.each(['per_page', 'take'])('rejects a %s above 100, or limits it if configured', async (name) => {
    const refused = await visitor.get(pathOf(), { [name]: 101 });
    expect(refused.status).toBe(400);
    expect(refused.body['message']).toBe(
      `Query validation error: 'Value 101 is greater than maximum 100' on property ${name} (${name === 'take' ? perPageDefault : perPage}).`,
    );
    emulator.updateSettings({ pageCap: 50 });
    const cut = await visitor.get(pathOf(), { [name]: 100 });
    expect(cut.body[list] ?? cut.body).toHaveLength(50);
  });

  it('rejects an invalid checkpoint and one that is a day old', async () => {
    const { next } = (await visitor.get(pathOf(), { take: 5 })).body;
    const badly = await visitor.get(pathOf(), { from: `x${toText(next)}` });
    expect([badly.status, badly.body['errorCode']]).toEqual([400, 'invalid_paging']);
    time += 86_000_000;
    visitor = await visit(emulator);
    expect((await visitor.get(pathOf(), { from: toText(next) })).status).toBe(200);
    time += 400_000;
    expect((await visitor.get(pathOf(), { from: toText(next) })).status).toBe(400);
  });
});

it('encodes checkpoints as Auth0 does: a keyset in base64url, or a seal with asterisks for clients', async () => {
  const nextOf = ({ body }: Reply): string => toText(body['next']);
  const place = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}UTC,/;
  const decode = (token: string): string => Buffer.from(token, 'base64url').toString();
  expect(decode(nextOf(await visitor.get('organizations', { take: 5 })))).toMatch(place);
  expect(decode(nextOf(await visitor.get(big, { take: 5 })))).toMatch(place);
  expect(nextOf(await visitor.get('clients', { take: 5 }))).toMatch(/^Fe26\.2\*.{100,}\*/);
});

it('continues at the right row when two members joined in one millisecond', async () => {
  const whole = (await visitor.get(big, { take: 10 })).body['members'] as JsonObject[];
  const first = (await visitor.get(big, { take: 1 })).body;
  const second = (await visitor.get(big, { take: 9, from: toText(first['next']) })).body;
  expect([...(first['members'] as JsonObject[]), ...(second['members'] as JsonObject[])]).toEqual(whole);
});

it.each([
  ['organizations', 1_200, 100, 12],
  ['clients', 1_100, 100, 11],
])('ends %s without next on a full last page, or with an empty page if configured', async (list, size, take, pages) => {
  expect(size % take).toBe(0);
  const count = async (): Promise<number> => {
    const before = emulator.readStatistics().requests;
    expect(await readAll(visitor, list, list, { take })).toHaveLength(size);
    return emulator.readStatistics().requests - before;
  };
  expect(await count()).toBe(pages);
  emulator.updateSettings({ nextOnFullPage: true });
  expect(await count()).toBe(pages + 1);
});

it('ends members with an empty page, even after a short one, if configured', async () => {
  const read = async (): Promise<number[]> => {
    const before = emulator.readStatistics().requests;
    const rows = await readAll(visitor, big, 'members', { take: 99 });
    return [rows.length, emulator.readStatistics().requests - before];
  };
  expect(await read()).toEqual([2_300, 24]);
  emulator.updateSettings({ trailingMembersPage: true });
  expect(await read()).toEqual([2_300, 25]);
});

it('links the pages of clients with http, and only for bare arrays', async () => {
  const array = await visitor.get('clients', { page: 1, per_page: 10 });
  expect(array.headers.get('link')).toContain(`<${emulator.url}/api/v2/clients?page=0&per_page=10>; rel="first"`);
  expect(array.headers.get('link')).toContain('rel="prev"');
  expect(array.headers.get('link')).toContain('page=109&per_page=10>; rel="last"');
  expect((await visitor.get('clients', { include_totals: true })).headers.has('link')).toBe(false);
  expect((await visitor.get('organizations')).headers.has('link')).toBe(false);
});

it('filters clients', async () => {
  const { body } = await visitor.get('clients', { app_type: 'spa,native', is_first_party: true, is_global: false });
  expect(body).toHaveLength(50);
  expect(body.every((client) => client['app_type'] !== 'regular_web' && client['is_first_party'])).toBe(true);
});

it('includes or excludes the given fields of clients, and always includes the tenant', async () => {
  const [included] = (await visitor.get('clients', { fields: 'client_id' })).body;
  const [excluded] = (await visitor.get('clients', { fields: 'tenant,callbacks', include_fields: false })).body;
  expect(Object.keys(included ?? {}).sort()).toEqual(['client_id', 'tenant']);
  expect(Object.keys(excluded ?? {})).toContain('name');
  expect(Object.keys(excluded ?? {})).not.toContain('callbacks');
});

it('returns one client by id, as in the list', async () => {
  const [listed] = (await visitor.get('clients', { page: 3, per_page: 1 })).body;
  const path = `clients/${toText(listed?.['client_id'])}`;
  expect((await visitor.get(path)).body).toEqual(listed);
  expect((await visitor.get(path, { fields: 'name' })).body).toEqual({
    name: listed?.['name'],
    tenant: 'emulated-tenant',
  });
});

it('sorts organizations by name', async () => {
  const up = (await visitor.get('organizations', { sort: 'name:1' })).body.map(({ name }) => toText(name));
  const down = (await visitor.get('organizations', { sort: 'name:-1' })).body.map(({ name }) => toText(name));
  expect(up).toEqual([...up].sort());
  expect(down[0] ?? '').toBe([...down].sort().at(-1));
  expect(up[0]).not.toBe(down[0]);
});

it('returns an empty list after the end, below row 1,000', async () => {
  const { status, body } = await visitor.get('roles', { page: 5 });
  expect([status, body]).toEqual([200, []]);
});

it('lists roles and filters them by name', async () => {
  const { body } = await visitor.get('roles', { include_totals: true, per_page: 100 });
  expect(body).toMatchObject({ start: 0, limit: 100, total: 40 });
  const [role] = body['roles'] as JsonObject[];
  expect(Object.keys(role ?? {})).toEqual(['id', 'name', 'description']);
  expect((await visitor.get(`roles/${toText(role?.['id'])}`)).body).toEqual(role);
  expect(
    (await visitor.get('roles', { name_filter: 'ADMIN' })).body.every(({ name }) => toText(name).includes('admin')),
  ).toBe(true);
});

it("answers 404 for unknown ids with each endpoint's message", async () => {
  const notFound = (message: string): object => ({ statusCode: 404, error: 'Not Found', message });
  const noOrganization = notFound('No organization found by that id or name');
  const unknown = 'organizations/org_0000000000000000';
  for (const path of [unknown, `${unknown}/members`, `${unknown}/members/auth0%7Cx/roles`]) {
    const { status, body } = await visitor.get(path);
    expect([status, body]).toEqual([404, noOrganization]);
  }
  expect((await visitor.get('roles/rol_x')).body).toEqual(notFound('The role does not exist.'));
  expect((await visitor.get('clients/x')).body).toEqual({
    ...notFound('The client does not exist'),
    errorCode: 'inexistent_client',
  });
  expect((await visitor.get('no-such-thing')).status).toBe(404);
});

it('answers 400 for an invalid organization id', async () => {
  const { status, body } = await visitor.get('organizations/acme/members');
  expect(status).toBe(400);
  expect(body).toEqual({
    statusCode: 400,
    error: 'Bad Request',
    message:
      "Path validation error: 'Object didn't pass validation for format organization-id: acme' on property id (Organization identifier).",
    errorCode: 'invalid_uri',
  });
});
