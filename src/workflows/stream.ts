import { continueAsNew, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import { buildState, readFirstRead, readResume } from '../airbyte/state';
import type { Json } from '../json';
import type { StreamFailure, StreamState } from '../sinks/sink';
import type { ListTask, SearchTask } from '../streams/task';
import { fetchActivity, sinkActivities } from './activities';
import {
  pauseSignal,
  progressQuery,
  resumeSignal,
  type StreamInput,
  type StreamProgress,
  type StreamResult,
} from './contract';
import { failureOf } from './failure';
import { Gate, type Pause } from './gate';
import { conclude } from './outcome';
import { placeIn } from './place';
import { showAndTell } from './progress';
import { planSearch } from './search';
import { beginSpans, frontierOf, placeOf, resumeSpans, Spans, type SpansReading } from './spans';
import { StreamRun, type CarriedStream } from './stream-run';

/** Where the reading of a stream stands. */
interface Reading {
  /** The whole of what is read. */
  task: ListTask | SearchTask;
  spans: SpansReading;
  /** Newest value of the cursor field that is delivered, or that an earlier run saved. */
  cursorValue?: string;
}

/** What the workflow hands to itself when it continues as new. */
interface Carried {
  version: 1;
  reading: Reading;
  stream: CarriedStream;
  pause?: Pause;
}

/** Where to begin, or why that can't be told. */
function begin({ stream, state, reading: options }: StreamInput): Reading | StreamFailure {
  const plan =
    stream.reach === 'search'
      ? planSearch(stream, state, options)
      : { task: { kind: 'list', stream: stream.name } as const };
  if ('problem' in plan) return { type: 'UnreadableState', kind: 'config_error', message: plan.problem };
  const fresh = { task: plan.task, spans: beginSpans(plan.task) };
  if ('savedCursor' in plan) return { ...fresh, cursorValue: plan.savedCursor };

  const whole = stream.syncMode === 'full_refresh';
  const resume = state && (whole ? readResume(state, stream.syncId) : readFirstRead(state));
  const place = resume && placeIn(resume, plan.task);
  return place ? { ...fresh, spans: resumeSpans(place) } : fresh;
}

/** The state of a stream after `records` records. */
function stateOf({ stream }: StreamInput, reading: Reading | undefined, records: number): StreamState {
  const { syncMode, syncId, cursorField } = stream;
  const finished = reading?.spans.spans.length === 0;
  const cursorValue = reading?.cursorValue;
  if (syncMode === 'incremental' && cursorField && cursorValue !== undefined) {
    return buildState({ records, finished, cursorField, cursorValue });
  }
  // Without a cursor value the place itself is what a later read goes on from: see begin.
  const cursor = reading && { task: reading.task, place: placeOf(reading.spans) };
  const resumable = syncMode === 'incremental' || syncId !== undefined;
  return buildState({ records, finished, syncId, ...(resumable && { cursor: cursor as Json | undefined }) });
}

/** Reads one list or one search to its end: slices are fetched, and each is delivered while the next ones are fetched. */
export async function streamWorkflow(input: StreamInput, carried?: Carried): Promise<StreamResult[]> {
  const { stream, limits, run } = input;
  const { deliver } = sinkActivities(input);
  const streamRun = new StreamRun(stream, run, deliver, carried?.stream);
  const gate = new Gate(carried?.pause);
  let requestsLeft = (): number | undefined => undefined;
  const progress = (): StreamProgress[] => [streamRun.progress(requestsLeft(), gate.pause?.reason)];
  const tell = showAndTell(input.connection, streamRun.begun);
  const show = (): void => tell(progress());
  setHandler(progressQuery, progress);
  setHandler(pauseSignal, (pause) => {
    gate.close(pause);
    show();
  });
  setHandler(resumeSignal, () => {
    gate.open();
    show();
  });

  const beginning = carried?.reading ?? begin(input);
  const reading = 'task' in beginning ? beginning : undefined;
  const state = (records: number): StreamState => stateOf(input, reading, records);

  /** Reads until the end, or until the history has grown enough. */
  async function read(position: Reading): Promise<void> {
    const firstSlice = position.spans.slices;
    const spans = new Spans(
      position.spans,
      streamRun,
      fetchActivity(input, gate),
      limits,
      () => workflowInfo().continueAsNewSuggested || position.spans.slices - firstSlice >= limits.slicesPerRun,
      async (slice) => {
        const frontier = frontierOf(position.spans);
        if (frontier !== undefined && frontier > (position.cursorValue ?? '')) position.cursorValue = frontier;
        const segments = slice.segments.filter((each) => each.stream === stream.name);
        streamRun.expects(spans.rowsExpected);
        if (spans.done) streamRun.complete(segments, state);
        else streamRun.hand(segments, state);
        show();
        await streamRun.room();
      },
      show,
    );
    requestsLeft = () => spans.requestsLeft;
    await spans.read();
  }

  try {
    if ('kind' in beginning) streamRun.fail(beginning);
    if (reading) await read(reading);
    // Read to its end by an earlier attempt of the same job.
    if (reading?.spans.spans.length === 0 && streamRun.open) streamRun.complete([], state);
  } catch (error) {
    if (isCancellation(error)) throw error;
    streamRun.fail(failureOf(error), state(streamRun.records));
  }
  await streamRun.settled();
  show();
  if (reading && streamRun.open) {
    const { pause } = gate;
    const stream = streamRun.carried();
    await continueAsNew<typeof streamWorkflow>(input, { version: 1, reading, stream, ...(pause && { pause }) });
  }
  const results = [streamRun.result(reading?.spans.finished ?? [])];
  return conclude(results, results);
}
