import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { FetchBudget, Pace } from '../activities/fetch-contract';
import type { FetchCounts, StreamFailure, StreamSelection } from '../protocol';
import type { ReaderKind, SideIndex } from '../streams/descriptor';
import type { ReadOptions, SearchKey } from '../streams/fetch-task';
import type { SavedState } from '../streams/resume-point';
import type { ConcurrencyLimits } from './fetch-scheduler';
import { pauseName, progressName, resumeName } from './names';
import type { Pause, PauseSource } from './pause-lock';

/** A stream with what the workflows need from its descriptor. The starter of a sync fills it in. */
export interface PlannedStream extends StreamSelection {
  reader: ReaderKind;
  cursorField?: string;
  /** See StreamDescriptor. */
  orderBy?: { cursor: SearchKey; immutable: SearchKey };
  /** ISO 8601 with milliseconds. Rows with an older cursor are not read. */
  startDate?: string;
  /** Of a child stream: its parent stream. */
  parent?: string;
  /** Of a child stream: see ChildList. */
  reading?: string;
  /** Of a child stream that needs a side index with the configured read options. */
  sideIndex?: Pick<SideIndex, 'name' | 'label'>;
}

export interface SyncLimits {
  fetchBudget: FetchBudget;
  /** Of fetches that read child lists. It is larger, since each short list is a page. */
  childFetchBudget: FetchBudget;
  /** Fetches after which a workflow continues as new, even if the server does not suggest it yet. Default 500. */
  fetchesPerRun: number;
  /** Concurrent fetches of a workflow, as many as the rate limit and the latency call for. */
  concurrency: ConcurrencyLimits;
  /** Most parents whose child lists one sequence of fetches reads. Default 250. */
  parentsPerBatch: number;
  /**
   * Rows that a partition must be expected to have. A split costs up to one request. Below `preferred` (default 5,000) a
   * search is split only a few times, below `min` (default 1,000) never.
   */
  rowsPerPartition: { preferred: number; min: number };
  /** See FetchInput. Default 5. */
  maxStalledAttempts: number;
  /** See FetchInput. Default 120. */
  outageSeconds: number;
  /** Seconds between the reports of a child workflow to `sync`, at least. Default 10. */
  progressSeconds: number;
  /** Seconds without a heartbeat after which an activity's worker counts as lost. Default 10. */
  heartbeatSeconds: number;
}

/** Input of the `sync` workflow. Contains references only: a connection's name, never a credential. */
export interface SyncInput {
  connection: string;
  streams: PlannedStream[];
  /** Task queue of the process that can write to the destination. */
  sinkQueue: string;
  limits: SyncLimits;
  readOptions: ReadOptions;
  /** Configured streams that do not exist. They are delivered as INCOMPLETE. */
  unknownStreams: { stream: StreamSelection; failure: StreamFailure }[];
  /** Read everything, whatever state the destination has. */
  full: boolean;
  /** When Auth0 refuses the credentials: end incomplete, or pause until a user resumes. */
  onRefusedCredentials: 'fail' | 'pause';
  /** The server knows the search attributes of names.ts. Absent: they are not set. */
  searchAttributes?: true;
}

/** One part in which a stream was read: a list, or a range of a search. */
export interface AuditPart {
  /** In words: `created_at 2024-01-01T00:00:00.000Z to the end`, `the list`, `members of 40 organizations`. */
  part: string;
  /** Rows read. */
  rows: number;
  /** Total that Auth0 reported on the first page; a search reports at most 1,000. Absent: none was reported. */
  total?: number;
}

