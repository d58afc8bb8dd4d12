import { continueAsNew, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import { buildState, readUnfinishedProgress, readJobProgress } from '../airbyte/state';
import type { Json } from '../json';
import type { StreamFailure, StreamState } from '../sinks/sink';
import type { ListTask, SearchTask } from '../streams/task';
import { proxyFetchActivity, proxySinkActivities } from './activities';
import {
  pauseSignal,
  streamProgressQuery,
  resumeSignal,
  type StreamInput,
  type StreamProgress,
  type StreamResult,
} from './contract';
import { toStreamFailure } from './failure';
import { PauseLock, type Pause } from './gate';
import { requireComplete } from './outcome';
import { parseResumePoint } from './place';
import { createProgressPublisher } from './progress';
import { planSearch } from './search';
import { createPartitionedReadState, findFrontier, toResumePoint, resumePartitionedReadState, PartitionedRead, type PartitionedReadState } from './spans';
import { StreamRun, type StreamRunSnapshot } from './stream-run';

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
  if ('problem' in plan) return { type: 'UnreadableState', failureType: 'config_error', message: plan.problem };
  const fresh = { task: plan.task, spans: createPartitionedReadState(plan.task) };
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
  const cursor = reading && { task: reading.task, place: toResumePoint(reading.partitioned) };
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
    if ('kind' in beginning) streamRun.fail(beginning);
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
    await continueAsNew<typeof streamWorkflow>(input, { version: 1, readState, stream, ...(currentPause && { pause: currentPause }) });
  }
  const results = [streamRun.toResult(readState?.partitioned.finishedParts ?? [])];
  return requireComplete(results, results);
}
