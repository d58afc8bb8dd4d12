import { continueAsNew, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import { buildState, readFirstRead, readResume } from '../airbyte/state';
import type { Json } from '../json';
import type { StreamFailure, StreamState } from '../sinks/sink';
import type { ListTask, SearchTask } from '../streams/task';
import { fetchActivities, sinkActivities } from './activities';
import { progressQuery, type StreamInput, type StreamResult } from './contract';
import { failureOf } from './failure';
import { conclude, showProgress } from './outcome';
import { planSearch } from './search';
import { StreamRun, type CarriedStream } from './stream-run';

/** Where the reading of a stream stands. */
interface Reading {
  task: ListTask | SearchTask;
  cursor: Json;
  done: boolean;
  /** Slices so far; numbers the next one. */
  slices: number;
  /** Newest value of the cursor field that is delivered, or that an earlier run saved. */
  cursorValue?: string;
}

/** What the workflow hands to itself when it continues as new. */
interface Carried {
  version: 1;
  reading: Reading;
  stream: CarriedStream;
}

/** What a state holds of an unfinished reading: good only for the very same task. */
interface Unfinished {
  task: Reading['task'];
  place: Json;
}

/** Where to begin, or why that can't be told. */
function begin({ stream, state, limits }: StreamInput): Reading | StreamFailure {
  const plan =
    stream.reach === 'search'
      ? planSearch(stream, state, limits.lookbackSeconds)
      : { task: { kind: 'list', stream: stream.name } as const };
  if ('problem' in plan) return { type: 'UnreadableState', kind: 'config_error', message: plan.problem };
  const fresh = { task: plan.task, cursor: null, done: false, slices: 0 };
  if ('savedCursor' in plan) return { ...fresh, cursorValue: plan.savedCursor };

  const whole = stream.syncMode === 'full_refresh';
  const resume = state && (whole ? readResume(state, stream.syncId) : readFirstRead(state));
  const unfinished = resume?.cursor as Unfinished | undefined;
  if (!resume || !unfinished || !isSame(unfinished.task, plan.task)) return fresh;
  return { ...fresh, cursor: unfinished.place, done: resume.finished };
}

/** Whoever kept the state may have put its keys into another order. */
function isSame(one: Reading['task'], other: Reading['task']): boolean {
  const sorted = (task: Reading['task']): string => JSON.stringify(Object.entries(task).sort());
  return sorted(one) === sorted(other);
}

/** The state of a stream after `records` records. */
function stateOf({ stream }: StreamInput, reading: Reading | undefined, records: number): StreamState {
  const { syncMode, syncId, cursorField } = stream;
  const finished = reading?.done ?? false;
  const cursorValue = reading?.cursorValue;
  if (syncMode === 'incremental' && cursorField && cursorValue !== undefined) {
    return buildState({ records, finished, cursorField, cursorValue });
  }
  // Without a cursor value the place itself is what a later read goes on from: see begin.
  const cursor = reading && { task: reading.task, place: reading.cursor };
  const resumable = syncMode === 'incremental' || syncId !== undefined;
  return buildState({ records, finished, syncId, ...(resumable && { cursor: cursor as Json | undefined }) });
}

/**
 * Reads one list or one search to its end: slices are fetched one after the other, and each is delivered while the next
 * one is fetched.
 */
export async function streamWorkflow(input: StreamInput, carried?: Carried): Promise<StreamResult[]> {
  const { stream, limits, run } = input;
  const { fetchSlice } = fetchActivities(limits);
  const { deliver } = sinkActivities(input);
  const streamRun = new StreamRun(stream, run, deliver, carried?.stream);
  setHandler(progressQuery, () => [streamRun.progress()]);

  const beginning = carried?.reading ?? begin(input);
  const reading = 'task' in beginning ? beginning : undefined;
  const state = (records: number): StreamState => stateOf(input, reading, records);

  /** Reads until the end, or until the history has grown enough: then false. */
  async function read(position: Reading): Promise<boolean> {
    const firstSlice = position.slices;
    while (!position.done) {
      if (workflowInfo().continueAsNewSuggested || position.slices - firstSlice >= limits.slicesPerRun) return false;
      const slice = await fetchSlice.executeWithOptions({ summary: `${stream.name} · after page ${streamRun.pages}` }, [
        {
          connection: input.connection,
          run,
          slice: `${stream.name}-${position.slices}`,
          task: position.task,
          cursor: position.cursor,
          limits: limits.slice,
          patience: limits.patience,
        },
      ]);
      position.slices += 1;
      position.cursor = slice.cursor;
      position.done = slice.done;
      if (slice.frontier !== undefined && slice.frontier > (position.cursorValue ?? '')) {
        position.cursorValue = slice.frontier;
      }
      streamRun.count(slice.counts);
      if (slice.done) streamRun.complete(slice.segments, state);
      else streamRun.hand(slice.segments, state);
      showProgress([streamRun.progress()]);
      await streamRun.room();
    }
    return true;
  }

  let ended = true;
  try {
    if ('kind' in beginning) streamRun.fail(beginning);
    if (reading) ended = await read(reading);
    // Read to its end by an earlier attempt of the same job.
    if (ended && streamRun.open) streamRun.complete([], state);
  } catch (error) {
    if (isCancellation(error)) throw error;
    streamRun.fail(failureOf(error), state(streamRun.records));
  }
  await streamRun.settled();
  showProgress([streamRun.progress()]);
  if (!ended && reading && streamRun.open) {
    await continueAsNew<typeof streamWorkflow>(input, { version: 1, reading, stream: streamRun.carried() });
  }
  return conclude([streamRun.result()], [streamRun.result()]);
}
