import { ApplicationFailure, CancelledFailure, Context, log } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { RateLimited } from '../auth0/errors';
import { isRollcallError, toFailureDetails } from '../errors';

/**
 * Heartbeats on a timer while `work` runs: a wait for a rate limit or a slow pipe must not look like a lost worker.
 * @param getDetails what the next attempt resumes from; called for each heartbeat
 */
export async function withHeartbeats<Result>(getDetails: () => unknown, work: () => Promise<Result>): Promise<Result> {
  const context = Context.current();
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 10_000;
  const timer = setInterval(() => context.heartbeat(getDetails()), Math.min(1_000, timeoutMs / 4));
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** True for errors that another attempt may resolve. Unexpected errors count: their cause is unknown. */
export function isRetryable(error: unknown): boolean {
  return !isRollcallError(error) || error.retryable;
}

/**
 * Turns any error into a Temporal failure; the only place that does. Its first detail is a FailureDetails. The message of an
 * unexpected error is not passed on, since it may quote a record.
 * @param exhausted true when there must be no other attempt
 */
export function toActivityFailure(error: unknown, exhausted = false): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  const { name: type, message } = isRollcallError(error) ? error : logUnexpected(error);
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: exhausted || !isRetryable(error),
    details: [toFailureDetails(error)],
    ...(error instanceof RateLimited && {
      nextRetryDelay: Math.max(1, error.retryAt - Date.now()),
      category: ApplicationFailureCategory.BENIGN,
    }),
  });
}

function logUnexpected(error: unknown): Pick<Error, 'name' | 'message'> {
  const name = (error as Partial<Error> | null | undefined)?.name ?? typeof error;
  log.error('unexpected error in an activity', { name, at: readStackFrames(error) });
  return { name: 'Unexpected', message: `Internal error in Rollcall (${name}). See the worker's log for details.` };
}

/** Where an error was thrown, one line a frame, without the message: it may quote a record, and many people read logs. */
function readStackFrames(error: unknown): string[] {
  const { message = '', stack = '' } = (error ?? {}) as Partial<Error>;
  const frames = stack.slice(stack.indexOf(message) + message.length).match(/^ +at .*$/gm) ?? [];
  return frames.map((frame) => frame.trim());
}
