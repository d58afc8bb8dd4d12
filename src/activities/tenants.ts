import { createHash } from 'node:crypto';
import { type Auth0Client, createAuth0Client } from '../auth0/client';
import { BadCredentials } from '../auth0/errors';
import type { RequestObserver } from '../auth0/http';
import { Pacer, type PacerSnapshot } from '../auth0/rate-limit/pacer';
import { createClientTokenSource, createFixedTokenSource, type TokenSource } from '../auth0/token';
import type { SourceConfig } from '../config/source';
import { version } from '../version';

/** A tenant as a worker knows it: one client, and so one token and one pacer, shared by all of its slices. */
export interface Tenant {
  client: Auth0Client;
  /** How its limits stand. */
  readLimits(): PacerSnapshot;
}

export interface TenantOptions {
  /** The configuration of a connection, read anew at each call: a rotated secret takes effect with the next slice. */
  resolveSource(connection: string): Promise<SourceConfig>;
  /** Told of every token, so that it can be kept out of logs. */
  onToken?(token: string): void;
  /**
   * Longest wait in place for the tenant's limit, ms. Default 15,000: a slice that would wait longer ends, and its workflow
   * waits, which holds nothing. For those who have nobody to wait for them.
   */
  maxWaitMs?: number;
  /** Told of what goes to and fro; asked for each client that is made. */
  createObserver?(connection: string): RequestObserver;
}

export interface Tenants {
  getTenant(connection: string): Promise<Tenant>;
  /** How the limits of every tenant stand that has been asked for, by connection. */
  listLimits(): [connection: string, PacerSnapshot][];
  close(): void;
}

const userAgent = `rollcall/${version}`;

interface CachedTenant {
  fingerprint: string;
  tenant: Tenant;
}

/** The tenants of a process. Connections to the same address, paced alike, share a pacer, since they share its limit. */
export function createTenants({ resolveSource, onToken, maxWaitMs = 15_000, createObserver }: TenantOptions): Tenants {
  const known = new Map<string, CachedTenant>();
  const pacers = new Map<string, Pacer>();

  function pacerOf({ baseUrl, pacing }: SourceConfig): Pacer {
    const key = JSON.stringify([baseUrl, pacing]);
    const pacer = pacers.get(key) ?? new Pacer(pacing);
    pacers.set(key, pacer);
    return pacer;
  }

  /**
   * A client that, when its credentials are refused, looks whether others have been configured meanwhile, and goes on with
   * these: who is in the middle of a slice need not lose it.
   */
  function renewing(connection: string, client: Auth0Client): Auth0Client {
    async function attempt<Result>(work: (client: Auth0Client) => Promise<Result>): Promise<Result> {
      try {
        return await work(client);
      } catch (error) {
        if (!(error instanceof BadCredentials)) throw error;
        const { client: current } = await tenantOf(connection);
        if (current === own) throw error;
        return work(current);
      }
    }
    const own: Auth0Client = {
      ...client,
      getPage: (request, call) => attempt((each) => each.getPage(request, call)),
      getObject: (request, call) => attempt((each) => each.getObject(request, call)),
      getScopes: (call) => attempt((each) => each.getScopes(call)),
    };
    return own;
  }

  async function tenantOf(connection: string): Promise<Tenant> {
    const config = await resolveSource(connection);
    const fingerprint = createHash('sha256').update(JSON.stringify(config)).digest('hex');
    const held = known.get(connection);
    if (held?.fingerprint === fingerprint) return held.tenant;
    held?.tenant.client.close();
    const { baseUrl } = config;
    const observer = createObserver?.(connection);
    const tokenSource = reportTokens(createTokenSource(config, observer), onToken);
    const pacer = pacerOf(config);
    const observed = observer && { observer };
    const tenant: Tenant = {
      client: renewing(
        connection,
        createAuth0Client({ baseUrl, tokenSource, pacer, userAgent, maxWaitMs, ...observed }),
      ),
      readLimits: () => pacer.snapshot(),
    };
    known.set(connection, { fingerprint, tenant });
    return tenant;
  }

  return {
    getTenant: tenantOf,
    listLimits: () => [...known].map(([connection, { tenant }]) => [connection, tenant.readLimits()]),
    close() {
      for (const { tenant } of known.values()) tenant.client.close();
      known.clear();
    },
  };
}

function createTokenSource({ baseUrl, credentials }: SourceConfig, observer: RequestObserver | undefined): TokenSource {
  if (credentials.type === 'access_token') return createFixedTokenSource(credentials.accessToken);
  const { clientId, audience } = credentials;
  const seen = observer && { observer };
  return createClientTokenSource({ baseUrl, userAgent, clientId, audience, credential: credentials, ...seen });
}

function reportTokens(tokens: TokenSource, onToken: TenantOptions['onToken']): TokenSource {
  return {
    ...tokens,
    async getToken(signal) {
      const token = await tokens.getToken(signal);
      onToken?.(token);
      return token;
    },
  };
}
