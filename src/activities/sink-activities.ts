import { CancelledFailure, Context } from '@temporalio/activity';
import type { RunSummary, StreamState } from '../protocol';
import type { Delivery, Sink } from '../sinks/sink';
import type { Staging } from '../staging/staging';
import { isRetryable, toActivityFailure } from './activity-failure';
import { withHeartbeats } from './heartbeat';

export interface SinkDeps {
  /** The destination of a connection; the same object each time. */
  getSink(connection: string): Promise<Sink>;
  staging: Pick<Staging, 'remove'>;
}

export interface SinkActivities {
  /** Where a connection's destination stands: the newest state of each stream. */
  loadState(input: { connection: string }): Promise<Record<string, StreamState>>;
  /** Makes one step durable at the destination, then answers. Safe to repeat. */
  deliver(input: { connection: string; delivery: Delivery }): Promise<void>;
  /** Hands the run's summary to the destination, once all is delivered. Safe to repeat. */
  conclude(input: { connection: string; summary: RunSummary }): Promise<void>;
}

/** Attempts that the destination, or staging, has failed; heartbeated, so that the next attempt knows. */
interface DeliveryAttempts {
  failures: number;
}

/** Failed attempts after which a step is given up. One that was cut off, killed with its process, is none. */
const maxAttempts = 5;

/** The activities of a process that can write to destinations. */
export function createSinkActivities(deps: SinkDeps): SinkActivities {
  async function atSink<Result>(connection: string, work: (sink: Sink) => Promise<Result>): Promise<Result> {
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
    loadState: ({ connection }) => atSink(connection, (sink) => sink.loadState()),
    deliver: ({ connection, delivery }) =>
      atSink(connection, async (sink) => {
        await sink.deliver(delivery, Context.current().cancellationSignal);
        // A repeat of the step is answered without them.
        await deps.staging.remove(delivery.segments);
      }),
    conclude: ({ connection, summary }) =>
      atSink(connection, (sink) =>
        // A pipe that nobody reads any more must not keep the process from ending.
        Promise.race([sink.writeSummary(summary), Context.current().cancelled]),
      ),
  };
}
