import { explainDiskError } from '../durable-fs';
import { RollcallError } from '../errors';

/** The destination's folder cannot be written or read now. */
export class DestinationUnavailable extends RollcallError {
  override readonly name = 'DestinationUnavailable';
  readonly failureType = 'transient_error';
  constructor(directory: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the destination ${directory} cannot be used: ${what}.`, nextStep, options);
  }
}

/** What the destination holds makes no sense to this version; nothing in it was changed. */
export class DestinationUnreadable extends RollcallError {
  override readonly name = 'DestinationUnreadable';
  readonly failureType = 'config_error';
  constructor(path: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`${path} ${what}; nothing was changed.`, nextStep, options);
  }
}

/** Does some disk work; errors of the system become DestinationUnavailable. */
export async function translateDiskErrors<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const trouble = explainDiskError(error);
    if (!trouble) throw error;
    throw new DestinationUnavailable(directory, trouble.what, trouble.nextStep, { cause: error });
  }
}
