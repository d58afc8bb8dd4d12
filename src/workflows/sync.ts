import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  condition,
  isCancellation,
  log,
  ParentClosePolicy,
  setHandler,
  sleep,
  startChild,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { StreamState } from '../sinks/sink';
import { noCounts } from '../streams/counts';
import { sinkActivities, stagingActivities } from './activities';
import {
  pauseSignal,
  pauseUpdate,
  progressSignal,
  resumeSignal,
  resumeUpdate,
  syncProgressQuery,
  type PlannedStream,
  type StreamProgress,
  type StreamResult,
  type SyncInput,
  type SyncResult,
} from './contract';
import { failureOf } from './failure';
import type { Pause } from './gate';
import { organizationsWorkflow } from './organizations';
import { incompleteType } from './names';
import { conclude } from './outcome';
import { showProgress } from './progress';
import { counted } from './run-count';
import { beginSearched, type SearchedRun } from './search-attributes';
import { verdictOf, verdictOfRun } from './verdict';
import { streamWorkflow } from './stream';
import { StreamRun } from './stream-run';

type Child = ChildWorkflowHandle<typeof streamWorkflow | typeof organizationsWorkflow>;

/** Streams that one child workflow reads. */
interface Group {
  name: string;
  streams: PlannedStream[];
  start(states: Record<string, StreamState>): Promise<Child>;
}

/**
 * Later runs of a connection sort after earlier ones, a run keeps its name through retries and restarts, and no run of another
 * connection has it: what is staged is kept under it. Temporal's ids begin with the time, which runs that are started together share;
 * only their end is random.
 */
function runId({ uniqueRun }: SyncInput): string {
  const { startTime, firstExecutionRunId } = workflowInfo();
  const mark = uniqueRun ? firstExecutionRunId.slice(-8) : firstExecutionRunId.slice(0, 8);
  return `${startTime.toISOString().replace(/[-:.]/g, '')}-${mark}`;
}

function resultsOf(error: unknown, streams: readonly PlannedStream[]): StreamResult[] {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && cause.type === incompleteType) {
    return cause.details?.[0] as StreamResult[];
  }
  const failure = failureOf(error);
  return streams.map(({ name }) => ({
    stream: name,
    status: 'incomplete',
    records: 0,
    seconds: 0,
    counts: noCounts,
    audit: [],
    verdict: verdictOf('incomplete', noCounts, failure),
    failure,
  }));
}

function groupsOf(input: SyncInput, run: string): Group[] {
  const { connection, sinkQueue, limits, reading, refusedCredentials } = input;
  const common = { connection, run, sinkQueue, limits, reading, refusedCredentials };
  const child = (name: string) =>
    ({
      workflowId: `${workflowInfo().workflowId}/${name}`,
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    }) as const;
  const alone = input.streams.filter(({ reach }) => reach === 'list' || reach === 'search');
  const family = input.streams.filter(({ reach }) => reach === 'organization' || reach === 'members');
  const groups = alone.map<Group>((stream) => ({
    name: stream.name,
    streams: [stream],
    start: (states) =>
      startChild(streamWorkflow, {
        ...child(stream.name),
        staticSummary: stream.name,
        args: [{ ...common, stream, state: states[stream.name] ?? null }],
      }),
  }));
  if (family.length > 0) {
    groups.push({
      name: 'organizations',
      streams: family,
      start: (states) =>
        startChild(organizationsWorkflow, {
          ...child('organizations'),
          staticSummary: family.map(({ name }) => name).join(', '),
          args: [{ ...common, streams: family, states }],
        }),
    });
  }
  return groups;
}

/** Longest wait for children that a terminated run has left behind, which end as soon as they learn of that, s. */
const patienceSeconds = 60;

/** Starts a child, once the one of a former run has ended. */
async function begin(group: Group, states: Record<string, StreamState>): Promise<Child> {
  for (let waited = 0; ; waited += 1) {
    try {
      return await group.start(states);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError) || waited >= patienceSeconds) throw error;
      await sleep('1s');
    }
  }
}

/** Waits for all, whatever becomes of each, and then throws what the first one threw. */
async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(work);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** For what makes the copy no less whole when it fails. */
async function leniently(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('not done', { error });
  }
}

/** Copies the streams of one connection; one child workflow for each stream, and one for the organization family. */
export async function syncWorkflow(input: SyncInput): Promise<SyncResult> {
  return counted(input.connection, () => told(input));
}

