import { createTenants } from '../../src/activities/tenant';
import { startEmulator, type Emulator } from '../../src/emulator/server';
import type { SourceConfig } from '../../src/config/source';
import { defaultReading } from '../../src/streams/options';
import { streamOf } from '../../src/streams/registry';

let tenant: Emulator;
beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
});
afterAll(() => tenant.close());

const configOf = (clientSecret = tenant.clientSecret): SourceConfig => ({
  baseUrl: tenant.url,
  credentials: { type: 'client_credentials', clientId: tenant.clientId, clientSecret, audience: tenant.audience },
  reading: defaultReading,
});
const probe = streamOf('clients').probe!;

it('signs in once for all slices of a connection, and tells of the token', async () => {
  const told = new Set<string>();
  const tenants = createTenants({ resolve: async () => configOf(), onToken: (token) => told.add(token) });
  tenant.resetStats();
  for (const _ of [1, 2, 3]) await (await tenants.tenantOf('acme')).client.list(probe);
  expect(tenant.stats()).toMatchObject({ tokenRequests: 1, requests: 3 });
  expect([...told]).toEqual([expect.stringMatching(/^eyJ/)]);
  tenants.close();
});

it('takes a rotated secret with the next slice', async () => {
  let secret = 'outdated';
  const tenants = createTenants({ resolve: async () => configOf(secret) });
  const list = async () => (await tenants.tenantOf('acme')).client.list(probe);
  await expect(list()).rejects.toMatchObject({ name: 'BadCredentials' });
  secret = tenant.clientSecret;
  expect((await list()).rows).toHaveLength(1);
  tenants.close();
});

it('uses a given access token as it is', async () => {
  const told: string[] = [];
  const first = createTenants({ resolve: async () => configOf(), onToken: (token) => told.push(token) });
  await (await first.tenantOf('acme')).client.list(probe);
  first.close();
  const [accessToken = ''] = told;
  const tenants = createTenants({
    resolve: async () => ({ ...configOf(), credentials: { type: 'access_token', accessToken } }),
  });
  tenant.resetStats();
  await (await tenants.tenantOf('acme')).client.list(probe);
  expect(tenant.stats()).toMatchObject({ tokenRequests: 0, requests: 1 });
  tenants.close();
});
