import { generateKeyPairSync } from 'node:crypto';
import { ManagementClient } from 'auth0';
import { type Emulator, startEmulator } from '../src/server';

let emulator: Emulator;
let sdk: ManagementClient;

/** Auth0's client supports https only; this redirects its requests to the emulator. */
const overHttp: typeof fetch = (input, init) => {
  if (typeof input !== 'string') throw new TypeError('The SDK is expected to name a URL');
  return fetch(input.replace(/^https:/, 'http:'), init);
};

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'caps' });
  sdk = new ManagementClient({
    domain: emulator.domain,
    clientId: emulator.clientId,
    clientSecret: emulator.clientSecret,
    fetch: overHttp,
  });
});
afterAll(() => emulator.close());

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

it('signs in once and pages through users by offset, up to the cap', async () => {
  const page = await sdk.users.list({ per_page: 100, sort: 'created_at:1' });
  const ids = new Set(page.data.map(({ user_id }) => user_id));
  let more = page;
  for (let nth = 1; nth < 10; nth += 1) {
    more = await more.getNextPage();
    for (const { user_id } of more.data) ids.add(user_id);
  }
  expect(ids.size).toBe(1_000);
  await expect(more.getNextPage()).rejects.toMatchObject({
    statusCode: 400,
    body: expect.objectContaining({ errorCode: 'invalid_paging' }) as unknown,
  });
  expect(emulator.readStatistics().tokenRequests).toBe(1);
});

it('searches users', async () => {
  const q = 'created_at:[2022-01-01T00:00:00.000Z TO 2022-02-01T00:00:00.000Z} AND identities.connection:"corp-saml"';
  const { data } = await sdk.users.list({ q, search_engine: 'v3', fields: 'user_id,created_at', include_fields: true });
  expect(data.length).toBeGreaterThan(0);
  expect(data.every(({ user_id }) => user_id?.startsWith('samlp|'))).toBe(true);
  const [first] = data;
  expect(await sdk.users.get(String(first?.user_id))).toMatchObject({ ...first });
});

it('lists clients by offset', async () => {
  const { data } = await sdk.clients.list({ per_page: 100, page: 1 });
  expect(data).toHaveLength(100);
  expect(data[0]).toMatchObject({ client_id: expect.any(String) as string, tenant: 'emulated-tenant' });
});

it('lists all organizations by checkpoint', async () => {
  const organizations = await collect(await sdk.organizations.list({ take: 100 }));
  expect(new Set(organizations.map(({ id }) => id)).size).toBe(1_200);
});

it('lists all members of an organization with their roles by checkpoint', async () => {
  const id = emulator.tenant.organizations.rows[0]?.id ?? '';
  const fields = 'user_id,email,picture,name,roles';
  const members = await collect(await sdk.organizations.members.list(id, { take: 100, fields }));
  expect(new Set(members.map(({ user_id }) => user_id)).size).toBe(2_300);
  const withRoles = members.find(({ roles }) => roles?.length === 2);
  const { data } = await sdk.organizations.members.roles.list(id, String(withRoles?.user_id), {});
  expect(data.map((role) => ({ id: role.id, name: role.name }))).toEqual(withRoles?.roles);
});

it('lists roles, and gets one', async () => {
  const { data } = await sdk.roles.list({ per_page: 50 });
  expect(data).toHaveLength(40);
  expect(await sdk.roles.get(String(data[0]?.id))).toEqual(data[0]);
});

it('lists the roles that an organization owns, and gets one that a member has', async () => {
  const owning = await startEmulator({ scenario: 'owned-roles' });
  try {
    const client = new ManagementClient({
      domain: owning.domain,
      clientId: owning.clientId,
      clientSecret: owning.clientSecret,
      fetch: overHttp,
    });
    const owner_id = owning.tenant.organizations.rows[0]?.id ?? '';
    const { data } = await client.roles.list({ type: 'organization', owner_id });
    expect(data.map((role) => [role.type, role.owner_id])).toEqual(Array(3).fill(['organization', owner_id]));
    expect((await client.roles.list({})).data.every((role) => role.owner_id === undefined)).toBe(true);
    const members = await collect(await client.organizations.members.list(owner_id, { fields: 'user_id,roles' }));
    const assigned = members.flatMap(({ roles = [] }) => roles).find(({ id }) => data.some((role) => role.id === id));
    expect(await client.roles.get(String(assigned?.id))).toEqual(data.find(({ id }) => id === assigned?.id));
  } finally {
    await owning.close();
  }
});

it('throws for an organization that does not exist', async () => {
  await expect(sdk.organizations.get('org_0000000000000000')).rejects.toMatchObject({ statusCode: 404 });
});

it('signs in with a private key', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
    publicKeyEncoding: { format: 'pem', type: 'spki' },
  });
  emulator.updateSettings({ clientKey: { publicKey, algorithm: 'RS256' } });
  try {
    const signing = new ManagementClient({
      domain: emulator.domain,
      clientId: emulator.clientId,
      clientAssertionSigningKey: privateKey,
      fetch: overHttp,
    });
    expect((await signing.clients.list({ per_page: 5 })).data).toHaveLength(5);
  } finally {
    emulator.updateSettings({ clientKey: undefined });
  }
});
