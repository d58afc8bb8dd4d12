import { createHash } from 'node:crypto';
import { sleep } from '../async';
import { type Auth0Client, type CallOptions, createAuth0Client } from '../auth0/client';
import { BadCredentials, RateLimited } from '../auth0/errors';
import type { RequestObserver } from '../auth0/http';
import { Pacer, type PacerSnapshot } from '../auth0/rate-limit/pacer';
import { createClientTokenSource, createFixedTokenSource, type TokenSource } from '../auth0/token';
import type { SourceConfig } from '../config/source';
import { defined } from '../json';
import { version } from '../version';

/** A tenant in one process. All fetches of a connection share its client, and so its token and its pacer. */
export interface Tenant {
  client: Auth0Client;
  readLimits(): PacerSnapshot;
}

/** Options of a call that can be cancelled. */
export type CancellableCall = CallOptions & { signal: AbortSignal };

export interface TenantOptions {
  /** Reads the configuration of a connection on each call, so a rotated secret takes effect with the next fetch. */
  resolveSource(connection: string): Promise<SourceConfig>;
  /** Called with every token, to mask it in logs. */
  onToken?(token: string): void;
  /**
   * Longest wait within a request for the tenant's rate limit, ms. Default 15,000: a fetch that would wait longer ends, and
   * its workflow waits instead, which occupies no worker. Callers without a workflow set it higher.
   */
  maxWaitMs?: number;
  /** Observes the requests of a client; called once per client. */
  createObserver?(connection: string): RequestObserver;
}

export interface Tenants {
  getTenant(connection: string): Promise<Tenant>;
  /** The rate limits of every tenant in use, by connection. */
  listLimits(): [connection: string, PacerSnapshot][];
  close(): void;
}

const userAgent = `rollcall/${version}`;

/** Creates the tenants of a process. Connections with the same address and pacing share a pacer, since they share a limit. */
export function createTenants(options: TenantOptions): Tenants {
  const tenants = new Map<string, Tenant & { fingerprint: string }>();
  const pacers = new Map<string, Pacer>();

  function getPacer({ baseUrl, pacing }: SourceConfig): Pacer {
    const key = JSON.stringify([baseUrl, pacing]);
    const pacer = pacers.get(key) ?? new Pacer(pacing);
    pacers.set(key, pacer);
    return pacer;
  }

  async function getTenant(connection: string): Promise<Tenant> {
    const config = await options.resolveSource(connection);
    const fingerprint = createHash('sha256').update(JSON.stringify(config)).digest('hex');
    const cached = tenants.get(connection);
    if (cached?.fingerprint === fingerprint) return cached;
    cached?.client.close();
    const pacer = getPacer(config);
    const client = createClient(config, pacer, options, connection);
    const tenant = {
      fingerprint,
      client: withRefreshedCredentials(client, async () => (await getTenant(connection)).client),
      readLimits: () => pacer.snapshot(),
    };
    tenants.set(connection, tenant);
    return tenant;
  }

  return {
    getTenant,
    listLimits: () => [...tenants].map(([connection, { readLimits }]) => [connection, readLimits()]),
    close() {
      for (const { client } of tenants.values()) client.close();
      tenants.clear();
    },
  };
}

/** Uses the tenant of one configuration, then closes its client. */
export async function withTenant<Result>(
  config: SourceConfig,
  options: Omit<TenantOptions, 'resolveSource'>,
  work: (tenant: Tenant) => Promise<Result>,
): Promise<Result> {
  const tenants = createTenants({ ...options, resolveSource: () => Promise.resolve(config) });
  try {
    return await work(await tenants.getTenant('tenant'));
  } finally {
    tenants.close();
  }
}

/**
 * When Auth0 rejects the credentials of a request, repeats it with the connection's current client if its configuration has
 * changed. A fetch in progress then survives a rotated secret.
 */
function withRefreshedCredentials(client: Auth0Client, getCurrent: () => Promise<Auth0Client>): Auth0Client {
  async function send<Result>(request: (client: Auth0Client) => Promise<Result>): Promise<Result> {
    try {
      return await request(client);
    } catch (error) {
      if (!(error instanceof BadCredentials)) throw error;
      const current = await getCurrent();
      if (current === refreshed) throw error;
      return request(current);
    }
  }
  const refreshed: Auth0Client = {
    ...client,
    getPage: (request, call) => send((each) => each.getPage(request, call)),
    getObject: (request, call) => send((each) => each.getObject(request, call)),
    getScopes: (call) => send((each) => each.getScopes(call)),
  };
  return refreshed;
}

function createClient(
  { baseUrl, credentials }: SourceConfig,
  pacer: Pacer,
  { onToken, maxWaitMs = 15_000, createObserver }: TenantOptions,
  connection: string,
): Auth0Client {
  const http = { baseUrl, userAgent, ...defined({ observer: createObserver?.(connection) }) };
  const source =
    credentials.type === 'access_token'
      ? createFixedTokenSource(credentials.accessToken)
      : createClientTokenSource({
          ...http,
          clientId: credentials.clientId,
          audience: credentials.audience,
          credential: credentials,
        });
  const tokenSource: TokenSource = {
    ...source,
    async getToken(signal) {
      const token = await source.getToken(signal);
      onToken?.(token);
      return token;
    },
  };
  return createAuth0Client({ ...http, tokenSource, pacer, maxWaitMs });
}

/** Calls of one fetch at a time. The pacer sends no more requests at once. */
export const maxConcurrentCalls = 8;

/** Repeats a call until the tenant's rate limit admits it, without a limit of time. */
export async function retryWhenRateLimited<Value>(send: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof RateLimited)) throw error;
      await sleep(Math.max(0, error.retryAt - Date.now()), signal);
    }
  }
}
