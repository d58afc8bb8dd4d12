import { errorLine, estimateLine, rateLimitedLine, recordEnvelope, stateLine, statusLine } from '../airbyte/messages';
import type { Output } from '../airbyte/output';
import { buildState } from '../airbyte/state';
import type { Staging } from '../staging/staging';
import { placeStep, type HeldStep } from './fence';
import type { Delivery, RunSummary, Sink, StreamState } from './sink';
import { summaryLog } from './summary-log';
import { createTurns } from './turns';

export interface StdoutSinkOptions {
  output: Output;
  staging: Staging;
  /** The states that the caller of the read passed in, by stream. */
  initialState: Readonly<Record<string, StreamState>>;
  /** The clock, epoch ms. */
  now?: () => number;
}

/** What has been said of a stream. */
interface Told {
  held?: HeldStep;
  started: boolean;
  running: boolean;
  stated: boolean;
  /** Records since the last STATE, those of half-written steps included: whoever reads the pipe has counted them. */
  uncovered: number;
}

/**
 * A sink that writes the Airbyte messages of one read. It delivers at least once: a step that failed midway is written
 * again as a whole.
 * Errors: BrokenPipe, StagingLost, StagingUnavailable, StaleDelivery, StepsMissing.
 */
export function createStdoutSink({ output, staging, initialState, now = Date.now }: StdoutSinkOptions): Sink {
  const states = new Map(Object.entries(initialState));
  const streams = new Map<string, Told>();
  const takeTurn = createTurns();
  /** The newest run whose summary has been told. */
  let concluded = '';

  function toldOf(name: string): Told {
    const told = streams.get(name) ?? { started: false, running: false, stated: false, uncovered: 0 };
    streams.set(name, told);
    return told;
  }

  async function writeRecords({ stream, segments }: Delivery, told: Told): Promise<void> {
    const envelop = recordEnvelope(stream);
    for (const segment of segments) {
      for await (const lines of staging.lines(segment)) {
        if (!told.running) await output.write(statusLine(stream, 'RUNNING', now()));
        told.running = true;
        for (const line of lines) {
          const taken = output.write(envelop(line));
          told.uncovered += 1;
          if (taken) await taken;
        }
      }
    }
  }

  /** The platform takes a stream for complete only when a STATE came before COMPLETE. */
  function stateOf({ stream, status, state }: Delivery, told: Told): StreamState | undefined {
    if (state || status !== 'COMPLETE' || told.stated) return state;
    return states.get(stream.name) ?? buildState({ records: told.uncovered, finished: true });
  }

  async function write(delivery: Delivery): Promise<void> {
    const { stream, status, estimate, rateLimited, failure } = delivery;
    const told = toldOf(stream.name);
    if (placeStep(delivery, told.held) === 'taken') return;
    if (status === 'STARTED' && !told.started) await output.write(statusLine(stream, status, now()));
    told.started ||= status === 'STARTED';
    if (estimate !== undefined) await output.write(estimateLine(stream, estimate, now()));
    await writeRecords(delivery, told);
    if (rateLimited) {
      await output.write(rateLimitedLine(stream, rateLimited.until, now()));
      // The next records say that it goes on.
      told.running = false;
    }
    if (failure) {
      const { type, kind, message } = failure;
      await output.write(errorLine({ message, internalMessage: type, failureType: kind, stream }, now()));
    }
    const state = stateOf(delivery, told);
    if (state) {
      await output.write(stateLine(stream, state, told.uncovered));
      told.stated = true;
      told.uncovered = 0;
    }
    if (status === 'COMPLETE' || status === 'INCOMPLETE') await output.write(statusLine(stream, status, now()));
    await output.flush();
    if (state) states.set(stream.name, state);
    told.held = { run: delivery.run, sequence: delivery.sequence };
  }

  async function tell(summary: RunSummary): Promise<void> {
    if (summary.run <= concluded) return;
    for (const { level, message } of summaryLog(summary)) output.log(level, message);
    await output.flush();
    concluded = summary.run;
  }

  return {
    loadState: () => Promise.resolve(Object.fromEntries(states)),
    deliver: (delivery, signal) => takeTurn(() => write(delivery), signal),
    conclude: (summary) => takeTurn(() => tell(summary)),
    close: () => takeTurn(() => output.flush()),
  };
}
