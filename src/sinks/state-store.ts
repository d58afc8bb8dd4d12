import type { StreamState } from '../protocol';

/** Where a stream stands at a destination. */
export interface StoredState {
  stream: string;
  namespace?: string;
  /** The newest run that wrote to it; empty when none has. */
  run: string;
  state?: StreamState;
}

/**
 * The states that a durable destination holds, for people to look at and to change between two runs. What the destination
 * holds of rows stays. Implementations keep these, and `test/contract/state-keeper.ts` proves them for each:
 * - a state is changed whole or not at all, and the next run is given it;
 * - streams that are not named stay as they are;
 * - a run that was under way can deliver nothing more to a stream whose state was changed: what it holds in its hands does
 *   not fit any more. Runs that begin afterwards can.
 */
export interface StateStore {
  read(): Promise<StoredState[]>;
  /** Changes states by stream; null: none any more, so that the next run reads from the beginning. */
  update(changes: Readonly<Record<string, StreamState | null>>): Promise<void>;
  close(): Promise<void>;
}

/** A name for the newest writer that sorts behind the given run, and before every run that begins later. */
export function buildSupersedingRunId(run: string): string {
  return run === '' ? '' : `${run}+`;
}
