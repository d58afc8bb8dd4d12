import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  type ChildWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { SavedState } from '../streams/resume-point';
import { proxySinkActivities, proxyStagingActivities } from './activity-proxies';
import type { PlannedStream, ReadInput, StreamResult, SyncInput, SyncResult } from './contract';
import { parentWorkflow } from './parent-reader';
import { PauseControl } from './pause-control';
import { PauseLock } from './pause-lock';
import { createSearchAttributePublisher, type SearchAttributePublisher } from './run-attributes';
import { streamWorkflow } from './stream';
import { StreamRun } from './stream-delivery';
import { formatRunVerdict, requireComplete, runAndCount, toStreamResults } from './sync-outcome';
import { type StreamGroup, SyncProgressBoard } from './sync-progress';

/** Copies the streams of one connection. A child workflow reads each stream, or a parent stream with its child streams. */
export async function syncWorkflow(input: SyncInput): Promise<SyncResult> {
  return runAndCount(input.connection, () => runWithSearchAttributes(input));
}

/** Runs the sync and publishes its status as a search attribute. */
async function runWithSearchAttributes(input: SyncInput): Promise<SyncResult> {
  const searchAttributes = createSearchAttributePublisher(input);
  const result = await copyStreams(input, searchAttributes).catch((error: unknown) => {
    searchAttributes.publish({ status: isCancellation(error) ? 'cancelled' : 'failed' });
    throw error;
  });
  searchAttributes.publish({ status: result.status });
  return requireComplete(result.streams, result);
}

async function copyStreams(input: SyncInput, searchAttributes: SearchAttributePublisher): Promise<SyncResult> {
  const run = createRunId();
  const groups = groupStreams(input.streams);
  const { loadState, deliver, summarize } = proxySinkActivities(input);
  const children = new Set<ChildHandle>();
  const pauseLock = new PauseLock();
  const board = new SyncProgressBoard({ input, run, groups, pauseLock, searchAttributes });
  const pauseControl = new PauseControl({ pauseLock, children, bestEffort, onChange: () => board.publish() });

  async function readGroup(group: StreamGroup, states: Record<string, SavedState>): Promise<StreamResult[]> {
    let child: ChildHandle | undefined;
    try {
      child = await startWhenFree(() => startGroup(group, { ...input, run }, states));
      children.add(child);
      board.start(group);
      await pauseControl.pauseStarted(child);
      return await child.result();
    } catch (error) {
      if (isCancellation(error)) throw error;
      return toStreamResults(error, group.streams);
    } finally {
      if (child) children.delete(child);
      board.remove(group);
    }
  }

  async function refuseStream({ stream, failure }: SyncInput['unknownStreams'][number]): Promise<StreamResult[]> {
    const refused = new StreamRun(stream, run, deliver);
    refused.fail(failure);
    await refused.drained();
    return [refused.toResult([])];
  }

  board.publish();
  const states = input.full ? {} : await loadState();
  await pauseLock.waitUntilResumed();
  // A cancelled sync has ended when its children have.
  await awaitAll([
    ...groups.map(async (group) => board.finish(await readGroup(group, states))),
    ...input.unknownStreams.map(async (unknown) => board.finish(await refuseStream(unknown))),
  ]);
  const { discardRun } = proxyStagingActivities();
  await bestEffort(() => discardRun({ run }));
  const streams = board.results;
  const result: SyncResult = { run, status: computeStatus(streams), verdict: formatRunVerdict(streams), streams };
  await bestEffort(() => summarize(result));
  return result;
}

/**
 * Later runs of a connection sort after earlier ones, a run keeps its id through retries and restarts, and no run of another
 * connection has the same: its staging folder bears it. Temporal's ids begin with the time; only their end is random.
 */
function createRunId(): string {
  const { startTime, firstExecutionRunId } = workflowInfo();
  return `${startTime.toISOString().replace(/[-:.]/g, '')}-${firstExecutionRunId.slice(-8)}`;
}

function computeStatus(streams: readonly StreamResult[]): SyncResult['status'] {
  const complete = streams.filter(({ status }) => status === 'complete').length;
  return complete === streams.length ? 'complete' : complete > 0 ? 'partial' : 'failed';
}

/** A child stream belongs to the group of its parent, which need not be part of the sync itself. */
function groupStreams(streams: readonly PlannedStream[]): StreamGroup[] {
  const groups = new Map<string, StreamGroup>();
  for (const stream of streams) {
    const name = stream.parent ?? stream.name;
    const group = groups.get(name) ?? { workflowId: `${workflowInfo().workflowId}/${name}`, streams: [] };
    group.streams.push(stream);
    groups.set(name, group);
  }
  return [...groups.values()];
}

type ChildHandle = ChildWorkflowHandle<typeof streamWorkflow | typeof parentWorkflow>;

function startGroup(
  { workflowId, streams }: StreamGroup,
  { connection, run, sinkQueue, limits, readOptions, onRefusedCredentials }: SyncInput & { run: string },
  allStates: Record<string, SavedState>,
): Promise<ChildHandle> {
  const states = Object.fromEntries(
    streams.flatMap((stream) => {
      const state = allStates[stream.name];
      return state ? [[stream.name, state]] : [];
    }),
  );
  const input: ReadInput = { connection, run, sinkQueue, limits, readOptions, onRefusedCredentials, streams, states };
  const isFamily = streams.some(({ reader }) => reader === 'parent' || reader === 'children');
  return startChild(isFamily ? parentWorkflow : streamWorkflow, {
    workflowId,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    staticSummary: streams.map((stream) => stream.name).join(', '),
    args: [input],
  });
}

/** Longest wait for children of a terminated run to end, s. */
const previousChildTimeoutSeconds = 60;

/** Starts a child when the one of an earlier run has ended. */
async function startWhenFree(start: () => Promise<ChildHandle>): Promise<ChildHandle> {
  for (let waited = 0; ; waited += 1) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError) || waited >= previousChildTimeoutSeconds)
        throw error;
      await sleep('1s');
    }
  }
}

/** Waits until all have settled, then throws the first error. */
async function awaitAll(work: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(work);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** For steps whose failure does not make the copy incomplete. */
async function bestEffort(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('optional step failed', { error });
  }
}
