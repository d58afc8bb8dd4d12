import { type Emulator, startEmulator } from 'auth0-emulator';
import { selectScarcestLimit } from '../../../src/activities/fetch';
import { createTenants } from '../../../src/activities/tenants';
import type { SourceConfig } from '../../../src/config/source';
import { defaultReadOptions } from '../../../src/streams/fetch-task';
import { getStream } from '../../../src/streams/registry';

let tenant: Emulator;
beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
});
afterEach(() => tenant.updateSettings({ rateLimits: {} }));
afterAll(() => tenant.close());

const configOf = (clientSecret = tenant.clientSecret): SourceConfig => ({
  baseUrl: tenant.url,
  credentials: { type: 'client_credentials', clientId: tenant.clientId, clientSecret, audience: tenant.audience },
  readOptions: defaultReadOptions,
  pacing: { reserve: 0.1 },
});
const probe = getStream('clients').probe!;

it('signs in once for all slices of a connection, and tells of the token', async () => {
  const told = new Set<string>();
  const tenants = createTenants({ resolveSource: async () => configOf(), onToken: (token) => told.add(token) });
  tenant.resetStatistics();
  for (const _ of [1, 2, 3]) await (await tenants.getTenant('acme')).client.getPage(probe);
  expect(tenant.readStatistics()).toMatchObject({ tokenRequests: 1, requests: 3 });
  expect([...told]).toEqual([expect.stringMatching(/^eyJ/)]);
  tenants.close();
});

it('takes a rotated secret with the next slice', async () => {
  let secret = 'outdated';
  const tenants = createTenants({ resolveSource: async () => configOf(secret) });
  const list = async () => (await tenants.getTenant('acme')).client.getPage(probe);
  await expect(list()).rejects.toMatchObject({ name: 'BadCredentials' });
  secret = tenant.clientSecret;
  expect((await list()).rows).toHaveLength(1);
  tenants.close();
});

it('uses a given access token as it is', async () => {
  const told: string[] = [];
  const first = createTenants({ resolveSource: async () => configOf(), onToken: (token) => told.push(token) });
  await (await first.getTenant('acme')).client.getPage(probe);
  first.close();
  const [accessToken = ''] = told;
  const tenants = createTenants({
    resolveSource: async () => ({ ...configOf(), credentials: { type: 'access_token', accessToken } }),
  });
  tenant.resetStatistics();
  await (await tenants.getTenant('acme')).client.getPage(probe);
  expect(tenant.readStatistics()).toMatchObject({ tokenRequests: 0, requests: 1 });
  tenants.close();
});

it("waits in place for the tenant's limit, but not for long, and tells the scarcest budget", async () => {
  tenant.updateSettings({ rateLimits: { global: { size: 3, perSecond: 0.06 } }, sendRetryAfter: true });
  const tenants = createTenants({ resolveSource: async () => configOf() });
  const { client, readLimits } = await tenants.getTenant('acme');
  expect(selectScarcestLimit(readLimits().buckets)).toBeUndefined();
  for (const remaining of [2, 1, 0]) {
    await client.getPage(probe);
    expect(selectScarcestLimit(readLimits().buckets)).toMatchObject({ remaining, limit: 3 });
  }
  await expect(client.getPage(probe)).rejects.toMatchObject({ name: 'RateLimited' });
  tenants.close();
});

it.each([[undefined], [1]])('waits no longer than it may: %j ms', async (maxWaitMs) => {
  tenant.updateSettings({ rateLimits: { global: { size: 2, perSecond: 1 } }, sendRetryAfter: true });
  const tenants = createTenants({
    resolveSource: async () => configOf(),
    ...(maxWaitMs !== undefined && { maxWaitMs }),
  });
  const { client } = await tenants.getTenant('acme');
  const third = Promise.all([1, 2, 3].map(() => client.getPage(probe)));
  if (maxWaitMs === undefined) expect(await third).toHaveLength(3);
  else await expect(third).rejects.toMatchObject({ name: 'RateLimited' });
  tenants.close();
});

it('goes on with another secret where the one that is held is refused, within a slice', async () => {
  let secret = tenant.clientSecret;
  let resolved = 0;
  const tenants = createTenants({
    resolveSource: async () => {
      resolved += 1;
      return configOf(secret);
    },
  });
  const { client } = await tenants.getTenant('acme');
  await client.getPage(probe);
  tenant.updateSettings({ clientSecret: 'rotated', signingKey: 2 });
  await expect(client.getPage(probe)).rejects.toMatchObject({ name: 'BadCredentials' });
  secret = 'rotated';
  const pages = await Promise.all([client.getPage(probe), client.getPage(probe), client.getScopes()]);
  expect(pages[0].rows).toHaveLength(1);
  // Looked at only when it is refused.
  expect(resolved).toBeLessThanOrEqual(5);
  tenant.updateSettings({ clientSecret: undefined, signingKey: 1 });
  tenants.close();
});
