import { ManagementClient } from 'auth0';
import type { JsonObject } from '../src/json';
import type { Address } from './sync';
import type { TenantLists } from './tenant-walk';

/** Auth0's own client speaks https only; this takes its requests to the emulator. */
const overHttp: typeof fetch = (input, init) => {
  if (typeof input !== 'string') throw new TypeError('the SDK is expected to name a URL');
  return fetch(input.replace(/^https:/, 'http:'), init);
};

/** More than the two of its default, with which it would give up. */
const maxRetries = 10;

/** Auth0's own SDK, which waits after a 429 and tries again. */
export function connectSdk({ url, clientId, clientSecret }: Address): ManagementClient {
  const domain = url.replace('http://', '');
  return new ManagementClient({ domain, clientId, clientSecret, fetch: overHttp, maxRetries });
}

/** A tenant's lists by the SDK. */
export function listsBySdk(tenant: Address): TenantLists {
  const sdk = connectSdk(tenant);
  const rowsOf = (data: readonly unknown[]): JsonObject[] => data as JsonObject[];
  return {
    async clients(page) {
      return rowsOf((await sdk.clients.list({ page, per_page: 100 })).data);
    },
    async roles(page) {
      return rowsOf((await sdk.roles.list({ page, per_page: 100 })).data);
    },
    async users({ from, to, descending, size = 100 }) {
      const q = `created_at:[${from} TO ${to}}`;
      const sort = `created_at:${descending ? -1 : 1}`;
      return rowsOf((await sdk.users.list({ q, sort, search_engine: 'v3', per_page: size })).data);
    },
    async organizations(from) {
      const { data, response } = await sdk.organizations.list({ take: 100, ...(from && { from }) });
      return { rows: rowsOf(data), next: (response as { next?: string }).next };
    },
    async members(organization, from) {
      const query = { take: 100, fields: 'user_id,email,picture,name,roles', ...(from && { from }) };
      const { data, response } = await sdk.organizations.members.list(organization, query);
      return { rows: rowsOf(data), next: (response as { next?: string }).next };
    },
  };
}
