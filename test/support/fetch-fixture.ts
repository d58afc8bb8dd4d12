import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Emulator } from 'auth0-emulator';
import { createFetchActivities } from '../../src/activities/fetch';
import type { FetchInput, FetchResult, Pace } from '../../src/activities/fetch-contract';
import type { Tenant } from '../../src/activities/tenants';
import { type Auth0Client, type Auth0ClientOptions, createAuth0Client } from '../../src/auth0/client';
import { Pacer } from '../../src/auth0/rate-limit/pacer';
import { createClientTokenSource } from '../../src/auth0/token';
import type { Json, JsonObject } from '../../src/json';
import type { FetchCounts } from '../../src/protocol';
import type { Segment, StagedRecord } from '../../src/staging/segment';
import { createStaging } from '../../src/staging/staging';

/** A client of the emulated tenant that makes no retries, so every failure reaches the activity. */
export function createTestClient(
  { url: baseUrl, clientId, clientSecret }: Emulator,
  options: Partial<Auth0ClientOptions> = {},
): Auth0Client {
  const tokenSource = createClientTokenSource({ baseUrl, clientId, credential: { clientSecret } });
  return createAuth0Client({ baseUrl, tokenSource, pacer: new Pacer(), retries: 0, ...options });
}

/** Heartbeat details of an attempt, from which the next one resumes. */
export interface Heartbeat {
  cursor: Json;
  segments: Segment[];
  counts: FetchCounts;
  stalledAttempts: number;
  stalledSince?: number;
  total?: number;
}

/** One attempt at a fetch. */
export interface Attempt {
  result: Promise<FetchResult>;
  /** So far, oldest first. */
  heartbeats: Heartbeat[];
  logged: LogEntry[];
  cancel(): void;
}

/** Those segments that belong to a stream or an index. */
export function selectSegments(stream: string, segments: readonly Segment[]): Segment[] {
  return segments.filter((segment) => segment.stream === stream);
}

export interface FetchRunner {
  /** Starts an attempt at a fetch, from the heartbeat of an earlier one. */
  attempt(input: Partial<FetchInput> & Pick<FetchInput, 'task'>, attempt?: number, from?: Heartbeat): Attempt;
  /** The rows of segments, in their order. */
  readRows(segments: readonly Segment[]): Promise<JsonObject[]>;
}

/** The rate limit of every tenant. */
export const pace: Pace = { remaining: 3, limit: 10, perSecond: 1.5 };
export const tenantLimits: Tenant['readLimits'] = () => ({
  buckets: [{ name: 'tenant', foreignPerSecond: 0, remaining: 3, limit: 10, perSecond: 1.5 }],
  concurrency: 7,
  inflight: 0,
  waiting: 0,
});

/** A budget that no test uses up. */
export const ampleBudget = { pages: 100, seconds: 60, bytes: 1e9 };

/**
 * Runs attempts at fetches with one staging folder. `onHeartbeat` receives each heartbeat when it is sent. By default every
 * page becomes durable by itself.
 */
export function createFetchRunner(
  folder: string,
  getClient: () => Auth0Client,
  onHeartbeat: (heartbeat: Heartbeat) => void = () => undefined,
  commitEveryMs = 0,
): FetchRunner {
  const staging = createStaging(folder);
  const getTenant = async (): Promise<Tenant> => ({ client: getClient(), readLimits: tenantLimits });
  const { fetchPages } = createFetchActivities({ getTenant, staging, commitEveryMs });
  return {
    attempt(input, attempt = 1, from) {
      const logged: LogEntry[] = [];
      const heartbeats: Heartbeat[] = [];
      const environment = new MockActivityEnvironment(
        { attempt, ...(from && { heartbeatDetails: structuredClone(from) }) },
        { logger: new DefaultLogger('WARN', (entry) => logged.push(entry)) },
      );
      environment.on('heartbeat', (heartbeat: Heartbeat) => {
        heartbeats.push(structuredClone(heartbeat));
        onHeartbeat(heartbeat);
      });
      const defaults = {
        connection: 'acme',
        run: 'run',
        fetchId: 'fetch-0',
        cursor: null,
        budget: ampleBudget,
        maxStalledAttempts: 3,
        outageSeconds: 0,
      };
      const result = environment.run<[FetchInput], FetchResult, typeof fetchPages>(fetchPages, {
        ...defaults,
        ...input,
      });
      result.catch(() => undefined);
      return { result, heartbeats, logged, cancel: () => environment.cancel('CANCELLED') };
    },
    async readRows(segments) {
      const values = await Promise.all(segments.map((segment) => staging.readValues(segment)));
      return values.flat().map((line) => (line as unknown as StagedRecord).data);
    },
  };
}
