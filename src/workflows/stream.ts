import { isCancellation } from '@temporalio/workflow';
import type { FetchResult } from '../activities/fetch-contract';
import { buildState, readCursor, readJobProgress, readUnfinishedProgress } from '../airbyte/stream-state';
import { failureDetailsByType } from '../errors';
import type { StreamFailure, StreamState } from '../protocol';
import type { ListTask, ReadOptions, SearchKey, SearchTask } from '../streams/fetch-task';
import type { AuditPart, PlannedStream, ReadInput, StreamResult } from './contract';
import {
  buildResumePoint,
  createPartitionedReadState,
  findFrontier,
  PartitionedRead,
  type PartitionedReadState,
} from './partitioned-read';
import { type Continuation, type ReaderContext, runReadWorkflow, type StreamReader } from './read-workflow';
import type { StreamRun } from './stream-delivery';
import { toStreamFailure } from './sync-outcome';

/** Reads one list or one search. While a fetch is delivered, the next ones run. */
export function streamWorkflow(
  input: ReadInput,
  continuation?: Continuation<StreamReadState>,
): Promise<StreamResult[]> {
  return runReadWorkflow(input, continuation, (context, readState) => new SingleStreamReader(context, readState));
}

/** What a run of a search reads. */
export interface SearchPlan {
  task: SearchTask;
  /** Cursor of an earlier run; absent when this run reads everything. */
  savedCursor?: string;
}

/** A saved cursor may be this much later than what was read: the server's clock has no fractions of a second. */
const minLookbackSeconds = 1;

/**
 * A full refresh, and the first run of an incremental stream, read everything. They are ordered by the timestamp that never
 * changes, so no row moves during the read. With a start date they are ordered by the cursor, with an open end towards
 * which rows may move. Later runs read what has a later cursor, up to the tenant's time at the first response less the lag,
 * starting at the saved cursor less the look-back. What changes meanwhile belongs to the next run.
 */
