import { ApplicationFailure, CancelledFailure, log } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { StreamFailure } from '../sinks/sink';

/** Details of every ApplicationFailure that an activity throws on purpose; its message and type are the failure's. */
export type FailureDetails = Pick<StreamFailure, 'kind'>;

interface Outcome extends FailureDetails {
  /** Whether another attempt may end differently. */
  retry: boolean;
}

/** What becomes of each error class, by its name. A class that is not listed is a fault of ours. */
const outcomes: Readonly<Record<string, Outcome>> = {
  BadCredentials: { kind: 'config_error', retry: false },
  MissingScope: { kind: 'config_error', retry: false },
  FeatureNotInPlan: { kind: 'config_error', retry: false },
  ConfigError: { kind: 'config_error', retry: false },
  RateLimited: { kind: 'transient_error', retry: true },
  Transient: { kind: 'transient_error', retry: true },
  UnexpectedAnswer: { kind: 'transient_error', retry: true },
  RequestRejected: { kind: 'system_error', retry: false },
  Gone: { kind: 'system_error', retry: false },
  UnsplittableBlock: { kind: 'system_error', retry: false },
  StagingUnavailable: { kind: 'transient_error', retry: true },
  // A step that another attempt has delivered meanwhile has nothing in staging any more, and needs nothing.
  StagingLost: { kind: 'system_error', retry: true },
  DestinationUnavailable: { kind: 'transient_error', retry: true },
  DestinationUnreadable: { kind: 'config_error', retry: false },
  DestinationRefused: { kind: 'config_error', retry: false },
  StepsMissing: { kind: 'system_error', retry: false },
  StaleDelivery: { kind: 'system_error', retry: false },
  BrokenPipe: { kind: 'system_error', retry: false },
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
export function nameOf(error: unknown): string | undefined {
  return (error as { name?: string } | null | undefined)?.name;
}

/** True for errors that another attempt may mend; false for those that need a person. */
export function mayPass(error: unknown): boolean {
  return isNamedError(error) && (outcomes[error.name]?.retry ?? true);
}

/** Where in the code an error was thrown, line by line, without its message: that may quote a record, and logs are read by many. */
function framesOf(error: unknown): string[] {
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
  const outcome = isNamedError(error) ? outcomes[error.name] : undefined;
  if (!isNamedError(error) || !outcome) {
    const name = isNamedError(error) ? error.name : typeof error;
    log.error('unexpected error in an activity', { name, at: framesOf(error) });
    return ApplicationFailure.create({
      type: 'Unexpected',
      message: `Something went wrong in Rollcall itself (${name}); the worker's log tells more.`,
      nonRetryable: exhausted,
      details: [{ kind: 'system_error' } satisfies FailureDetails],
    });
  }
  const delay = error.retryAt === undefined ? undefined : Math.max(1, error.retryAt - Date.now());
  return ApplicationFailure.create({
    type: error.name,
    message: error.message,
    nonRetryable: exhausted || !outcome.retry,
    details: [{ kind: outcome.kind } satisfies FailureDetails],
    ...(delay === undefined ? {} : { nextRetryDelay: delay, category: ApplicationFailureCategory.BENIGN }),
  });
}
