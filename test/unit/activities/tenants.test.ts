import { type Emulator, startEmulator } from 'auth0-emulator';
import { selectScarcestLimit } from '../../../src/activities/fetch';
import { createTenants } from '../../../src/activities/tenants';
import type { SourceConfig } from '../../../src/config/source';
import { defined } from '../../../src/json';
import { defaultReadOptions } from '../../../src/streams/fetch-task';
import { getStream } from '../../../src/streams/registry';

let tenant: Emulator;
beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
});
afterEach(() => tenant.updateSettings({ rateLimits: {} }));
afterAll(() => tenant.close());

const createConfig = (clientSecret = tenant.clientSecret): SourceConfig => ({
  baseUrl: tenant.url,
  credentials: { type: 'client_credentials', clientId: tenant.clientId, clientSecret, audience: tenant.audience },
  readOptions: defaultReadOptions,
  pacing: { reserve: 0.1 },
});
const probe = getStream('clients').probe!;

it('requests one token for all fetches of a connection, and reports it', async () => {
  const tokens = new Set<string>();
  const tenants = createTenants({ resolveSource: async () => createConfig(), onToken: (token) => tokens.add(token) });
  tenant.resetStatistics();
  for (const _ of [1, 2, 3]) await (await tenants.getTenant('acme')).client.getPage(probe);
  expect(tenant.readStatistics()).toMatchObject({ tokenRequests: 1, requests: 3 });
  expect([...tokens]).toEqual([expect.stringMatching(/^eyJ/)]);
  tenants.close();
});

it('uses a rotated secret from the next fetch on', async () => {
  let secret = 'outdated';
  const tenants = createTenants({ resolveSource: async () => createConfig(secret) });
  const list = async () => (await tenants.getTenant('acme')).client.getPage(probe);
  await expect(list()).rejects.toMatchObject({ name: 'BadCredentials' });
  secret = tenant.clientSecret;
  expect((await list()).rows).toHaveLength(1);
  tenants.close();
});

it('uses a configured access token unchanged', async () => {
  const tokens: string[] = [];
  const first = createTenants({ resolveSource: async () => createConfig(), onToken: (token) => tokens.push(token) });
  await (await first.getTenant('acme')).client.getPage(probe);
  first.close();
  const [accessToken = ''] = tokens;
  const tenants = createTenants({
    resolveSource: async () => ({ ...createConfig(), credentials: { type: 'access_token', accessToken } }),
  });
  tenant.resetStatistics();
  await (await tenants.getTenant('acme')).client.getPage(probe);
  expect(tenant.readStatistics()).toMatchObject({ tokenRequests: 0, requests: 1 });
  tenants.close();
});

it("waits within a request for the tenant's rate limit for a short time only, and reports the scarcest bucket", async () => {
  tenant.updateSettings({ rateLimits: { global: { size: 3, perSecond: 0.06 } }, sendRetryAfter: true });
  const tenants = createTenants({ resolveSource: async () => createConfig() });
  const { client, readLimits } = await tenants.getTenant('acme');
  expect(selectScarcestLimit(readLimits().buckets)).toBeUndefined();
  for (const remaining of [2, 1, 0]) {
    await client.getPage(probe);
    expect(selectScarcestLimit(readLimits().buckets)).toMatchObject({ remaining, limit: 3 });
  }
  await expect(client.getPage(probe)).rejects.toMatchObject({ name: 'RateLimited' });
  tenants.close();
});

it.each([[undefined], [1]])('waits within a request for at most maxWaitMs: %j', async (maxWaitMs) => {
  tenant.updateSettings({ rateLimits: { global: { size: 2, perSecond: 1 } }, sendRetryAfter: true });
  const tenants = createTenants({
    resolveSource: async () => createConfig(),
    ...defined({ maxWaitMs }),
  });
  const { client } = await tenants.getTenant('acme');
  const third = Promise.all([1, 2, 3].map(() => client.getPage(probe)));
  if (maxWaitMs === undefined) expect(await third).toHaveLength(3);
  else await expect(third).rejects.toMatchObject({ name: 'RateLimited' });
  tenants.close();
});

it('continues a fetch with the current secret when Auth0 rejects the previous one', async () => {
  let secret = tenant.clientSecret;
  let resolved = 0;
  const tenants = createTenants({
    resolveSource: async () => {
      resolved += 1;
      return createConfig(secret);
    },
  });
  const { client } = await tenants.getTenant('acme');
  await client.getPage(probe);
  tenant.updateSettings({ clientSecret: 'rotated', signingKey: 2 });
  await expect(client.getPage(probe)).rejects.toMatchObject({ name: 'BadCredentials' });
  secret = 'rotated';
  const pages = await Promise.all([client.getPage(probe), client.getPage(probe), client.getScopes()]);
  expect(pages[0].rows).toHaveLength(1);
  // The configuration is read again only after a rejection.
  expect(resolved).toBeLessThanOrEqual(5);
  tenant.updateSettings({ clientSecret: undefined, signingKey: 1 });
  tenants.close();
});
