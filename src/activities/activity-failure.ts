import { ApplicationFailure, CancelledFailure, log } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { StreamFailure } from '../protocol';

/** Details of every ApplicationFailure that an activity throws on purpose; its message and type are the failure's. */
export type FailureDetails = Pick<StreamFailure, 'failureType'>;

interface FailurePolicy extends FailureDetails {
  /** Whether another attempt may end differently. */
  retryable: boolean;
}

/** What becomes of each error class, by its name. A class that is not listed is a fault of ours. */
const failurePolicies: Readonly<Record<string, FailurePolicy>> = {
  BadCredentials: { failureType: 'config_error', retryable: false },
  MissingScope: { failureType: 'config_error', retryable: false },
  FeatureNotInPlan: { failureType: 'config_error', retryable: false },
  ConfigError: { failureType: 'config_error', retryable: false },
  RateLimited: { failureType: 'transient_error', retryable: true },
  Transient: { failureType: 'transient_error', retryable: true },
  UnexpectedAnswer: { failureType: 'transient_error', retryable: true },
  RequestRejected: { failureType: 'system_error', retryable: false },
  Gone: { failureType: 'system_error', retryable: false },
  UnsplittableBlock: { failureType: 'system_error', retryable: false },
  StagingUnavailable: { failureType: 'transient_error', retryable: true },
  // A step that another attempt has delivered meanwhile has nothing in staging any more, and needs nothing.
  StagingLost: { failureType: 'system_error', retryable: true },
  DestinationUnavailable: { failureType: 'transient_error', retryable: true },
  DestinationUnreadable: { failureType: 'config_error', retryable: false },
  DestinationRefused: { failureType: 'config_error', retryable: false },
  SequenceGap: { failureType: 'system_error', retryable: false },
  StaleDelivery: { failureType: 'system_error', retryable: false },
  BrokenPipe: { failureType: 'system_error', retryable: false },
};

/** The shape that all our error classes share; `instanceof` does not hold across realms. */
interface NamedError {
  name: string;
  /** Complete for its reader: what happened, where, and the next step. */
  message: string;
  /** Epoch ms before which another attempt is pointless. */
  retryAt?: number;
}

function isNamedError(error: unknown): error is NamedError {
  return typeof error === 'object' && error !== null && 'name' in error && 'message' in error;
}

/** The class of an error, by its name: `instanceof` does not hold across realms. */
export function getErrorName(error: unknown): string | undefined {
  return (error as { name?: string } | null | undefined)?.name;
}

/** True for errors that another attempt may mend; false for those that need a person. */
export function isRetryable(error: unknown): boolean {
  return isNamedError(error) && (failurePolicies[error.name]?.retryable ?? true);
}

/** Where in the code an error was thrown, line by line, without its message: that may quote a record, and logs are read by many. */
function readStackFrames(error: unknown): string[] {
  const { message = '', stack = '' } = (error ?? {}) as Partial<Error>;
  const after = stack.indexOf(message) + message.length;
  return (
    stack
      .slice(after)
      .match(/^ +at .*$/gm)
      ?.map((frame) => frame.trim()) ?? []
  );
}

/**
 * The one place where an error becomes a Temporal failure. The text of errors that are not ours is not passed on: it may
 * quote a record.
 * @param exhausted true when there shall be no other attempt
 */
export function toActivityFailure(error: unknown, exhausted = false): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  const outcome = isNamedError(error) ? failurePolicies[error.name] : undefined;
  if (!isNamedError(error) || !outcome) {
    const name = isNamedError(error) ? error.name : typeof error;
    log.error('unexpected error in an activity', { name, at: readStackFrames(error) });
    return ApplicationFailure.create({
      type: 'Unexpected',
      message: `Internal error in Rollcall (${name}). See the worker's log for details.`,
      nonRetryable: exhausted,
      details: [{ failureType: 'system_error' } satisfies FailureDetails],
    });
  }
  const delay = error.retryAt === undefined ? undefined : Math.max(1, error.retryAt - Date.now());
  return ApplicationFailure.create({
    type: error.name,
    message: error.message,
    nonRetryable: exhausted || !outcome.retryable,
    details: [{ failureType: outcome.failureType } satisfies FailureDetails],
    ...(delay === undefined ? {} : { nextRetryDelay: delay, category: ApplicationFailureCategory.BENIGN }),
  });
}
