import { defineQuery } from '@temporalio/workflow';
import type { SliceLimits } from '../activities/slice';
import type { ConfiguredStream, StreamFailure, StreamState } from '../sinks/sink';
import type { SliceCounts } from '../streams/counts';
import type { Reach } from '../streams/descriptor';
import type { SearchKey } from '../streams/task';
import { progressName } from './names';

/** A stream as the starter, who knows the descriptors, hands it to the workflows, who do not. */
export interface PlannedStream extends ConfiguredStream {
  reach: Reach;
  cursorField?: string;
  /** See StreamDescriptor.walkedBy. */
  walkedBy?: { cursor: SearchKey; immutable: SearchKey };
  /** ISO 8601 with milliseconds: rows whose cursor is older are not wanted. */
  startDate?: string;
}

export interface SyncLimits {
  slice: SliceLimits;
  /** Slices after which a stream's workflow continues as new, even if the server does not suggest it yet. Default 500. */
  slicesPerRun: number;
  /** Member slices in flight at once. Default 4. */
  lanes: number;
  /** Organizations read by one chain of member slices. Default 25. */
  organizationsPerBatch: number;
  /**
   * Seconds that an incremental search starts before the saved cursor, for rows that the tenant's search index showed
   * late. Default 180.
   */
  lookbackSeconds: number;
  /** See SliceInput.patience. Default 5. */
  patience: number;
  /** Seconds without a heartbeat after which an activity's worker is taken for dead. Default 10. */
  heartbeatSeconds: number;
}

/** Input of the `sync` workflow. Holds references only: a connection's name, never a credential. */
export interface SyncInput {
  version: 1;
  connection: string;
  streams: PlannedStream[];
  /** Task queue of the process that can write to the destination. */
  sinkQueue: string;
  limits: SyncLimits;
  /** Streams that can't be begun, since no such stream is known: delivered as INCOMPLETE. */
  refused: { stream: ConfiguredStream; failure: StreamFailure }[];
  /** Read everything again, whatever state the destination holds. */
  full: boolean;
}

export interface StreamResult {
  stream: string;
  status: 'complete' | 'incomplete';
  records: number;
  /** From the stream's first step to its last. */
  seconds: number;
  counts: SliceCounts;
  failure?: StreamFailure;
}

export interface SyncResult {
  run: string;
  status: 'complete' | 'partial' | 'failed';
  streams: StreamResult[];
}

/** Answer to the `progress` query of a workflow that reads streams. */
export interface StreamProgress {
  stream: string;
  status: 'waiting' | 'running' | 'complete' | 'incomplete';
  /** Records durable at the destination. */
  delivered: number;
  counts: SliceCounts;
  failure?: StreamFailure;
}

/** Asked of a workflow that reads streams. */
export const progressQuery = defineQuery<StreamProgress[]>(progressName);

/** Answer to the `progress` query of the `sync` workflow: finished streams, and who to ask about the others. */
export interface SyncProgress {
  run: string;
  finished: StreamResult[];
  running: { workflowId: string; streams: string[] }[];
}

/** Asked of the `sync` workflow. */
export const syncProgressQuery = defineQuery<SyncProgress>(progressName);

/** What every workflow that reads streams is told. */
export interface ReadInput {
  connection: string;
  run: string;
  sinkQueue: string;
  limits: SyncLimits;
}

export interface StreamInput extends ReadInput {
  stream: PlannedStream;
  /** What the destination holds for the stream. */
  state: StreamState | null;
}
