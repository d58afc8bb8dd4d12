import type { Json } from '../json';
import type { FetchCounts } from '../protocol';
import type { Segment } from '../staging/segment';
import type { FetchTask } from '../streams/fetch-task';
import type { RemainingRange } from '../streams/partition';

/** The tenant's rate limit: the scarcest of its buckets. */
export interface Pace {
  /** Requests left. */
  remaining: number;
  /** Requests in a full bucket. */
  limit: number;
  /** Measured refill, requests per second; absent before it is known. */
  perSecond?: number;
}

/** Limits of one fetch; the first one reached ends it. */
export interface FetchBudget {
  /** Pages read from Auth0. Default 40. */
  pages: number;
  /** Seconds, waits included. Default 8. */
  seconds: number;
  /** Bytes written to staging. Default 32 MiB. */
  bytes: number;
}

export interface FetchInput {
  /** Name of the connection. The worker resolves tenant and credentials from it. */
  connection: string;
  run: string;
  /** Name of the fetch, unique within the run: `users-3`. Part of the names of its segments. */
  fetchId: string;
  task: FetchTask;
  /** Where to resume; null at the start of the task. Opaque to the workflow. */
  cursor: Json;
  budget: FetchBudget;
  /** Consecutive attempts without a new page after which the fetch fails. */
  maxStalledAttempts: number;
  /** Seconds that an outage of a tenant that has answered before may last, whatever the number of attempts. */
  outageSeconds: number;
  /** Newest index of the rows that earlier fetches of the list delivered, in case the list must restart. */
  delivered?: Segment;
}

export interface FetchResult {
  cursor: Json;
  done: boolean;
  segments: Segment[];
  counts: FetchCounts;
  /** Number of matching rows on the first page, for the first fetch of a task. See AuditPart.total. */
  total?: number;
  /** Epoch ms until which the tenant's rate limit admits no request; the fetch ended early instead of waiting. */
  waitUntil?: number;
  /** At the end of the fetch; absent when the tenant reports no limit. */
  pace?: Pace;
  /** Concurrent requests with which the limit or the server determines the pace, and not the latency. */
  concurrency: number;
  /** Mean latency of a response, ms; absent before the first one. */
  latencyMs?: number;
  /** See Reader. */
  frontier?: string;
  startedAt?: string;
  endKey?: string;
  remainingRange?: RemainingRange;
}
