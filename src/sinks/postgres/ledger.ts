import type { ConfiguredStream, StreamState } from '../../protocol';
import type { LastDelivery } from '../sequence';
import type { Delivery } from '../sink';

/** Where a stream stands at the destination: its row in `_rollcall_streams`. */
export interface LedgerEntry extends LastDelivery {
  /** Number of the run among those of the stream, from 1; 0 before the first. */
  runNumber: number;
  /** Generation of the rows that count: the overwrites so far. */
  generation: number;
  /** The rows are a whole copy: a run that read the stream to its end has brought them. */
  complete: boolean;
  /** What the rows stand for. */
  state?: StreamState;
  /** There while an overwriting run builds the next generation in a table beside. */
  pending?: { state?: StreamState };
}

export const emptyLedgerEntry: LedgerEntry = { run: '', sequence: -1, runNumber: 0, generation: 0, complete: false };

/** The entry once the delivery's run has begun. What an older run left unfinished is dropped. */
export function beginLedgerRun({ pending, ...held }: LedgerEntry, { run, stream }: Delivery): LedgerEntry {
  if (held.run === run) return { ...held, ...(pending && { pending }) };
  const replaces = replacesExistingRows(stream);
  return {
    ...held,
    run,
    sequence: -1,
    runNumber: held.runNumber + 1,
    complete: replaces && held.complete,
    ...(replaces && { pending: {} }),
  };
}

/** The entry, begun by `beginRun`, after a step. Without `next` where there was one, the next generation has ended. */
export function applyDeliveryToLedger(
  { pending, ...begun }: LedgerEntry,
  { sequence, status, ...delivery }: Delivery,
): LedgerEntry {
  const { stream } = delivery;
  if (!pending && replacesExistingRows(stream))
    throw new Error(`received a delivery of ${stream.name} after the end of its run`);
  const taken = { ...begun, sequence };
  const state = delivery.state ?? (pending ?? begun).state;
  if (!pending) return { ...taken, complete: begun.complete || status === 'COMPLETE', ...(state && { state }) };
  switch (status) {
    case 'COMPLETE':
      return { ...omitState(taken), generation: begun.generation + 1, complete: true, ...(state && { state }) };
    case 'INCOMPLETE':
      return taken;
    default:
      return { ...taken, pending: state ? { state } : {} };
  }
}

export function omitState({ state: _, ...entry }: LedgerEntry): LedgerEntry {
  return entry;
}

/** Airbyte's modes: whether a run replaces what the destination held. */
export function replacesExistingRows({ destinationSyncMode }: ConfiguredStream): boolean {
  return destinationSyncMode.startsWith('overwrite');
}

/** Whether an object stands only once in the table. */
export function deduplicatesRows({ destinationSyncMode }: ConfiguredStream): boolean {
  return destinationSyncMode.endsWith('dedup');
}
