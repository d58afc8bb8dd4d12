import {
  WorkflowFailedError,
  WorkflowIdConflictPolicy,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { noCounts } from '../streams/counts';
import type { StreamProgress, SyncInput, SyncProgress, SyncResult } from '../workflows/contract';
import type { organizationsWorkflow, streamWorkflow, syncWorkflow } from '../workflows/index';
import { incompleteType, progressName } from '../workflows/names';
import { awaitResult } from './result';

/** The workflow of a connection: there is one at a time. */
export function workflowIdOf(connection: string): string {
  return `sync/${connection}`;
}

/** A run of the sync workflow, as its starter sees it. */
export interface SyncRun {
  workflowId: string;
  /** False when a run of this connection was under way already and was joined. */
  started: boolean;
  /** When it was started, epoch ms. */
  begun: number;
  /** Resolves when the run has ended, also when it is incomplete. Throws when it ended without a result: SyncFailed, SyncCancelled, or Temporal's failure when it was terminated. */
  result(signal?: AbortSignal): Promise<SyncResult>;
  /** Where every stream stands; empty while no worker answers. */
  progress(): Promise<StreamProgress[]>;
}

export interface SyncStart {
  workflowId: string;
  taskQueue: string;
  input: SyncInput;
  /** Absent: no limit. */
  timeoutMs?: number;
}

/** The run as a whole failed, whatever its streams: the destination could not be read, for one. */
export class SyncFailed extends Error {
  override readonly name: string;
  /** The error bears the name of the failure's class, as the error did in the process where it happened. */
  constructor({ type, message }: ApplicationFailure) {
    super(message);
    this.name = type ?? 'SyncFailed';
  }
}

/** Somebody has ended the run before its time. */
export class SyncCancelled extends Error {
  override readonly name = 'SyncCancelled';
  constructor(workflowId: string) {
    super(
      `${workflowId} was cancelled. What it had copied stays; incremental streams go on from there with the next sync.`,
    );
  }
}

/** No run of the connection is under way. */
export class NoRun extends Error {
  override readonly name = 'NoRun';
  constructor(connection: string) {
    super(`no sync of ${connection} is under way. \`rollcall sync ${connection}\` starts one.`);
  }
}

/** Starts a sync, or joins the one that runs under the same id. */
export async function startSync(
  client: Client,
  { workflowId, taskQueue, input, timeoutMs }: SyncStart,
): Promise<SyncRun> {
  const names = input.streams.map(({ name }) => name);
  // Only told apart by it: a server that does not answer just now fails at the start, if at all.
  const before = await runningOf(client, workflowId).catch(() => undefined);
  const handle = await client.workflow.start<typeof syncWorkflow>('syncWorkflow', {
    workflowId,
    taskQueue,
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    staticSummary: `${input.connection}: ${names.length} streams`,
    staticDetails: names.map((name) => `- ${name}`).join('\n'),
    ...(timeoutMs === undefined ? {} : { workflowExecutionTimeout: timeoutMs }),
  });
  const joined = handle.firstExecutionRunId === before?.runId;
  return syncRun(
    client,
    handle,
    joined ? { started: false, begun: before.begun } : { started: true, begun: Date.now() },
  );
}

/** The run of a connection that is under way. Throws NoRun. */
export async function findSync(client: Client, connection: string): Promise<SyncRun> {
  const workflowId = workflowIdOf(connection);
  const running = await runningOf(client, workflowId);
  if (!running) throw new NoRun(connection);
  const handle = client.workflow.getHandle<typeof syncWorkflow>(workflowId);
  return syncRun(client, handle, { started: false, begun: running.begun });
}

function syncRun(
  client: Client,
  handle: WorkflowHandle<typeof syncWorkflow>,
  start: Pick<SyncRun, 'started' | 'begun'>,
): SyncRun {
  return {
    workflowId: handle.workflowId,
    ...start,
    result: (signal) => resultOf(handle, signal),
    progress: () => progressOf(client, handle),
  };
}

/** The newest run of a connection that the server remembers. */
export function findRun(client: Client, connection: string): Promise<WorkflowExecutionDescription | undefined> {
  return describe(client, workflowIdOf(connection));
}

/** One run of a connection, which may have ended. */
export function runOf(client: Client, connection: string, runId: string): Pick<SyncRun, 'result' | 'progress'> {
  const handle = client.workflow.getHandle<typeof syncWorkflow>(workflowIdOf(connection), runId);
  return { result: (signal) => resultOf(handle, signal), progress: () => progressOf(client, handle) };
}

async function runningOf(client: Client, workflowId: string): Promise<{ runId: string; begun: number } | undefined> {
  const description = await describe(client, workflowId);
  if (description?.status.name !== 'RUNNING') return undefined;
  return { runId: description.runId, begun: description.startTime.getTime() };
}

async function describe(client: Client, workflowId: string): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

async function resultOf(handle: WorkflowHandle<typeof syncWorkflow>, signal?: AbortSignal): Promise<SyncResult> {
  try {
    return await awaitResult(handle, signal ? { signal } : {});
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure && cause.type === incompleteType) return cause.details?.[0] as SyncResult;
    if (cause instanceof CancelledFailure) throw new SyncCancelled(handle.workflowId);
    const reason = cause instanceof ActivityFailure ? cause.cause : cause;
    throw reason instanceof ApplicationFailure ? new SyncFailed(reason) : (cause ?? error);
  }
}

async function progressOf(client: Client, handle: WorkflowHandle<typeof syncWorkflow>): Promise<StreamProgress[]> {
  const { finished, running, paused } = await handle.query<SyncProgress>(progressName);
  const others = await Promise.all(
    running.map(async ({ workflowId, streams }) => {
      const child = client.workflow.getHandle<typeof streamWorkflow | typeof organizationsWorkflow>(workflowId);
      // A child that has not started yet, or has just ended, is asked again at the next look.
      const waiting = streams.map<StreamProgress>((stream) => ({
        stream,
        status: 'waiting',
        delivered: 0,
        counts: noCounts,
        ...(paused !== undefined && { paused }),
      }));
      return child.query<StreamProgress[]>(progressName).catch(() => waiting);
    }),
  );
  return [...finished.map(({ records, ...each }) => ({ ...each, delivered: records })), ...others.flat()];
}