/** The run, which tells its status where it can be searched for. */
async function told(input: SyncInput): Promise<SyncResult> {
  const searched = beginSearched(input);
  const result = await copy(input, searched).catch((error: unknown) => {
    searched.tell({ status: isCancellation(error) ? 'cancelled' : 'failed' });
    throw error;
  });
  searched.tell({ status: result.status });
  return conclude(result.streams, result);
}

async function copy(input: SyncInput, searched: SearchedRun): Promise<SyncResult> {
  const run = runId(input);
  const { discardRun } = stagingActivities();
  const { loadState, deliver, summarize } = sinkActivities({ ...input, run });
  const groups = groupsOf(input, run);
  const running = new Set(groups);
  const finished: StreamResult[] = [];
  let paused: Pause | undefined;
  setHandler(syncProgressQuery, () => ({
    run,
    ...(paused && { paused: paused.reason }),
    finished,
    running: [...running].map(({ name, streams }) => ({
      workflowId: `${workflowInfo().workflowId}/${name}`,
      streams: streams.map((each) => each.name),
    })),
  }));

  const children = new Set<Child>();
  /** As far as the children have told. */
  const standing = new Map<string, StreamProgress>(
    input.streams.map(({ name: stream }) => [stream, { stream, status: 'waiting', delivered: 0, counts: noCounts }]),
  );

  function show(): void {
    const all = [...standing.values()];
    searched.tell({
      status: paused ? 'paused' : 'running',
      rows: all.reduce((sum, { delivered }) => sum + delivered, 0),
    });
    showProgress(input.connection, all, paused);
  }

  function take(told: StreamProgress[]): void {
    for (const each of told) standing.set(each.stream, each);
    show();
  }

  setHandler(progressSignal, (told) => {
    const hasEnded = (stream: string): boolean => finished.some((each) => each.stream === stream);
    take(told.filter(({ stream }) => !hasEnded(stream)));
  });

  function finish(results: StreamResult[]): void {
    finished.push(...results);
    take(results.map(({ records, ...each }) => ({ ...each, delivered: records })));
  }

  /** A child that has just ended can't be told, and need not be. */
  async function tellAll(tell: (child: Child) => Promise<void>): Promise<void> {
    await Promise.all([...children].map((child) => leniently(() => tell(child))));
  }

  async function pause(reason: Pause): Promise<boolean> {
    const isNew = paused === undefined;
    paused = reason;
    show();
    await tellAll((child) => child.signal(pauseSignal, reason));
    return isNew;
  }

  setHandler(pauseUpdate, pause);
  setHandler(pauseSignal, async (reason) => {
    await pause(reason);
  });
  setHandler(resumeUpdate, async () => {
    const wasPaused = paused !== undefined;
    paused = undefined;
    show();
    await tellAll((child) => child.signal(resumeSignal));
    return wasPaused;
  });

  async function read(group: Group, states: Record<string, StreamState>): Promise<StreamResult[]> {
    const child = await begin(group, states);
    children.add(child);
    take(group.streams.map(({ name: stream }) => ({ stream, status: 'running', delivered: 0, counts: noCounts })));
    try {
      if (paused) await child.signal(pauseSignal, paused);
      return await child.result();
    } finally {
      children.delete(child);
    }
  }

  show();
  const states = input.full ? {} : await loadState();
  await condition(() => paused === undefined);
  // When it is cancelled, too: it has ended when its children have.
  await allEnded([
    ...groups.map(async (group) => {
      try {
        finish(await read(group, states));
      } catch (error) {
        if (isCancellation(error)) throw error;
        finish(resultsOf(error, group.streams));
      } finally {
        running.delete(group);
      }
    }),
    ...input.refused.map(async ({ stream, failure }) => {
      const refused = new StreamRun({ ...stream, reach: 'list' }, run, deliver);
      refused.fail(failure);
      await refused.settled();
      finish([refused.result([])]);
    }),
  ]);
  await leniently(() => discardRun({ run }));

  const complete = finished.filter(({ status }) => status === 'complete').length;
  const status = complete === finished.length ? 'complete' : complete > 0 ? 'partial' : 'failed';
  const result: SyncResult = { run, status, verdict: verdictOfRun(finished), streams: finished };
  await leniently(() => summarize(result));
  return result;
}
