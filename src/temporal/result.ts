import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, ServiceError, type WorkflowHandle } from '@temporalio/client';
import type { Workflow, WorkflowResultType } from '@temporalio/common';

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
