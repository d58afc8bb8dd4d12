import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { FetchBudget, Pace } from '../activities/fetch-contract';
import type { ConfiguredStream, FetchCounts, StreamFailure, StreamState } from '../protocol';
import type { ReaderKind } from '../streams/descriptor';
import type { ReadOptions, SearchKey } from '../streams/fetch-task';
import type { ConcurrencyLimits, Pause } from './flow-control';
import { pauseName, progressName, resumeName } from './names';

/** A stream as the starter, who knows the descriptors, hands it to the workflows, who do not. */
export interface PlannedStream extends ConfiguredStream {
  reader: ReaderKind;
  /** See StreamDescriptor.walkedBy. */
  orderBy?: { cursor: SearchKey; immutable: SearchKey };
  /** ISO 8601 with milliseconds: rows whose cursor is older are not wanted. */
  startDate?: string;
}

export interface SyncLimits {
  fetchBudget: FetchBudget;
  /** Of slices that read member lists: longer ones, since each small organization is a page. */
  memberFetchBudget: FetchBudget;
  /** Slices after which a stream's workflow continues as new, even if the server does not suggest it yet. Default 500. */
  fetchesPerRun: number;
  /** Slices of a stream, or of the member lists, in flight at once: as many as the limit and the latency ask for. */
  concurrency: ConcurrencyLimits;
  /** Most organizations that one chain of member slices reads. Default 250. */
  organizationsPerBatch: number;
  /**
   * Rows that a part of a search must be expected to bring for the search to be cut there; a cut costs up to one request.
   * Below `always` (default 5,000) only few cuts are made, and none below `least` (default 1,000).
   */
  rowsPerPartition: { preferred: number; min: number };
  /** See SliceInput.patience. Default 5. */
  maxStalledAttempts: number;
  /** See SliceInput.outageSeconds. Default 120. */
  outageSeconds: number;
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
  readOptions: ReadOptions;
  /** Streams that can't be begun, since no such stream is known: delivered as INCOMPLETE. */
  unknownStreams: { stream: ConfiguredStream; failure: StreamFailure }[];
  /** Read everything again, whatever state the destination holds. */
  full: boolean;
  /** What becomes of a run whose credentials are refused: it ends incomplete, or it waits for somebody to mend them. */
  onRefusedCredentials: 'fail' | 'pause';
  /** The server knows the attributes that the run can be searched by (see names.ts). Absent: they are not set. */
  searchAttributes?: true;
  /** Absent in the inputs of older versions: what they have begun goes on under the name that it has. */
  uniqueRunId?: true;
}

/** One part that a stream was read in: a list, or a range of a search. */
export interface AuditPart {
  /** In words: `created_at 2024-01-01T00:00:00.000Z to the end`, `the list`, `members of 40 organizations`. */
  part: string;
  /** Rows that it brought. */
  rows: number;
  /** How many the server said there are, on the first page. 1,000 of a search means 1,000 or more. Absent: it did not say. */
  total?: number;
}

export interface StreamResult {
  stream: string;
  status: 'complete' | 'incomplete';
  records: number;
  /** From the stream's first step to its last. */
  seconds: number;
  counts: FetchCounts;
  audit: AuditPart[];
  /** `complete`, `complete but for …`, or `incomplete because …`: a phrase for people. */
  verdict: string;
  failure?: StreamFailure;
}

export interface SyncResult {
  run: string;
  status: 'complete' | 'partial' | 'failed';
  /** The streams' verdicts in one phrase. */
  verdict: string;
  streams: StreamResult[];
}

/** Input of the workflow that a schedule starts: what to sync is asked of the worker's project file at each run. */
export interface ScheduledInput {
  version: 1;
  connection: string;
  /** Failed runs in a row after which the schedule is paused; 0: never. */
  pauseAfter: number;
}

/**
 * Result of the workflow that a schedule starts, and the detail of its failure. Short, since the server hands it on from
 * run to run: the streams' results are those of the sync itself.
 */
export interface ScheduledResult {
  outcome: 'skipped' | 'cancelled' | SyncResult['status'];
  /** The sync's verdict, or why there is none: a phrase for people. */
  verdict: string;
  /** Records delivered; absent when the sync brought no result. */
  records?: number;
  /** When the run had begun because of which this one was skipped; ISO 8601. */
  blockedByRunSince?: string;
  /** Failed runs up to this one, since the last that copied anything, or since the schedule was paused for them. */
  consecutiveFailures: number;
}

/** Answer to the `progress` query of a workflow that reads streams. */
export interface StreamProgress {
  stream: string;
  status: 'waiting' | 'running' | 'complete' | 'incomplete';
  /** Records durable at the destination. */
  delivered: number;
  counts: FetchCounts;
  /** The tenant's limit holds it up until this time, epoch ms. */
  waitingUntil?: number;
  /** How the tenant's limit stood when the newest slice ended. */
  pace?: Pace;
  /** Why nothing is read for now. */
  pauseReason?: string;
  /** Requests that are still to be made for this stream, those for several told of one; absent while nobody can tell. */
  requestsLeft?: number;
  /** When these are made, epoch ms, if they take as long as those before. */
  endsAt?: number;
  failure?: StreamFailure;
}

/** Asked of a workflow that reads streams. */
export const streamProgressQuery = defineQuery<StreamProgress[]>(progressName);

/** Answer to the `progress` query of the `sync` workflow: finished streams, and who to ask about the others. */
export interface SyncProgress {
  run: string;
  /** Why nothing is read for now. */
  pauseReason?: string;
  finished: StreamResult[];
  running: { workflowId: string; streams: string[] }[];
}

/** From a workflow that reads streams to the `sync` workflow, now and then. */
export const streamProgressSignal = defineSignal<[StreamProgress[]]>(progressName);

/** Asked of the `sync` workflow. */
export const syncProgressQuery = defineQuery<SyncProgress>(progressName);

/**
 * Pauses a `sync` workflow: what is under way ends with the page it is at, and nothing is begun. Answers false when it was
 * paused already; the reason is the new one.
 */
export const pauseUpdate = defineUpdate<boolean, [Pause]>(pauseName);

/** Has a `sync` workflow go on. Answers false when it was not paused. */
export const resumeUpdate = defineUpdate<boolean>(resumeName);

/** From the `sync` workflow to those that read streams, and back from one whose credentials are refused. */
export const pauseSignal = defineSignal<[Pause]>(pauseName);
export const resumeSignal = defineSignal(resumeName);

/** What every workflow that reads streams is told. */
export interface ReadInput extends Pick<
  SyncInput,
  'connection' | 'sinkQueue' | 'limits' | 'readOptions' | 'onRefusedCredentials'
> {
  run: string;
}

export interface StreamInput extends ReadInput {
  stream: PlannedStream;
  /** What the destination holds for the stream. */
  state: StreamState | null;
}
