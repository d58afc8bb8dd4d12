import { RollcallError } from '../errors';
import { StaleDelivery, type Delivery } from './sink';

/** The newest delivery of a stream that a destination has taken. */
export interface LastDelivery {
  run: string;
  sequence: number;
}

/** The delivery before this one never arrived, so its records are missing at the destination. */
export class SequenceGap extends RollcallError {
  override readonly name = 'SequenceGap';
  readonly failureType = 'system_error';
  constructor(delivery: Delivery, expected: number) {
    super(
      `delivery ${delivery.sequence} of ${delivery.stream.name} arrived, but delivery ${expected} was expected: earlier ` +
        'deliveries are missing at the destination. Nothing was written.',
      'Run the sync again.',
    );
  }
}

/**
 * Returns whether a delivery is the next one or a repetition of the last one.
 * @throws StaleDelivery for a delivery of an older run or with an older sequence; SequenceGap when one is missing before it
 */
export function checkSequence(delivery: Delivery, last: LastDelivery | undefined): 'next' | 'duplicate' {
  const { run, sequence } = delivery;
  if (last && (run < last.run || (run === last.run && sequence < last.sequence))) {
    throw new StaleDelivery(delivery, last);
  }
  if (last?.run === run && sequence === last.sequence) return 'duplicate';
  const expected = last?.run === run ? last.sequence + 1 : 0;
  if (sequence !== expected) throw new SequenceGap(delivery, expected);
  return 'next';
}
