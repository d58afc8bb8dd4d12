/** Exit codes of the process; the same for every command. */
export const exitCodes = {
  ok: 0,
  /** Nothing was copied, or an error that has no code of its own. */
  failed: 1,
  usage: 2,
  /** Some streams are complete, others are not. */
  partial: 3,
  credentials: 4,
  unavailable: 5,
  interrupted: 130,
  brokenPipe: 141,
} as const;

const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'success: every stream is complete (check: a status was reported)',
  failed: 'failed',
  usage: 'invalid command line, file or environment',
  partial: 'some streams are complete, others are not',
  credentials: 'Auth0 rejected the credentials, or a scope is missing',
  unavailable: 'Auth0, Temporal, the destination or a disk is unavailable; try again',
  interrupted: 'interrupted',
  brokenPipe: 'the reader closed standard output',
};

/** The exit codes as the help shows them. */
export function formatExitCodeHelp(): string {
  const lines = Object.entries(exitCodes).map(
    ([name, code]) => `  ${String(code).padEnd(3)}  ${exitCodeMeanings[name as keyof typeof exitCodes]}`,
  );
  return ['', 'Exit codes:', ...lines].join('\n');
}

/** Airbyte's failure types: the user must act, another attempt may succeed, or Rollcall is at fault. */
export type FailureType = 'config_error' | 'transient_error' | 'system_error';

/** The meaning of an error, in the form that crosses process borders: the first detail of a Temporal failure. */
export interface FailureDetails {
  failureType: FailureType;
  exitCode: number;
}

export const failureDetailsByType: Readonly<Record<FailureType, FailureDetails>> = {
  config_error: { failureType: 'config_error', exitCode: exitCodes.usage },
  transient_error: { failureType: 'transient_error', exitCode: exitCodes.unavailable },
  system_error: { failureType: 'system_error', exitCode: exitCodes.failed },
};

/** Reads the first detail of a Temporal failure. A failure that has none is a fault of Rollcall. */
export function readFailureDetails(detail: unknown): FailureDetails {
  const { failureType = 'system_error', exitCode } = (detail ?? {}) as Partial<FailureDetails>;
  return { failureType, exitCode: exitCode ?? failureDetailsByType[failureType].exitCode };
}

/**
 * An error that Rollcall raises on purpose. Its message is complete for the user: what happened, where, and what to do.
 * It contains no secret and no data of a person. `name`, its class's name, is the `type` of the Temporal failure.
 */
export abstract class RollcallError extends Error implements FailureDetails {
  override readonly name: string = this.constructor.name;
  abstract readonly failureType: FailureType;

  /**
   * @param what what happened and where; ends with a period when `nextStep` follows
   * @param nextStep what the user can do about it, a sentence
   */
  constructor(
    readonly what: string,
    readonly nextStep?: string,
    options?: ErrorOptions,
  ) {
    super(nextStep === undefined ? what : `${what} ${nextStep}`, options);
  }

  /** Whether another attempt may succeed. */
  get retryable(): boolean {
    return this.failureType === 'transient_error';
  }

  get exitCode(): number {
    return failureDetailsByType[this.failureType].exitCode;
  }
}

export function isRollcallError(error: unknown): error is RollcallError {
  return error instanceof RollcallError;
}

/** The meaning of any error. One that Rollcall does not raise on purpose is a fault of Rollcall. */
export function toFailureDetails(error: unknown): FailureDetails {
  return readFailureDetails(isRollcallError(error) ? error : undefined);
}

/** A setting is invalid: in a file, on the command line or in the environment. Never contains a configured value. */
export class ConfigError extends RollcallError {
  readonly failureType = 'config_error';
  declare readonly nextStep: string;

  /** @param what what is wrong, without a final period */
  constructor(
    what: string,
    /** Path such as `credentials.client_secret`, a file, a flag or a variable; empty for the whole. */
    readonly where: string,
    nextStep: string,
    options?: ErrorOptions,
  ) {
    super(`${what}.`, nextStep, options);
  }
}
