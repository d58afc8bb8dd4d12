import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/workflow';
import type { FailureDetails } from '../activities/failure';
import type { StreamFailure } from '../sinks/sink';

/** Why a stream could not go on, from what an activity or a child workflow threw. */
export function toStreamFailure(error: unknown): StreamFailure {
  const cause = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const details = cause.details?.[0] as FailureDetails | undefined;
    return { type: cause.type ?? 'Failed', failureType: details?.failureType ?? 'system_error', message: cause.message };
  }
  if (cause instanceof TimeoutFailure) {
    return {
      type: 'WorkerLost',
      failureType: 'transient_error',
      message: 'The process that should have done this work is gone or does not answer. Start it again.',
    };
  }
  return { type: 'Failed', failureType: 'system_error', message: cause instanceof Error ? cause.message : String(cause) };
}
