import { Agent } from 'node:http';
import axios from 'axios';
import { Pacer } from '../../src/auth0/rate-limit/pacer';
import { readRateLimitHeaders } from '../../src/auth0/rate-limit/rate-limit-headers';
import type { JsonObject } from '../../src/json';
import type { Address } from './project';
import type { ListPage, TenantLists } from './tenant-lists';

/** The lists of a tenant with axios and the pacer, but without Temporal. */
export async function createAxiosLists({ url, clientId, clientSecret }: Address): Promise<TenantLists> {
  const http = axios.create({ baseURL: `${url}/api/v2/`, httpAgent: new Agent({ keepAlive: true }) });
  const credentials = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const granted = await axios.post<{ access_token: string }>(`${url}/oauth/token`, {
    ...credentials,
    audience: `${url}/api/v2/`,
  });
  http.defaults.headers.common['authorization'] = `Bearer ${granted.data.access_token}`;
  const pacer = new Pacer({ reserve: 0 });

  async function get<Body>(route: string, path: string, params: Record<string, string | number>): Promise<Body> {
    const slot = await pacer.acquire(route, path, { maxWaitMs: 60_000 });
    const { data, headers } = await http.get<Body>(path, { params });
    slot.recordResponse(readRateLimitHeaders(headers as Record<string, string>, Date.now()));
    return data;
  }
  async function page(route: string, path: string, rows: string, params: Record<string, string>): Promise<ListPage> {
    const body = await get<JsonObject>(route, path, { ...params, take: 100 });
    return { rows: body[rows] as JsonObject[], next: body['next'] as string | undefined };
  }
  return {
    clients: (nth) => get('clients', 'clients', { page: nth, per_page: 100 }),
    roles: (nth) => get('roles', 'roles', { page: nth, per_page: 100 }),
    users({ from, to, descending, size = 100 }) {
      const q = `created_at:[${from} TO ${to}}`;
      return get('users', 'users', {
        q,
        sort: `created_at:${descending ? -1 : 1}`,
        search_engine: 'v3',
        per_page: size,
      });
    },
    organizations: (from) => page('organizations', 'organizations', 'organizations', from ? { from } : {}),
    members: (organization, from) =>
      page('organizations/{id}/members', `organizations/${organization}/members`, 'members', {
        fields: 'user_id,email,picture,name,roles',
        ...(from && { from }),
      }),
  };
}
