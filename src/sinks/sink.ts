import type { JsonObject } from '../json';
import type { Segment } from '../staging/segment';
import type { FetchCounts } from '../streams/counts';

/** What a stream's state holds; whole, never a delta (Airbyte `stream_state`). */
export type StreamState = JsonObject;

export type SyncMode = 'full_refresh' | 'incremental';

/** A stream as the run was asked to copy it (from the configured catalog, or from rollcall.yaml). */
export interface ConfiguredStream {
  name: string;
  syncMode: SyncMode;
  /** `append`, `overwrite`, `append_dedup`, … A source must not refuse one it does not know. */
  destinationSyncMode: string;
  namespace?: string;
  /** The same in all attempts of one Airbyte job; binds resumable full refresh. */
  syncId?: number;
  generationId?: number;
  minimumGenerationId?: number;
}

/** Why a stream is incomplete, in words for its reader. Holds no person's data and no secret. */
export interface StreamFailure {
  /** Stable name of the outcome: `MissingScope`, `BadCredentials`, … */
  type: string;
  /** Airbyte's sorts: the user must act; a retry may help; ours to mend. */
  failureType: 'config_error' | 'transient_error' | 'system_error';
  /** What happened and the next step, one or two sentences. */
  message: string;
}

/**
 * One step of one stream towards the destination. Steps of a stream are numbered from 0 without gaps; a step is durable
 * before `deliver` answers. Inside a step the order is: STARTED, records, failure, state, then COMPLETE or INCOMPLETE.
 */
export interface Delivery {
  /** Sorts by start: of two runs of a connection the later one has the greater id. */
  run: string;
  stream: ConfiguredStream;
  sequence: number;
  status?: 'STARTED' | 'COMPLETE' | 'INCOMPLETE';
  segments: Segment[];
  /** Covers everything delivered up to and with this step. */
  state?: StreamState;
  failure?: StreamFailure;
  /** Waiting for the tenant's limit, until (epoch ms, when known). */
  rateLimited?: { until?: number };
  /** Rows that the run will bring of the stream in all, as far as that can be told. */
  estimate?: number;
}

/** What a run did, for whoever looks at the destination afterwards: the result of the `sync` workflow, as JSON. */
export interface RunSummary {
  run: string;
  status: 'complete' | 'partial' | 'failed';
  /** `complete`, `complete but for …`, or `incomplete because …`. */
  verdict: string;
  streams: {
    stream: string;
    status: 'complete' | 'incomplete';
    records: number;
    counts: FetchCounts;
    verdict: string;
  }[];
}

/**
 * A destination. Implementations keep these, and `test/contract/sink.ts` proves them for each:
 * - records of a step come in the order of its segments, and before its state;
 * - a step already taken (same run, stream, sequence) is answered without doing it again;
 * - a step of an older run or with an older sequence is refused with StaleDelivery;
 * - a stream in `overwrite` mode replaces what the destination held only at COMPLETE.
 */
export interface Sink {
  /** Newest state of each stream by name: what the destination really holds. */
  loadState(): Promise<Record<string, StreamState>>;
  /** `signal` aborts waiting (a blocked pipe), never half a step. */
  deliver(delivery: Delivery, signal?: AbortSignal): Promise<void>;
  /** Takes the run's summary, after its last delivery. Safe to repeat; one of an older run than the one held is left out. */
  writeSummary(summary: RunSummary): Promise<void>;
  close(): Promise<void>;
}

/** An attempt that lost its lease tried to move a stream back. */
export class StaleDelivery extends Error {
  override readonly name = 'StaleDelivery';
  constructor(delivery: Delivery, held: { run: string; sequence: number }) {
    super(
      `delivery ${delivery.sequence} of ${delivery.stream.name} (run ${delivery.run}) is older than delivery ${held.sequence} (run ${held.run}); nothing was written`,
    );
  }
}
