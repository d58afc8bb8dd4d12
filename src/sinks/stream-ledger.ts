import { RollcallError } from '../errors';
import type { ConfiguredStream, StreamState } from '../protocol';
import { StaleDelivery, type Delivery } from './sink';

/** The newest delivery of a stream that a destination has taken. */
export interface LastDelivery {
  run: string;
  sequence: number;
}

/** The delivery before this one never arrived, so its records are missing at the destination. */
export class SequenceGap extends RollcallError {
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

/** What a destination knows of a set of records; each destination adds what it needs to find them. */
export interface LedgerContent {
  /** Covers exactly these records. */
  state?: StreamState;
}

/**
 * What a destination records of one stream. Files keep it as `manifest.json`, Postgres as a row of `_rollcall_streams`.
 *
 * | event                     | append mode                  | overwrite mode                                  |
 * | ------------------------- | ---------------------------- | ----------------------------------------------- |
 * | first delivery of a run   | `runNumber` + 1              | `runNumber` + 1, `pending` starts empty         |
 * | delivery                  | extends `current`            | extends `pending`                               |
 * | last delivery, COMPLETE   | extends it, `complete`       | `pending` becomes `current`, `generation` + 1   |
 * | last delivery, INCOMPLETE | extends `current`            | `pending` is dropped                            |
 */
export interface Ledger<Content extends LedgerContent> extends LastDelivery {
  /** Number of the newest run among the runs of this stream: 1 for the first, 0 before it. */
  runNumber: number;
  /** How often a complete run has replaced the records. */
  generation: number;
  /** The current records are a complete copy: the newest run that wrote them has read the stream to its end. */
  complete: boolean;
  current: Content;
  /** What a run in overwrite mode has delivered so far. */
  pending?: Content;
}

/** The ledger of a stream without a delivery. */
export function createLedger<Content extends LedgerContent>(current: Content): Ledger<Content> {
  return { run: '', sequence: -1, runNumber: 0, generation: 0, complete: false, current };
}

/** The ledger once the delivery's run has started. Drops what an interrupted run left in `pending`. */
export function beginRun<Content extends LedgerContent>(
  ledger: Ledger<Content>,
  { run, stream }: Delivery,
  empty: Content,
): Ledger<Content> {
  if (ledger.run === run) return ledger;
  const { pending: _, ...stored } = ledger;
  const replaces = replacesExistingRows(stream);
  return {
    ...stored,
    run,
    sequence: -1,
    runNumber: stored.runNumber + 1,
    complete: replaces && stored.complete,
    ...(replaces && { pending: empty }),
  };
}

/**
 * The ledger after a delivery.
 * @param ledger as `beginRun` returns it
 * @param append adds the delivery's records to a content
 */
export function takeDelivery<Content extends LedgerContent>(
  ledger: Ledger<Content>,
  { stream, sequence, status, state }: Delivery,
  append: (content: Content) => Content = (content) => content,
): Ledger<Content> {
  const { pending, ...stored } = ledger;
  if (!pending && replacesExistingRows(stream)) {
    throw new Error(`received a delivery of ${stream.name} after the end of its run`);
  }
  const taken = { ...stored, sequence };
  const extended = append(pending ?? stored.current);
  const content = state ? { ...extended, state } : extended;
  if (!pending) return { ...taken, current: content, complete: stored.complete || status === 'COMPLETE' };
  if (status === 'COMPLETE') {
    return { ...taken, current: content, complete: true, generation: stored.generation + 1 };
  }
  return status === 'INCOMPLETE' ? taken : { ...taken, pending: content };
}

/**
 * The ledger after a user has set or removed the state. Later deliveries of the newest run are stale, those of a new run
 * are not: the new run id sorts behind the id of the newest run and before every run that starts later.
 */
export function replaceState<Content extends LedgerContent>(
  ledger: Ledger<Content>,
  state: StreamState | null,
): Ledger<Content> {
  const current = { ...ledger.current };
  delete current.state;
  const run = ledger.run === '' ? '' : `${ledger.run}+`;
  return { ...ledger, run, current: state ? { ...current, state } : current };
}

/** Whether a complete run replaces the records of earlier runs (Airbyte's `overwrite` and `overwrite_dedup`). */
export function replacesExistingRows({ destinationSyncMode }: ConfiguredStream): boolean {
  return destinationSyncMode.startsWith('overwrite');
}
