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
import { abortable, sleep } from '../async';
import { type FailureType, readFailureDetails, RollcallError } from '../errors';
import { defined } from '../json';
import type { ResumeResult, StreamProgress, SyncInput, SyncProgress, SyncResult } from '../workflows/contract';
import type { parentWorkflow, streamWorkflow, syncWorkflow } from '../workflows/index';
import { describeSync, pauseName, progressName, resumeName, toWorkflowId } from '../workflows/names';
import { createProgress, readIncompleteResult, toFinalProgress } from '../workflows/results';

/**
 * gRPC codes that concern the request, so a retry gives the same answer: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED,
 * UNIMPLEMENTED, UNAUTHENTICATED.
 */
const finalGrpcCodes: ReadonlySet<number> = new Set([3, 5, 7, 12, 16]);

const resultRetryDelayMs = 250;

/**
 * The workflow's result. The client's own `result()` fails when the server is unreachable for some seconds; this function
 * retries until the workflow has ended. Throws WorkflowFailedError or WorkflowNotFoundError as `result()` does, or the reason
 * of `signal`, which is the only end when the server never returns.
 */
export async function awaitWorkflowResult<T extends Workflow>(
  handle: WorkflowHandle<T>,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<WorkflowResultType<T>> {
  async function retryResult(): Promise<WorkflowResultType<T>> {
    for (;;) {
      try {
        return await handle.result();
      } catch (error) {
        if (signal?.aborted || !isTransientError(error)) throw error;
      }
      await sleep(resultRetryDelayMs, signal);
    }
  }
  signal?.throwIfAborted();
  // The native connection cannot cancel a call, so the call continues after an abort.
  return abortable(retryResult(), signal);
}

function isTransientError(error: unknown): boolean {
  return error instanceof ServiceError && isGrpcServiceError(error.cause) && !finalGrpcCodes.has(error.cause.code);
}

/** A run of the `sync` workflow. */
export interface SyncRun {
  workflowId: string;
  /** False when a run of the connection was in progress and was joined. */
  isNew: boolean;
  /** Start time, epoch ms. */
  startedAt: number;
  /**
   * Resolves when the run has ended, also when it is incomplete. Throws when it ended without a result: SyncFailed,
   * SyncCancelled, or Temporal's failure when it was terminated.
   */
  result(signal?: AbortSignal): Promise<SyncResult>;
  /** Progress of every stream; empty while no worker responds. */
  progress(): Promise<StreamProgress[]>;
}

export interface SyncStartOptions {
  workflowId: string;
  taskQueue: string;
  input: SyncInput;
  /** Absent: no limit. */
  timeoutMs?: number;
}

/** The whole run failed, for example because the destination could not be read. */
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

/** A user has cancelled the run. */
export class SyncCancelled extends RollcallError {
  readonly failureType = 'system_error';
  constructor(workflowId: string) {
    super(`${workflowId} was cancelled. Copied data is kept; the next sync of incremental streams resumes from there.`);
  }
}

/** No run of the connection is in progress. */
export class NoRun extends RollcallError {
  readonly failureType = 'config_error';
  constructor(connection: string) {
    super(`no sync of ${connection} is running.`, `Start one with \`rollcall sync ${connection}\`.`);
  }
}

/** Starts a sync, or joins the run in progress. */
export async function startSync(
  client: Client,
  { workflowId, taskQueue, input, timeoutMs }: SyncStartOptions,
): Promise<SyncRun> {
  // Only shows whether the run is new. A server that does not answer fails at the start.
  const before = await findRunningWorkflow(client, workflowId).catch(() => undefined);
  const handle = await client.workflow.start<typeof syncWorkflow>('syncWorkflow', {
    workflowId,
    taskQueue,
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    ...describeSync(input.connection, input.streams),
    ...defined({ workflowExecutionTimeout: timeoutMs }),
  });
  const joined = handle.firstExecutionRunId === before?.runId;
  return createSyncRun(client, handle, joined ? before.startTime : undefined);
}

/** The run of a connection in progress. Throws NoRun. */
export async function findRunningSync(client: Client, connection: string): Promise<SyncRun> {
  const workflowId = toWorkflowId(connection);
  const running = await findRunningWorkflow(client, workflowId);
  if (!running) throw new NoRun(connection);
  const handle = client.workflow.getHandle<typeof syncWorkflow>(workflowId);
  return createSyncRun(client, handle, running.startTime);
}

/** @param startTime of a run that was joined; undefined for a new one */
function createSyncRun(client: Client, handle: WorkflowHandle<typeof syncWorkflow>, startTime?: Date): SyncRun {
  return {
    workflowId: handle.workflowId,
    isNew: startTime === undefined,
    startedAt: startTime?.getTime() ?? Date.now(),
    result: (signal) => awaitSyncResult(handle, signal),
    progress: () => querySyncProgress(client, handle),
  };
}

/** The newest run of a connection; undefined when the server has none. */
export function findNewestRun(client: Client, connection: string): Promise<WorkflowExecutionDescription | undefined> {
  return describeWorkflow(client, toWorkflowId(connection));
}

/** A run of a connection, which may have ended. */
export function getRun(client: Client, connection: string, runId: string): Pick<SyncRun, 'result' | 'progress'> {
  return createSyncRun(client, client.workflow.getHandle<typeof syncWorkflow>(toWorkflowId(connection), runId));
}

async function findRunningWorkflow(
  client: Client,
  workflowId: string,
): Promise<WorkflowExecutionDescription | undefined> {
  const description = await describeWorkflow(client, workflowId);
  return description?.status.name === 'RUNNING' ? description : undefined;
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
    return await awaitWorkflowResult(handle, { signal });
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    const result = readIncompleteResult(cause) as SyncResult | undefined;
    if (result) return result;
    if (cause instanceof CancelledFailure) throw new SyncCancelled(handle.workflowId);
    const reason = cause instanceof ActivityFailure ? cause.cause : cause;
    throw reason instanceof ApplicationFailure ? new SyncFailed(reason) : (cause ?? error);
  }
}

async function querySyncProgress(client: Client, handle: WorkflowHandle): Promise<StreamProgress[]> {
  const { finished, running, pauseReason } = await handle.query<SyncProgress>(progressName);
  const others = await Promise.all(
    running.map(async ({ workflowId, streams }) => {
      const child = client.workflow.getHandle<typeof streamWorkflow | typeof parentWorkflow>(workflowId);
      // A child that has not started yet, or has just ended, is queried again with the next call.
      const waiting = streams.map((stream) => ({ ...createProgress(stream, 'waiting'), ...defined({ pauseReason }) }));
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

/**
 * Cancels the run. What it has delivered stays, with its state. Returns false when it has not ended within `timeoutMs`: a
 * worker must be running, which stops requests within two seconds. Throws NoRun.
 */
export function cancelSync(client: Client, connection: string, timeoutMs = 15_000): Promise<boolean> {
  return withRunningSync(client, connection, async (run) => {
    // Servers accept a cancellation of a run that has ended.
    const { status } = await run.describe();
    if (status.name !== 'RUNNING') throw new NoRun(connection);
    await run.cancel();
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      await awaitWorkflowResult(run, { signal: timeout });
    } catch (error) {
      if (error === timeout.reason) return false;
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
