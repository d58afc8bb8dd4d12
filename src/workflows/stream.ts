import { continueAsNew, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import { buildState, readCursor, readJobProgress, readUnfinishedProgress } from '../airbyte/stream-state';
import type { Json } from '../json';
import { failureDetailsByType } from '../errors';
import type { StreamFailure, StreamState } from '../protocol';
import type { ListTask, ReadOptions, SearchKey, SearchTask } from '../streams/fetch-task';
import { proxyFetchActivity, proxySinkActivities } from './activity-proxies';
import {
  pauseSignal,
  type PlannedStream,
  resumeSignal,
  type StreamInput,
  type StreamProgress,
  streamProgressQuery,
  type StreamResult,
} from './contract';
import { type Pause, PauseLock } from './flow-control';
import {
  createPartitionedReadState,
  findFrontier,
  PartitionedRead,
  type PartitionedReadState,
  resumePartitionedReadState,
  toResumePoint,
} from './partitioned-read';
import { createProgressPublisher } from './progress';
import { parseResumePoint } from './resume-point';
import { StreamRun, type StreamRunSnapshot } from './stream-delivery';
import { requireComplete, toStreamFailure } from './sync-outcome';

/** What a run of a searched stream begins with. */
export interface SearchPlan {
  task: SearchTask;
  /** What an earlier run saved; absent when this run reads everything. */
  savedCursor?: string;
}

/** A saved cursor may be up to so much later than what was read: the server's clock shows no fractions of a second. */
const minLookbackSeconds = 1;

/**
 * A full refresh, and the first run of an incremental stream, read everything: they walk by the timestamp that never
 * changes, so that no row moves while they read, or from a start date by the cursor, with an open end that rows may move
 * towards. Later runs read what has a later cursor, up to the tenant's time at the first answer less the lag: what
 * changes meanwhile is the next run's. That time is where it begins, less the look-back.
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

/** Where the reading of a stream stands. */
interface StreamReadState {
  /** The whole of what is read. */
  task: ListTask | SearchTask;
  partitioned: PartitionedReadState;
  /** Newest value of the cursor field that is delivered, or that an earlier run saved. */
  cursorValue?: string;
}

/** What the workflow hands to itself when it continues as new. */
interface StreamContinuation {
  version: 1;
  readState: StreamReadState;
  stream: StreamRunSnapshot;
  pause?: Pause;
}

/** Where to begin, or why that can't be told. */
function prepareRead({ stream, state, readOptions: options }: StreamInput): StreamReadState | StreamFailure {
  const plan =
    stream.reader === 'search'
      ? planSearch(stream, state, options)
      : { task: { kind: 'list', stream: stream.name } as const };
  if ('problem' in plan) {
    return { type: 'UnreadableState', ...failureDetailsByType.config_error, message: plan.problem };
  }
  const fresh = { task: plan.task, partitioned: createPartitionedReadState(plan.task) };
  if ('savedCursor' in plan) return { ...fresh, cursorValue: plan.savedCursor };

  const whole = stream.syncMode === 'full_refresh';
  const resume = state && (whole ? readJobProgress(state, stream.syncId) : readUnfinishedProgress(state));
  const place = resume && parseResumePoint(resume, plan.task);
  return place ? { ...fresh, partitioned: resumePartitionedReadState(place) } : fresh;
}

/** The state of a stream after `records` records. */
function buildStreamState({ stream }: StreamInput, reading: StreamReadState | undefined, records: number): StreamState {
  const { syncMode, syncId, cursorField } = stream;
  const finished = reading?.partitioned.partitions.length === 0;
  const cursorValue = reading?.cursorValue;
  if (syncMode === 'incremental' && cursorField && cursorValue !== undefined) {
    return buildState({ records, finished, cursorField, cursorValue });
  }
  // Without a cursor value the place itself is what a later read goes on from: see begin.
  const cursor = reading && { task: reading.task, resumePoint: toResumePoint(reading.partitioned) };
  const resumable = syncMode === 'incremental' || syncId !== undefined;
  return buildState({ records, finished, syncId, ...(resumable && { cursor: cursor as Json | undefined }) });
}

/** Reads one list or one search to its end: slices are fetched, and each is delivered while the next ones are fetched. */
export async function streamWorkflow(input: StreamInput, continuation?: StreamContinuation): Promise<StreamResult[]> {
  const { stream, limits, run } = input;
  const { deliver } = proxySinkActivities(input);
  const streamRun = new StreamRun(stream, run, deliver, continuation?.stream);
  const gate = new PauseLock(continuation?.pause);
  let requestsLeft = (): number | undefined => undefined;
  const progress = (): StreamProgress[] => [streamRun.toProgress(requestsLeft(), gate.currentPause?.reason)];
  const tell = createProgressPublisher(input.connection, streamRun.startedAt);
  const show = (): void => tell(progress());
  setHandler(streamProgressQuery, progress);
  setHandler(pauseSignal, (pause) => {
    gate.pause(pause);
    show();
  });
  setHandler(resumeSignal, () => {
    gate.resume();
    show();
  });

  const beginning = continuation?.readState ?? prepareRead(input);
  const readState = 'task' in beginning ? beginning : undefined;
  const state = (records: number): StreamState => buildStreamState(input, readState, records);

  /** Reads until the end, or until the history has grown enough. */
  async function read(position: StreamReadState): Promise<void> {
    const firstSlice = position.partitioned.fetches;
    const spans = new PartitionedRead(
      position.partitioned,
      streamRun,
      proxyFetchActivity(input, gate),
      limits,
      () => workflowInfo().continueAsNewSuggested || position.partitioned.fetches - firstSlice >= limits.fetchesPerRun,
      async (slice) => {
        const frontier = findFrontier(position.partitioned);
        if (frontier !== undefined && frontier > (position.cursorValue ?? '')) position.cursorValue = frontier;
        const segments = slice.segments.filter((each) => each.stream === stream.name);
        streamRun.setEstimate(spans.estimatedTotalRows);
        if (spans.done) streamRun.complete(segments, state);
        else streamRun.enqueue(segments, state);
        show();
        await streamRun.waitForCapacity();
      },
      show,
    );
    requestsLeft = () => spans.requestsLeft;
    await spans.read();
  }

  try {
    if ('failureType' in beginning) streamRun.fail(beginning);
    if (readState) await read(readState);
    // Read to its end by an earlier attempt of the same job.
    if (readState?.partitioned.partitions.length === 0 && streamRun.isOpen) streamRun.complete([], state);
  } catch (error) {
    if (isCancellation(error)) throw error;
    streamRun.fail(toStreamFailure(error), state(streamRun.enqueuedRecords));
  }
  await streamRun.drained();
  show();
  if (readState && streamRun.isOpen) {
    const { currentPause } = gate;
    const stream = streamRun.toSnapshot();
    await continueAsNew<typeof streamWorkflow>(input, {
      version: 1,
      readState,
      stream,
      ...(currentPause && { pause: currentPause }),
    });
  }
  const results = [streamRun.toResult(readState?.partitioned.finishedParts ?? [])];
  return requireComplete(results, results);
}
