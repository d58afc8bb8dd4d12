import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, ServiceError, type WorkflowHandle } from '@temporalio/client';
import type { Workflow, WorkflowResultType } from '@temporalio/common';

/** gRPC codes that say something about the request rather than the moment: asking again gives the same answer. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  3, // INVALID_ARGUMENT
  5, // NOT_FOUND
  7, // PERMISSION_DENIED
  12, // UNIMPLEMENTED
  16, // UNAUTHENTICATED
]);

const PAUSE_MS = 250;

/**
 * The workflow's result. The client's own `result()` fails when the server is away for some seconds, while the workflow
 * goes on; this one asks again until the workflow has ended. Throws what `result()` throws for that (WorkflowFailedError,
 * WorkflowNotFoundError), or the reason of `signal`, which is the only end when the server never comes back.
 */
export async function awaitResult<T extends Workflow>(
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
    return await Promise.race([askUntilKnown(handle, over.signal), ...(aborted ? [aborted] : [])]);
  } finally {
    over.abort();
  }
}

async function askUntilKnown<T extends Workflow>(
  handle: WorkflowHandle<T>,
  over: AbortSignal,
): Promise<WorkflowResultType<T>> {
  for (;;) {
    try {
      return await handle.result();
    } catch (error) {
      if (over.aborted || !isPassing(error)) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ServiceError && isGrpcServiceError(error.cause) && !FINAL_CODES.has(error.cause.code);
}
