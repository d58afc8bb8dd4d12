import { translateErrors } from '../durable-fs';
import { RollcallError } from '../errors';
import type { ConfiguredStream, RunSummary, StreamFailure, StreamState } from '../protocol';
import type { Segment } from '../staging/segment';

/**
 * A part of one stream on its way to the destination. The deliveries of a stream and run are numbered from 0 without
 * gaps. Within a delivery the order is: STARTED, records, failure, state, then COMPLETE or INCOMPLETE.
 */
export interface Delivery {
  /** Sorts by start: a later run of a connection has a greater id. */
  run: string;
  stream: ConfiguredStream;
  sequence: number;
  status?: 'STARTED' | 'COMPLETE' | 'INCOMPLETE';
  segments: Segment[];
  /** Covers everything up to and including this delivery. */
  state?: StreamState;
  failure?: StreamFailure;
  /** The tenant's rate limit blocks the stream, until this time (epoch ms) when it is known. */
  rateLimited?: { until?: number };
  /** Estimated records of the stream in this run. */
  estimate?: number;
}

/**
 * A destination. Each implementation satisfies `test/support/contract/sink.ts`:
 * - the records of a delivery precede its state and come in the order of its segments;
 * - a delivery is durable when `deliver` resolves;
 * - a repeated delivery (same run, stream and sequence) has no effect;
 * - a delivery of an older run, or with an older sequence, is refused with StaleDelivery;
 * - an `overwrite` stream replaces the previous records only at COMPLETE.
 */
export interface Sink {
  /** The newest stored state of each stream, by name. */
  loadState(): Promise<Record<string, StreamState>>;
  /** `signal` aborts the wait for a blocked pipe; a delivery that is being written is finished. */
  deliver(delivery: Delivery, signal?: AbortSignal): Promise<void>;
  /** Stores the summary after a run's last delivery. Idempotent; ignores the summary of a run older than the stored one. */
  writeSummary(summary: RunSummary): Promise<void>;
  close(): Promise<void>;
}

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

/** The destination cannot be read or written at the moment. */
export class DestinationUnavailable extends RollcallError {
  readonly failureType = 'transient_error';
  constructor(destination: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the destination ${destination} cannot be used: ${what}.`, nextStep, options);
  }
}

/** Runs work on the destination's folder. Errors of the file system become DestinationUnavailable. */
export function translateDiskErrors<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  return translateErrors(directory, DestinationUnavailable, work);
}

/** The delivery comes from an attempt that has lost its lease, or from an older run. */
export class StaleDelivery extends RollcallError {
  readonly failureType = 'system_error';
  constructor(delivery: Delivery, last: { run: string; sequence: number }) {
    super(
      `delivery ${delivery.sequence} of ${delivery.stream.name} (run ${delivery.run}) is older than delivery ${last.sequence} (run ${last.run}); nothing was written`,
    );
  }
}
