import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  type Workflow,
  type WorkflowResultType,
} from '@temporalio/common';
import {
  type Client,
  isGrpcServiceError,
  ServiceError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowIdConflictPolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import { type FailureType, readFailureDetails, RollcallError } from '../errors';
import type { ResumeResult, StreamProgress, SyncInput, SyncProgress, SyncResult } from '../workflows/contract';
import type { parentWorkflow, streamWorkflow, syncWorkflow } from '../workflows/index';
import { describeSync, pauseName, progressName, resumeName, toWorkflowId } from '../workflows/names';
import { createProgress, readIncompleteResult, toFinalProgress } from '../workflows/results';

/** gRPC codes that say something about the request rather than the moment: asking again gives the same answer. */
const FINAL_GRPC_CODES: ReadonlySet<number> = new Set([
  3, // INVALID_ARGUMENT
  5, // NOT_FOUND
  7, // PERMISSION_DENIED
  12, // UNIMPLEMENTED
  16, // UNAUTHENTICATED
]);

const RESULT_RETRY_DELAY_MS = 250;

/**
 * The workflow's result. The client's own `result()` fails when the server is away for some seconds, while the workflow
 * goes on; this one asks again until the workflow has ended. Throws what `result()` throws for that (WorkflowFailedError,
 * WorkflowNotFoundError), or the reason of `signal`, which is the only end when the server never comes back.
 */
export async function awaitWorkflowResult<T extends Workflow>(
  handle: WorkflowHandle<T>,
  options: { signal?: AbortSignal } = {},
): Promise<WorkflowResultType<T>> {
  const { signal } = options;
  signal?.throwIfAborted();
  const over = new AbortController();
  try {
    // The native connection does not end a call for a signal, so the call is left to itself.
    const aborted =
      signal && once(signal, 'abort', { signal: over.signal }).then(() => Promise.reject(signal.reason as Error));
    return await Promise.race([retryResult(handle, over.signal), ...(aborted ? [aborted] : [])]);
  } finally {
    over.abort();
  }
}

async function retryResult<T extends Workflow>(
  handle: WorkflowHandle<T>,
  over: AbortSignal,
): Promise<WorkflowResultType<T>> {
  for (;;) {
    try {
      return await handle.result();
    } catch (error) {
      if (over.aborted || !isTransientError(error)) throw error;
    }
    await sleep(RESULT_RETRY_DELAY_MS);
  }
}

function isTransientError(error: unknown): boolean {
  return error instanceof ServiceError && isGrpcServiceError(error.cause) && !FINAL_GRPC_CODES.has(error.cause.code);
}

/** A run of the sync workflow, as its starter sees it. */
export interface SyncRun {
  workflowId: string;
  /** False when a run of this connection was under way already and was joined. */
  isNew: boolean;
  /** When it was started, epoch ms. */
  startedAt: number;
  /** Resolves when the run has ended, also when it is incomplete. Throws when it ended without a result: SyncFailed, SyncCancelled, or Temporal's failure when it was terminated. */
  result(signal?: AbortSignal): Promise<SyncResult>;
  /** Where every stream stands; empty while no worker answers. */
  progress(): Promise<StreamProgress[]>;
}

export interface SyncStartOptions {
  workflowId: string;
  taskQueue: string;
  input: SyncInput;
  /** Absent: no limit. */
  timeoutMs?: number;
}

/** The run as a whole failed, whatever its streams: the destination could not be read, for one. */
export class SyncFailed extends RollcallError {
  override readonly name: string;
  readonly failureType: FailureType;
  private readonly code: number;

  /** Keeps the name and the meaning that the error had in the process where it was thrown. */
  constructor({ type, message, details }: ApplicationFailure) {
    super(message);
    this.name = type ?? 'SyncFailed';
    const { failureType, exitCode } = readFailureDetails(details?.[0]);
    this.failureType = failureType;
    this.code = exitCode;
  }

  override get exitCode(): number {
    return this.code;
  }
}

/** Somebody has ended the run before its time. */
export class SyncCancelled extends RollcallError {
  readonly failureType = 'system_error';
  constructor(workflowId: string) {
    super(`${workflowId} was cancelled. Copied data is kept; the next sync of incremental streams resumes from there.`);
  }
}

/** No run of the connection is under way. */
export class NoRun extends RollcallError {
  readonly failureType = 'config_error';
  constructor(connection: string) {
    super(`no sync of ${connection} is running.`, `Start one with \`rollcall sync ${connection}\`.`);
  }
}

/** Starts a sync, or joins the one that runs under the same id. */
export async function startSync(
  client: Client,
  { workflowId, taskQueue, input, timeoutMs }: SyncStartOptions,
): Promise<SyncRun> {
  // Only told apart by it: a server that does not answer just now fails at the start, if at all.
  const before = await findRunningWorkflow(client, workflowId).catch(() => undefined);
  const handle = await client.workflow.start<typeof syncWorkflow>('syncWorkflow', {
    workflowId,
    taskQueue,
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    ...describeSync(input.connection, input.streams),
    ...(timeoutMs === undefined ? {} : { workflowExecutionTimeout: timeoutMs }),
  });
  const joined = handle.firstExecutionRunId === before?.runId;
  return createSyncRun(
    client,
    handle,
    joined ? { isNew: false, startedAt: before.begun } : { isNew: true, startedAt: Date.now() },
  );
}

/** The run of a connection that is under way. Throws NoRun. */
export async function findRunningSync(client: Client, connection: string): Promise<SyncRun> {
  const workflowId = toWorkflowId(connection);
  const running = await findRunningWorkflow(client, workflowId);
  if (!running) throw new NoRun(connection);
  const handle = client.workflow.getHandle<typeof syncWorkflow>(workflowId);
  return createSyncRun(client, handle, { isNew: false, startedAt: running.begun });
}

function createSyncRun(
  client: Client,
  handle: WorkflowHandle<typeof syncWorkflow>,
  start: Pick<SyncRun, 'isNew' | 'startedAt'>,
): SyncRun {
  return {
    workflowId: handle.workflowId,
    ...start,
    result: (signal) => awaitSyncResult(handle, signal),
    progress: () => querySyncProgress(client, handle),
  };
}

/** The newest run of a connection that the server remembers. */
export function findNewestRun(client: Client, connection: string): Promise<WorkflowExecutionDescription | undefined> {
  return describeWorkflow(client, toWorkflowId(connection));
}

/** One run of a connection, which may have ended. */
export function getRun(client: Client, connection: string, runId: string): Pick<SyncRun, 'result' | 'progress'> {
  const handle = client.workflow.getHandle<typeof syncWorkflow>(toWorkflowId(connection), runId);
  return { result: (signal) => awaitSyncResult(handle, signal), progress: () => querySyncProgress(client, handle) };
}

async function findRunningWorkflow(
  client: Client,
  workflowId: string,
): Promise<{ runId: string; begun: number } | undefined> {
  const description = await describeWorkflow(client, workflowId);
  if (description?.status.name !== 'RUNNING') return undefined;
  return { runId: description.runId, begun: description.startTime.getTime() };
}

async function describeWorkflow(client: Client, workflowId: string): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

async function awaitSyncResult(handle: WorkflowHandle<typeof syncWorkflow>, signal?: AbortSignal): Promise<SyncResult> {
  try {
    return await awaitWorkflowResult(handle, signal ? { signal } : {});
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    const result = readIncompleteResult<SyncResult>(cause);
    if (result) return result;
    if (cause instanceof CancelledFailure) throw new SyncCancelled(handle.workflowId);
    const reason = cause instanceof ActivityFailure ? cause.cause : cause;
    throw reason instanceof ApplicationFailure ? new SyncFailed(reason) : (cause ?? error);
  }
}

async function querySyncProgress(
  client: Client,
  handle: WorkflowHandle<typeof syncWorkflow>,
): Promise<StreamProgress[]> {
  const { finished, running, pauseReason } = await handle.query<SyncProgress>(progressName);
  const others = await Promise.all(
    running.map(async ({ workflowId, streams }) => {
      const child = client.workflow.getHandle<typeof streamWorkflow | typeof parentWorkflow>(workflowId);
      // A child that has not started yet, or has just ended, is asked again at the next look.
      const waiting = streams.map<StreamProgress>((stream) => ({
        ...createProgress(stream, 'waiting'),
        ...(pauseReason !== undefined && { pauseReason }),
      }));
      return child.query<StreamProgress[]>(progressName).catch(() => waiting);
    }),
  );
  return [...finished.map(toFinalProgress), ...others.flat()];
}

/** Returns false when a user had paused the run already; the reason is then added. Throws NoRun. */
export function pauseSync(client: Client, connection: string, reason: string): Promise<boolean> {
  return withRunningSync(client, connection, (run) =>
    run.executeUpdate<boolean, [{ reason: string }]>(pauseName, { args: [{ reason }] }),
  );
}

/** Throws NoRun. */
export function resumeSync(client: Client, connection: string): Promise<ResumeResult> {
  return withRunningSync(client, connection, (run) => run.executeUpdate<ResumeResult, []>(resumeName));
}

/** Requests that are under way are broken off within a second or two, if there is a worker. */
const cancelTimeoutMs = 15_000;

/**
 * Ends the run; what it has delivered stays, with the state to go on from. Answers false when it has not ended yet: it takes a
 * worker to end. Throws NoRun.
 */
export function cancelSync(client: Client, connection: string): Promise<boolean> {
  return withRunningSync(client, connection, async (run) => {
    // Servers take it without a word that a run which has ended is to end.
    const { status } = await run.describe();
    if (status.name !== 'RUNNING') throw new NoRun(connection);
    await run.cancel();
    const over = AbortSignal.timeout(cancelTimeoutMs);
    try {
      await awaitWorkflowResult(run, { signal: over });
    } catch (error) {
      if (error === over.reason) return false;
      if (!(error instanceof WorkflowFailedError)) throw error;
    }
    return true;
  });
}

async function withRunningSync<Result>(
  client: Client,
  connection: string,
  act: (run: WorkflowHandle) => Promise<Result>,
): Promise<Result> {
  try {
    return await act(client.workflow.getHandle(toWorkflowId(connection)));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new NoRun(connection);
    throw error;
  }
}
