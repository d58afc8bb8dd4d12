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

/** A client of the emulated tenant that repeats nothing by itself, so that every failure is the activity's. */
export function impatientClient(
  { url: baseUrl, clientId, clientSecret }: Emulator,
  options: Partial<Auth0ClientOptions> = {},
): Auth0Client {
  const tokenSource = createClientTokenSource({ baseUrl, clientId, credential: { clientSecret } });
  return createAuth0Client({ baseUrl, tokenSource, pacer: new Pacer(), retries: 0, ...options });
}

/** What an attempt heartbeats: what the next one begins from. */
export interface Heartbeat {
  cursor: Json;
  segments: Segment[];
  counts: FetchCounts;
  stalled: number;
  stalledSince?: number;
  total?: number;
}

/** One attempt at a slice. */
export interface Attempt {
  result: Promise<FetchResult>;
  /** So far, oldest first. */
  heartbeats: Heartbeat[];
  logged: LogEntry[];
  cancel(): void;
}

/** Segments of a stream or an index among those of a slice. */
export function segmentsOf(stream: string, segments: readonly Segment[]): Segment[] {
  return segments.filter((segment) => segment.stream === stream);
}

export interface Slices {
  /** Begins an attempt at a slice, from what an earlier one heartbeated. */
  attempt(input: Partial<FetchInput> & Pick<FetchInput, 'task'>, attempt?: number, from?: Heartbeat): Attempt;
  /** The rows of segments, in their order. */
  rowsOf(segments: readonly Segment[]): Promise<JsonObject[]>;
}

/** How the limit of every tenant stands. */
export const pace: Pace = { remaining: 3, limit: 10, perSecond: 1.5 };
export const tenantLimits: Tenant['readLimits'] = () => ({
  buckets: [{ name: 'tenant', foreignPerSecond: 0, remaining: 3, limit: 10, perSecond: 1.5 }],
  concurrency: 7,
  inflight: 0,
  waiting: 0,
});

const plenty = { pages: 100, seconds: 60, bytes: 1e9 };

/**
 * Attempts at slices in a staging folder. `onHeartbeat` sees each as it leaves; every page is made durable by itself unless
 * they are to be gathered.
 */
export function slicesIn(
  folder: string,
  clientOf: () => Auth0Client,
  onHeartbeat: (heartbeat: Heartbeat) => void = () => undefined,
  commitEveryMs = 0,
): Slices {
  const staging = createStaging(folder);
  const getTenant = async (): Promise<Tenant> => ({ client: clientOf(), readLimits: tenantLimits });
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
      const place = { connection: 'acme', run: 'run', fetchId: 'slice-0', cursor: null };
      const whole = { ...place, budget: plenty, maxStalledAttempts: 3, outageSeconds: 0 };
      const result = environment.run<[FetchInput], FetchResult, typeof fetchPages>(fetchPages, { ...whole, ...input });
      result.catch(() => undefined);
      return { result, heartbeats, logged, cancel: () => environment.cancel('CANCELLED') };
    },
    async rowsOf(segments) {
      const values = await Promise.all(segments.map((segment) => staging.readValues(segment)));
      return values.flat().map((line) => (line as unknown as StagedRecord).data);
    },
  };
}
