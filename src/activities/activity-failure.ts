import { ApplicationFailure, CancelledFailure, log } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { RateLimited } from '../auth0/errors';
import { isRollcallError, toFailureDetails } from '../errors';

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
  const { type, message } = isRollcallError(error)
    ? { type: error.name, message: error.message }
    : logUnexpected(error);
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

function logUnexpected(error: unknown): { type: string; message: string } {
  const name = (error as Partial<Error> | null | undefined)?.name ?? typeof error;
  log.error('unexpected error in an activity', { name, at: readStackFrames(error) });
  return { type: 'Unexpected', message: `Internal error in Rollcall (${name}). See the worker's log for details.` };
}

/** Where an error was thrown, one line a frame, without the message: it may quote a record, and many people read logs. */
function readStackFrames(error: unknown): string[] {
  const { message = '', stack = '' } = (error ?? {}) as Partial<Error>;
  const frames = stack.slice(stack.indexOf(message) + message.length).match(/^ +at .*$/gm) ?? [];
  return frames.map((frame) => frame.trim());
}
