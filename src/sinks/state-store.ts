import type { StreamState } from '../protocol';

/** The state of one stream, as a destination stores it. */
export interface StoredState {
  stream: string;
  namespace?: string;
  /** The newest run that wrote to the stream; empty when none has. */
  run: string;
  state?: StreamState;
}

/**
 * The states of a durable destination, for commands that show and change them between runs. Records are not changed.
 * Each implementation satisfies `test/support/contract/state-store.ts`:
 * - a state is changed completely or not at all, and the next run starts from it;
 * - the states of other streams do not change;
 * - a run in progress cannot deliver to a stream after its state was changed, because its position no longer matches.
 *   A run that starts later can.
 */
export interface StateStore {
  read(): Promise<StoredState[]>;
  /** Sets states by stream. Null removes the state: the next run reads the stream from the beginning. */
  update(changes: Readonly<Record<string, StreamState | null>>): Promise<void>;
  close(): Promise<void>;
}
