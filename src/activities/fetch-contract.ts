import type { Json } from '../json';
import type { FetchCounts } from '../protocol';
import type { Segment } from '../staging/segment';
import type { FetchTask } from '../streams/fetch-task';
import type { RemainingRange } from '../streams/partition';

/** How the tenant's rate limit stands: the scarcest of its buckets. */
export interface Pace {
  /** Requests that it lets out at once. */
  remaining: number;
  /** Requests that it holds when it is full. */
  limit: number;
  /** Requests by which it fills up, as measured; absent before that. */
  perSecond?: number;
}

/** Bounds of one slice; the first one reached ends it. */
export interface FetchBudget {
  /** Pages read from Auth0. Default 40. */
  pages: number;
  /** Seconds of work, waiting included. Default 8. */
  seconds: number;
  /** Bytes written to staging. Default 32 MiB. */
  bytes: number;
}

export interface FetchInput {
  /** Name of the connection; the worker resolves tenant and credentials from it when it needs them. */
  connection: string;
  run: string;
  /** Place of the slice within the run, unique: `users-3`. Names its segments. */
  fetchId: string;
  task: FetchTask;
  /** Where to go on; null at the beginning. Opaque to the workflow. */
  cursor: Json;
  budget: FetchBudget;
  /** Attempts in a row without a new page after which the stream is given up. */
  maxStalledAttempts: number;
  /** A tenant that has answered before and does not now is waited for as long, however many attempts that takes. */
  outageSeconds: number;
  /** The newest index of what earlier slices of the same list delivered, should it have to be begun again. */
  delivered?: Segment;
}

export interface FetchResult {
  cursor: Json;
  done: boolean;
  segments: Segment[];
  counts: FetchCounts;
  /** What the first page said that there is, when the slice was the first of its task: see AuditPart.total. */
  total?: number;
  /**
   * The tenant's limit lets nothing out before this time (epoch ms), and it is too far off to wait for in place: what was
   * read so far is the result.
   */
  waitUntil?: number;
  /** At the end of the slice; absent when the tenant names no limit. */
  pace?: Pace;
  /** Requests that should be asked for at a time, so that the limit or the server and not the asking sets the pace. */
  concurrency: number;
  /** Milliseconds that an answer takes, about; absent while there was none. */
  latencyMs?: number;
  /** See Reader. */
  frontier?: string;
  startedAt?: string;
  endKey?: string;
  remainingRange?: RemainingRange;
}