export interface StreamResult {
  stream: string;
  status: 'complete' | 'incomplete';
  records: number;
  /** From the first delivery to the last. */
  seconds: number;
  counts: FetchCounts;
  audit: AuditPart[];
  /** `complete`, `complete except for …`, or `incomplete: …`. */
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

/** Input of the workflow that a schedule starts. What to sync is read from the project file at each run. */
export interface ScheduledInput {
  connection: string;
  /** Consecutive failed runs after which the schedule is paused; 0: never. */
  pauseAfter: number;
}

/**
 * Result of the workflow that a schedule starts, and the detail of its failure. It is short, since the server passes it to
 * the next run. The streams' results are part of the sync's own result.
 */
export interface ScheduledResult {
  outcome: 'skipped' | 'cancelled' | SyncResult['status'];
  /** The sync's verdict, or why there is none. */
  verdict: string;
  /** Records delivered; absent when the sync has no result. */
  records?: number;
  /** Start of the run because of which this one was skipped; ISO 8601. */
  blockedByRunSince?: string;
  /** Failed runs up to this one since the last that copied anything, or since the schedule was paused because of them. */
  consecutiveFailures: number;
}

/** The activities of a worker that serves schedules. */
export interface ScheduleActivities {
  /** Builds the input of a sync from the project file as it is now. */
  prepareSync(input: { connection: string }): Promise<SyncInput>;
  /** When the connection's newest sync started, ISO 8601; null when it is not running. */
  findRunningSince(input: { connection: string }): Promise<string | null>;
  /** Pauses the connection's schedule, if it has one. */
  pauseSchedule(input: { connection: string; reason: string }): Promise<void>;
}

/** Answer to the `progress` query of a workflow that reads streams. */
export interface StreamProgress {
  stream: string;
  status: 'waiting' | 'running' | 'complete' | 'incomplete';
  /** Records durable at the destination. */
  delivered: number;
  counts: FetchCounts;
  /** The rate limit allows no request before this time, epoch ms. */
  waitingUntil?: number;
  /** The tenant's rate limit after the newest fetch. */
  pace?: Pace;
  /** Why the sync is paused. */
  pauseReason?: string;
  /** Requests still to be made; those for several streams count for one of them. Absent while unknown. */
  requestsLeft?: number;
  /** Expected time of the last request, epoch ms, at the speed so far. */
  endsAt?: number;
  failure?: StreamFailure;
}

/** Answered by workflows that read streams. */
export const streamProgressQuery = defineQuery<StreamProgress[]>(progressName);

/** Answer to the `progress` query of the `sync` workflow: finished streams, and the workflows that read the others. */
export interface SyncProgress {
  run: string;
  /** Why the sync is paused. */
  pauseReason?: string;
  finished: StreamResult[];
  running: { workflowId: string; streams: string[] }[];
}

/** Sent by a workflow that reads streams to the `sync` workflow, now and then. */
export const streamProgressSignal = defineSignal<[StreamProgress[]]>(progressName);

/** Answered by the `sync` workflow. */
export const syncProgressQuery = defineQuery<SyncProgress>(progressName);

/**
 * Pauses a `sync` workflow for a user: running fetches end with their current page, and none starts. Returns false when a
 * user had paused it already; the reason is then added.
 */
export const pauseUpdate = defineUpdate<boolean, [Pick<Pause, 'reason'>]>(pauseName);

/** What a resume did. */
export interface ResumeResult {
  /** False when the sync was not paused. */
  wasPaused: boolean;
  /** Why it is still paused; absent when it runs. */
  pauseReason?: string;
}

/**
 * Resumes a `sync` workflow that a user has paused. Without such a pause, resumes one that waits for its credentials to be
 * corrected.
 */
export const resumeUpdate = defineUpdate<ResumeResult>(resumeName);

/** Sent by the `sync` workflow to the workflows that read streams, and by one whose credentials are refused to `sync`. */
export const pauseSignal = defineSignal<[Pause]>(pauseName);
export const resumeSignal = defineSignal<[PauseSource]>(resumeName);

/** Input of the workflows that read streams: of one stream, or of a parent stream and its child streams. */
export interface ReadInput extends Pick<
  SyncInput,
  'connection' | 'sinkQueue' | 'limits' | 'readOptions' | 'onRefusedCredentials' | 'streams'
> {
  run: string;
  /** By stream: the state at the destination. */
  states: Record<string, SavedState>;
}
