import { translateErrors } from '../durable-fs';
import { RollcallError } from '../errors';

/** The destination cannot be read or written at the moment. */
export class DestinationUnavailable extends RollcallError {
  readonly failureType = 'transient_error';
  constructor(destination: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the destination ${destination} cannot be used: ${what}.`, nextStep, options);
  }
}

/** This version cannot read a file of the destination. Nothing was changed. */
export class DestinationUnreadable extends RollcallError {
  readonly failureType = 'config_error';
  constructor(path: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`${path} ${what}; nothing was changed.`, nextStep, options);
  }
}

/** Runs work on the destination's folder. Errors of the file system become DestinationUnavailable. */
export function translateDiskErrors<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  return translateErrors(
    work,
    ({ what, nextStep }, options) => new DestinationUnavailable(directory, what, nextStep, options),
  );
}
