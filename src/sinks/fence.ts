import { StaleDelivery, type Delivery } from './sink';

/** The newest step of a stream that a destination has taken. */
export interface HeldStep {
  run: string;
  sequence: number;
}

/** A step came, but not the one before it: what that one brought is not at the destination. */
export class StepsMissing extends Error {
  override readonly name = 'StepsMissing';
  constructor(delivery: Delivery, expected: number) {
    super(
      `step ${delivery.sequence} of ${delivery.stream.name} came where step ${expected} was due: what was delivered ` +
        'before is not at the destination any more; nothing was written. Run the sync again.',
    );
  }
}

/**
 * Tells whether a step is the next one or has been taken already.
 * @throws StaleDelivery for a step of an older run or with an older sequence, StepsMissing for one too far ahead
 */
export function placeStep(delivery: Delivery, held: HeldStep | undefined): 'next' | 'taken' {
  const { run, sequence } = delivery;
  if (held && (run < held.run || (run === held.run && sequence < held.sequence))) {
    throw new StaleDelivery(delivery, held);
  }
  if (held?.run === run && sequence === held.sequence) return 'taken';
  const expected = held?.run === run ? held.sequence + 1 : 0;
  if (sequence !== expected) throw new StepsMissing(delivery, expected);
  return 'next';
}
