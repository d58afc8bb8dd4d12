import { explainDiskError } from './disk-trouble';
import type { Segment } from './segment';

/** A segment that a slice made durable is not there any more, or not whole. */
export class StagingLost extends Error {
  override readonly name = 'StagingLost';
  constructor(segment: Segment, what: string) {
    super(
      `the staged segment ${segment.file} ${what}. Staging has to be one folder that all workers of the task queue ` +
        'share, and nothing else may delete from it while a sync runs. See to that, then run the sync again.',
    );
  }
}

/** The staging folder cannot be written or read now. */
export class StagingUnavailable extends Error {
  override readonly name = 'StagingUnavailable';
  constructor(root: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the staging folder ${root} cannot be used: ${what}. ${nextStep}`, options);
  }
}

/** Does some disk work; errors of the system become StagingUnavailable. */
export async function translateStagingErrors<Result>(root: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const trouble = explainDiskError(error);
    if (!trouble) throw error;
    throw new StagingUnavailable(root, trouble.what, trouble.nextStep, { cause: error });
  }
}
