import { CancelledFailure, Context } from '@temporalio/activity';
import type { RunSummary, StreamSelection } from '../protocol';
import type { Delivery, Sink } from '../sinks/sink';
import type { Staging } from '../staging/staging';
import { configureStream } from '../streams/registry';
import { type SavedState, toSavedState } from '../streams/resume-point';
import { isRetryable, toActivityFailure, withHeartbeats } from './activity-attempt';

export interface SinkDeps {
  /** The destination of a connection; the same object on each call. */
  getSink(connection: string): Promise<Sink>;
  staging: Pick<Staging, 'remove'>;
}

/** A delivery as it is kept in the workflow's history, without the stream's schema. */
export interface DeliveryInput extends Omit<Delivery, 'stream'> {
  stream: StreamSelection;
}

export interface SinkActivities {
  /** The newest state of each stream at the connection's destination, with its resume point checked. */
  loadState(input: { connection: string }): Promise<Record<string, SavedState>>;
  /** Resolves when the delivery is durable at the destination. Safe to repeat. */
  deliver(input: { connection: string; delivery: DeliveryInput }): Promise<void>;
  /** Writes the run's summary, after its last delivery. Safe to repeat. */
  conclude(input: { connection: string; summary: RunSummary }): Promise<void>;
}

/** Heartbeated for the next attempt. */
interface DeliveryAttempts {
  /** Attempts that failed at the destination or at staging. */
  failures: number;
}

/** Failed attempts after which a delivery fails. An attempt that ends with its process does not count. */
const maxAttempts = 5;

/** The activities of a process that writes to destinations. */
export function createSinkActivities(deps: SinkDeps): SinkActivities {
  async function runAtSink<Result>(connection: string, work: (sink: Sink) => Promise<Result>): Promise<Result> {
    const context = Context.current();
    const { failures } = (context.info.heartbeatDetails as DeliveryAttempts | undefined) ?? { failures: 0 };
    try {
      return await withHeartbeats(
        (): DeliveryAttempts => ({ failures }),
        async () => work(await deps.getSink(connection)),
      );
    } catch (error) {
      if (error instanceof CancelledFailure) throw error;
      context.heartbeat({ failures: failures + 1 } satisfies DeliveryAttempts);
      throw toActivityFailure(error, isRetryable(error) && failures + 1 >= maxAttempts);
    }
  }
  return {
    loadState: ({ connection }) =>
      runAtSink(connection, async (sink) => {
        const states = Object.entries(await sink.loadState());
        return Object.fromEntries(states.map(([stream, state]) => [stream, toSavedState(state)]));
      }),
    deliver: ({ connection, delivery }) =>
      runAtSink(connection, async (sink) => {
        const stream = configureStream(delivery.stream);
        await sink.deliver({ ...delivery, stream }, Context.current().cancellationSignal);
        // A repeated delivery needs no segments.
        await deps.staging.remove(delivery.segments);
      }),
    conclude: ({ connection, summary }) =>
      runAtSink(connection, (sink) =>
        // A pipe that its reader has abandoned must not keep the process alive.
        Promise.race([sink.writeSummary(summary), Context.current().cancelled]),
      ),
  };
}
