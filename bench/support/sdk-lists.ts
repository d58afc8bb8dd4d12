import { ManagementClient } from 'auth0';
import type { JsonObject } from '../../src/json';
import type { Address } from './project';
import type { TenantLists } from './tenant-lists';

/** Auth0's SDK only uses https; this sends its requests to the emulator. */
const overHttp: typeof fetch = (input, init) => {
  if (typeof input !== 'string') throw new TypeError('the SDK is expected to name a URL');
  return fetch(input.replace(/^https:/, 'http:'), init);
};

/** The default of two is too few: the SDK would fail. */
const maxRetries = 10;

/** Auth0's SDK, which waits after a 429 and retries. */
export function connectSdk({ url, clientId, clientSecret }: Address): ManagementClient {
  const domain = url.replace('http://', '');
  return new ManagementClient({ domain, clientId, clientSecret, fetch: overHttp, maxRetries });
}

/** The lists of a tenant with Auth0's SDK. */
export function createSdkLists(tenant: Address): TenantLists {
  const sdk = connectSdk(tenant);
  const toRows = (data: readonly unknown[]): JsonObject[] => data as JsonObject[];
  return {
    async clients(page) {
      return toRows((await sdk.clients.list({ page, per_page: 100 })).data);
    },
    async roles(page) {
      return toRows((await sdk.roles.list({ page, per_page: 100 })).data);
    },
    async users({ from, to, descending, size = 100 }) {
      const q = `created_at:[${from} TO ${to}}`;
      const sort = `created_at:${descending ? -1 : 1}`;
      return toRows((await sdk.users.list({ q, sort, search_engine: 'v3', per_page: size })).data);
    },
    async organizations(from) {
      const { data, response } = await sdk.organizations.list({ take: 100, ...(from && { from }) });
      return { rows: toRows(data), next: (response as { next?: string }).next };
    },
    async members(organization, from) {
      const query = { take: 100, fields: 'user_id,email,picture,name,roles', ...(from && { from }) };
      const { data, response } = await sdk.organizations.members.list(organization, query);
      return { rows: toRows(data), next: (response as { next?: string }).next };
    },
  };
}
