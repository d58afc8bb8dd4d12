import type { FailureDetails } from './errors';
import type { JsonObject } from './json';

/* What a sync is asked to copy, and what it reports. Types only, so every room may import them. */

/** State of one stream, complete and never a delta (Airbyte's `stream_state`). */
export type StreamState = JsonObject;

export type SyncMode = 'full_refresh' | 'incremental';

/** The choice of one stream and how to copy it: from an Airbyte catalog, or from rollcall.yaml. */
export interface StreamSelection {
  name: string;
  syncMode: SyncMode;
  /** `append`, `overwrite`, `append_dedup`, … A source must accept a mode that it does not know. */
  destinationSyncMode: string;
  namespace?: string;
  /** Airbyte's `sync_id`: the same in all attempts of one job. A resumable full refresh is bound to it. */
  syncId?: number;
  generationId?: number;
  minimumGenerationId?: number;
}

/** A stream as a sync copies it. A destination knows nothing else about the stream. */
export interface ConfiguredStream extends StreamSelection {
  /** JSON schema of the records: draft-07 in Airbyte's dialect. */
  schema: JsonObject;
  /** Paths of the fields that identify a record. Empty: no key. */
  primaryKey: string[][];
  /** The field that grows with each change of a record. */
  cursorField?: string;
}

/** Why a stream is incomplete. Contains no personal data and no secret. */
export interface StreamFailure extends FailureDetails {
  /** Stable name of the error: `MissingScope`, `BadCredentials`, … */
  type: string;
  /** What happened and the next step, in one or two sentences. */
  message: string;
}

/** What fetches did and saw. The sum over a stream's fetches is its audit. */
export interface FetchCounts {
  pages: number;
  requests: number;
  /** Rows read for the first time in this run. */
  rows: number;
  /** Rows dropped because they were delivered before. */
  repeated: number;
  /** Organizations, or members whose roles were requested one by one, that were listed and then answered 404. */
  vanished: number;
  /** Lists restarted because Auth0 refused the checkpoint, which is valid for 24 hours. */
  restarted: number;
  /** Users that a search included in its total but never returned: deleted or changed during the read. */
  missed: number;
  /** Timestamps shared by more users than a page holds. Each is read as a block of its own. */
  ties: number;
  /** Parts that such blocks were split into because they exceed the 1,000 rows of a search. */
  splits: number;
  /** Roles without a description: it may not be read, or the role no longer exists. Emitted as null. */
  undescribed: number;
  /** Records of which only the key could be read, because every response that includes them fails. */
  skippedRecords: number;
}

/** Result of a sync as the destination keeps it; a part of the `sync` workflow's result. */
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