export function planSearch(
  stream: PlannedStream,
  state: StreamState | null,
  { lookbackSeconds, lagSeconds }: Pick<ReadOptions, 'lookbackSeconds' | 'lagSeconds'>,
): SearchPlan | { problem: string } {
  const { name, syncMode, orderBy, startDate } = stream;
  if (!orderBy) throw new Error(`stream ${name} is searchable but declares no timestamps to order by`);
  const search = (key: SearchKey, from: string | undefined, to?: SearchTask['to']): SearchTask => ({
    kind: 'search',
    stream: name,
    key,
    missing: true,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  const everything = search(startDate ? orderBy.cursor : orderBy.immutable, startDate);
  if (syncMode === 'full_refresh') return { task: everything };
  const saved = state ? readCursor(state, orderBy.cursor) : {};
  if ('problem' in saved)
    return {
      problem: `the saved state of ${name} is invalid: ${saved.problem}. Correct the state, or reset it to read everything again.`,
    };
  if (saved.cursor === undefined) return { task: everything };
  const from = new Date(Date.parse(saved.cursor) - Math.max(lookbackSeconds, minLookbackSeconds) * 1000).toISOString();
  return { task: search(orderBy.cursor, from, { lagSeconds }), savedCursor: saved.cursor };
}

/** How far a stream is read. */
interface StreamReadState {
  /** Everything that is read. */
  task: ListTask | SearchTask;
  partitioned: PartitionedReadState;
  /** Newest value of the cursor field that is delivered, or that an earlier run saved. */
  cursorValue?: string;
}

/** Where to start. With a `problem` there is nothing to read. */
function prepareRead({ streams, states, readOptions }: ReadInput): {
  readState: StreamReadState;
  problem?: StreamFailure;
} {
  const [stream] = streams as [PlannedStream];
  const saved = states[stream.name];
  const state = saved?.state ?? null;
  const list: ListTask = { kind: 'list', stream: stream.name };
  const plan = stream.reader === 'search' ? planSearch(stream, state, readOptions) : { task: list };
  if ('problem' in plan) {
    const problem = { type: 'UnreadableState', ...failureDetailsByType.config_error, message: plan.problem };
    return { readState: { task: list, partitioned: { ...createPartitionedReadState(list), partitions: [] } }, problem };
  }
  const { task } = plan;
  if ('savedCursor' in plan) {
    return { readState: { task, partitioned: createPartitionedReadState(task), cursorValue: plan.savedCursor } };
  }
  const isFullRefresh = stream.syncMode === 'full_refresh';
  const progress = state && (isFullRefresh ? readJobProgress(state, stream.syncId) : readUnfinishedProgress(state));
  const { resumePoint } = saved ?? {};
  const isSame = progress && resumePoint?.kind === 'partitions' && isSameTask(resumePoint.task, task);
  return { readState: { task, partitioned: createPartitionedReadState(task, isSame ? resumePoint : undefined) } };
}

/** Compares tasks by content: a destination may change the order of keys in a state. */
function isSameTask(one: object, other: object): boolean {
  const toText = (task: object): string => JSON.stringify(Object.entries(task).sort());
  return toText(one) === toText(other);
}

class SingleStreamReader implements StreamReader<StreamReadState> {
  readonly readState: StreamReadState;
  private readonly problem: StreamFailure | undefined;
  private readonly stream: StreamRun;
  private readonly planned: PlannedStream;
  private readonly partitionedRead: PartitionedRead;

  constructor(
    private readonly context: ReaderContext,
    carried: StreamReadState | undefined,
  ) {
    const { readState, problem } = carried ? { readState: carried } : prepareRead(context.input);
    this.readState = readState;
    this.problem = problem;
    [this.stream] = context.streams as [StreamRun];
    [this.planned] = context.input.streams as [PlannedStream];
    this.partitionedRead = new PartitionedRead(readState.partitioned, this.stream, context.scheduler, (result) =>
      this.deliver(result),
    );
  }

  get isDone(): boolean {
    return this.partitionedRead.isDone;
  }

  async read(): Promise<void> {
    const { stream, partitionedRead, problem } = this;
    if (problem) stream.fail(problem);
    try {
      await partitionedRead.read();
    } catch (error) {
      if (isCancellation(error)) throw error;
      stream.fail(toStreamFailure(error), this.buildStreamState(stream, stream.enqueuedRecords));
    }
  }

  countRequestsLeft(): number | undefined {
    return this.partitionedRead.requestsLeft;
  }

  buildStreamState(_stream: StreamRun, records: number): StreamState {
    const { syncMode, syncId, cursorField } = this.planned;
    const { task, partitioned, cursorValue } = this.readState;
    const finished = partitioned.partitions.length === 0;
    if (syncMode === 'incremental' && cursorField && cursorValue !== undefined) {
      return buildState({ records, finished, cursorField, cursorValue });
    }
    // Without a cursor value, a later read continues at the resume point: see prepareRead.
    const cursor = buildResumePoint(task, partitioned);
    const isResumable = syncMode === 'incremental' || syncId !== undefined;
    return buildState({ records, finished, syncId, ...(isResumable && { cursor }) });
  }

  buildAudit(): AuditPart[] {
    return this.readState.partitioned.finishedParts;
  }

  /** Delivers what a fetch staged, with the state after it. */
  private async deliver({ segments }: FetchResult): Promise<void> {
    const { stream, readState, partitionedRead } = this;
    const frontier = findFrontier(readState.partitioned);
    if (frontier !== undefined && frontier > (readState.cursorValue ?? '')) readState.cursorValue = frontier;
    const own = segments.filter((segment) => segment.stream === stream.stream.name);
    const buildStreamState = (records: number): StreamState => this.buildStreamState(stream, records);
    stream.setEstimate(partitionedRead.estimatedTotalRows);
    if (partitionedRead.isDone) stream.complete(own, buildStreamState);
    else stream.enqueue(own, buildStreamState);
    this.context.onChange();
    await stream.waitForCapacity();
  }
}
