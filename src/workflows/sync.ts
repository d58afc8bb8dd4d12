import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  type ChildWorkflowHandle,
  condition,
  isCancellation,
  log,
  ParentClosePolicy,
  setHandler,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { StreamState } from '../protocol';
import { zeroCounts } from '../streams/counts';
import { proxySinkActivities, proxyStagingActivities } from './activity-proxies';
import {
  pauseSignal,
  pauseUpdate,
  type PlannedStream,
  resumeSignal,
  resumeUpdate,
  type StreamProgress,
  streamProgressSignal,
  type StreamResult,
  type SyncInput,
  syncProgressQuery,
  type SyncResult,
} from './contract';
import type { Pause } from './flow-control';
import { incompleteFailureType } from './names';
import { organizationsWorkflow } from './organizations';
import { setProgressDetails } from './progress';
import { createSearchAttributePublisher, type SearchAttributePublisher } from './run-attributes';
import { streamWorkflow } from './stream';
import { StreamRun } from './stream-delivery';
import { formatRunVerdict, formatStreamVerdict, requireComplete, runAndCount, toStreamFailure } from './sync-outcome';

type ChildHandle = ChildWorkflowHandle<typeof streamWorkflow | typeof organizationsWorkflow>;

/** Streams that one child workflow reads. */
interface StreamGroup {
  name: string;
  streams: PlannedStream[];
  start(states: Record<string, StreamState>): Promise<ChildHandle>;
}

/**
 * Later runs of a connection sort after earlier ones, a run keeps its name through retries and restarts, and no run of another
 * connection has it: what is staged is kept under it. Temporal's ids begin with the time, which runs that are started together share;
 * only their end is random.
 */
function createRunId({ uniqueRunId }: SyncInput): string {
  const { startTime, firstExecutionRunId } = workflowInfo();
  const mark = uniqueRunId ? firstExecutionRunId.slice(-8) : firstExecutionRunId.slice(0, 8);
  return `${startTime.toISOString().replace(/[-:.]/g, '')}-${mark}`;
}

function toStreamResults(error: unknown, streams: readonly PlannedStream[]): StreamResult[] {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && cause.type === incompleteFailureType) {
    return cause.details?.[0] as StreamResult[];
  }
  const failure = toStreamFailure(error);
  return streams.map(({ name }) => ({
    stream: name,
    status: 'incomplete',
    records: 0,
    seconds: 0,
    counts: zeroCounts,
    audit: [],
    verdict: formatStreamVerdict('incomplete', zeroCounts, failure),
    failure,
  }));
}

function groupStreams(input: SyncInput, run: string): StreamGroup[] {
  const { connection, sinkQueue, limits, readOptions, onRefusedCredentials } = input;
  const common = { connection, run, sinkQueue, limits, readOptions, onRefusedCredentials };
  const child = (name: string) =>
    ({
      workflowId: `${workflowInfo().workflowId}/${name}`,
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    }) as const;
  const alone = input.streams.filter(({ reader }) => reader === 'list' || reader === 'search');
  const family = input.streams.filter(({ reader }) => reader === 'organization' || reader === 'members');
  const groups = alone.map<StreamGroup>((stream) => ({
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
const previousChildTimeoutSeconds = 60;

/** Starts a child, once the one of a former run has ended. */
async function startChildWhenFree(group: StreamGroup, states: Record<string, StreamState>): Promise<ChildHandle> {
  for (let waited = 0; ; waited += 1) {
    try {
      return await group.start(states);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError) || waited >= previousChildTimeoutSeconds)
        throw error;
      await sleep('1s');
    }
  }
}

/** Waits for all, whatever becomes of each, and then throws what the first one threw. */
async function awaitAll(work: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(work);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** For what makes the copy no less whole when it fails. */
async function bestEffort(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('optional step failed', { error });
  }
}

/** Copies the streams of one connection; one child workflow for each stream, and one for the organization family. */
export async function syncWorkflow(input: SyncInput): Promise<SyncResult> {
  return runAndCount(input.connection, () => runWithSearchAttributes(input));
}

/** The run, which tells its status where it can be searched for. */
async function runWithSearchAttributes(input: SyncInput): Promise<SyncResult> {
  const searched = createSearchAttributePublisher(input);
  const result = await copyStreams(input, searched).catch((error: unknown) => {
    searched.publish({ status: isCancellation(error) ? 'cancelled' : 'failed' });
    throw error;
  });
  searched.publish({ status: result.status });
  return requireComplete(result.streams, result);
}

async function copyStreams(input: SyncInput, searchAttributes: SearchAttributePublisher): Promise<SyncResult> {
  const run = createRunId(input);
  const { discardRun } = proxyStagingActivities();
  const { loadState, deliver, summarize } = proxySinkActivities({ ...input, run });
  const groups = groupStreams(input, run);
  const running = new Set(groups);
  const finished: StreamResult[] = [];
  let paused: Pause | undefined;
  setHandler(syncProgressQuery, () => ({
    run,
    ...(paused && { pauseReason: paused.reason }),
    finished,
    running: [...running].map(({ name, streams }) => ({
      workflowId: `${workflowInfo().workflowId}/${name}`,
      streams: streams.map((each) => each.name),
    })),
  }));

  const children = new Set<ChildHandle>();
  /** As far as the children have told. */
  const standing = new Map<string, StreamProgress>(
    input.streams.map(({ name: stream }) => [stream, { stream, status: 'waiting', delivered: 0, counts: zeroCounts }]),
  );

  function show(): void {
    const all = [...standing.values()];
    searchAttributes.publish({
      status: paused ? 'paused' : 'running',
      records: all.reduce((sum, { delivered }) => sum + delivered, 0),
    });
    setProgressDetails(input.connection, all, paused);
  }

  function take(told: StreamProgress[]): void {
    for (const each of told) standing.set(each.stream, each);
    show();
  }

  setHandler(streamProgressSignal, (told) => {
    const hasEnded = (stream: string): boolean => finished.some((each) => each.stream === stream);
    take(told.filter(({ stream }) => !hasEnded(stream)));
  });

  function finish(results: StreamResult[]): void {
    finished.push(...results);
    take(results.map(({ records, ...each }) => ({ ...each, delivered: records })));
  }

  /** A child that has just ended can't be told, and need not be. */
  async function tellAll(tell: (child: ChildHandle) => Promise<void>): Promise<void> {
    await Promise.all([...children].map((child) => bestEffort(() => tell(child))));
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

  async function read(group: StreamGroup, states: Record<string, StreamState>): Promise<StreamResult[]> {
    const child = await startChildWhenFree(group, states);
    children.add(child);
    take(group.streams.map(({ name: stream }) => ({ stream, status: 'running', delivered: 0, counts: zeroCounts })));
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
  await awaitAll([
    ...groups.map(async (group) => {
      try {
        finish(await read(group, states));
      } catch (error) {
        if (isCancellation(error)) throw error;
        finish(toStreamResults(error, group.streams));
      } finally {
        running.delete(group);
      }
    }),
    ...input.unknownStreams.map(async ({ stream, failure }) => {
      const refused = new StreamRun({ ...stream, reader: 'list' }, run, deliver);
      refused.fail(failure);
      await refused.drained();
      finish([refused.toResult([])]);
    }),
  ]);
  await bestEffort(() => discardRun({ run }));

  const complete = finished.filter(({ status }) => status === 'complete').length;
  const status = complete === finished.length ? 'complete' : complete > 0 ? 'partial' : 'failed';
  const result: SyncResult = { run, status, verdict: formatRunVerdict(finished), streams: finished };
  await bestEffort(() => summarize(result));
  return result;
}
