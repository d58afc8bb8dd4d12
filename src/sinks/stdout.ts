import {
  createRecordFormatter,
  formatErrorLine,
  formatEstimateLine,
  formatRateLimitedLine,
  formatStateLine,
  formatStatusLine,
  type LogLevel,
} from '../airbyte/messages';
import type { Output } from '../airbyte/protocol-output';
import { buildState } from '../airbyte/stream-state';
import { createSerialQueue } from '../async';
import type { RunSummary, StreamState } from '../protocol';
import type { Staging } from '../staging/staging';
import { checkSequence, type LastDelivery } from './sequence';
import type { Delivery, Sink } from './sink';

/** A run's summary in words: a line for each stream and one for the run, of level WARN where something is incomplete. */
export function formatSummaryLog({
  run,
  status,
  verdict,
  streams,
}: RunSummary): { level: LogLevel; message: string }[] {
  const complete = streams.filter((each) => each.status === 'complete').length;
  const records = streams.reduce((sum, each) => sum + each.records, 0);
  const numbers = `${complete} of ${streams.length} streams complete, ${records} records`;
  return [
    ...streams.map((each) => ({
      level: toLogLevel(each.status),
      message: `${each.stream} (${formatCounts(each)}): ${each.verdict}`,
    })),
    { level: toLogLevel(status), message: `run ${run} (${numbers}): ${verdict}` },
  ];
}

function toLogLevel(status: string): LogLevel {
  return status === 'complete' ? 'INFO' : 'WARN';
}

/** The records, and whatever else was counted and is not zero (see SliceCounts). */
function formatCounts({ records, counts }: RunSummary['streams'][number]): string {
  const others = Object.entries(counts).filter(([, count]) => count > 0);
  return [`${records} records`, ...others.map(([name, count]) => `${count} ${name}`)].join(', ');
}

export interface StdoutSinkOptions {
  output: Output;
  staging: Staging;
  /** The states that the caller of the read passed in, by stream. */
  initialState: Readonly<Record<string, StreamState>>;
  /** The clock, epoch ms. */
  now?: () => number;
}

/** What has been said of a stream. */
interface StreamOutput {
  lastDelivery?: LastDelivery;
  started: boolean;
  running: boolean;
  stateWritten: boolean;
  /** Records since the last STATE, those of half-written steps included: whoever reads the pipe has counted them. */
  recordsSinceState: number;
}

/**
 * A sink that writes the Airbyte messages of one read. It delivers at least once: a step that failed midway is written
 * again as a whole.
 * Errors: BrokenPipe, StagingLost, StagingUnavailable, StaleDelivery, SequenceGap.
 */
export function createStdoutSink({ output, staging, initialState, now = Date.now }: StdoutSinkOptions): Sink {
  const states = new Map(Object.entries(initialState));
  const streams = new Map<string, StreamOutput>();
  const takeTurn = createSerialQueue();
  /** The newest run whose summary has been told. */
  let concluded = '';

  function toldOf(name: string): StreamOutput {
    const told = streams.get(name) ?? { started: false, running: false, stateWritten: false, recordsSinceState: 0 };
    streams.set(name, told);
    return told;
  }

  async function writeRecords({ stream, segments }: Delivery, told: StreamOutput): Promise<void> {
    const envelop = createRecordFormatter(stream);
    for (const segment of segments) {
      for await (const lines of staging.readLines(segment)) {
        if (!told.running) await output.write(formatStatusLine(stream, 'RUNNING', now()));
        told.running = true;
        for (const line of lines) {
          const taken = output.write(envelop(line));
          told.recordsSinceState += 1;
          if (taken) await taken;
        }
      }
    }
  }

  /** The platform takes a stream for complete only when a STATE came before COMPLETE. */
  function stateOf({ stream, status, state }: Delivery, told: StreamOutput): StreamState | undefined {
    if (state || status !== 'COMPLETE' || told.stateWritten) return state;
    return states.get(stream.name) ?? buildState({ records: told.recordsSinceState, finished: true });
  }

  async function write(delivery: Delivery): Promise<void> {
    const { stream, status, estimate, rateLimited, failure } = delivery;
    const told = toldOf(stream.name);
    if (checkSequence(delivery, told.lastDelivery) === 'duplicate') return;
    if (status === 'STARTED' && !told.started) await output.write(formatStatusLine(stream, status, now()));
    told.started ||= status === 'STARTED';
    if (estimate !== undefined) await output.write(formatEstimateLine(stream, estimate, now()));
    await writeRecords(delivery, told);
    if (rateLimited) {
      await output.write(formatRateLimitedLine(stream, rateLimited.until, now()));
      // The next records say that it goes on.
      told.running = false;
    }
    if (failure) {
      const { type, failureType, message } = failure;
      await output.write(formatErrorLine({ message, internalMessage: type, failureType, stream }, now()));
    }
    const state = stateOf(delivery, told);
    if (state) {
      await output.write(formatStateLine(stream, state, told.recordsSinceState));
      told.stateWritten = true;
      told.recordsSinceState = 0;
    }
    if (status === 'COMPLETE' || status === 'INCOMPLETE') await output.write(formatStatusLine(stream, status, now()));
    await output.flush();
    if (state) states.set(stream.name, state);
    told.lastDelivery = { run: delivery.run, sequence: delivery.sequence };
  }

  async function tell(summary: RunSummary): Promise<void> {
    if (summary.run <= concluded) return;
    for (const { level, message } of formatSummaryLog(summary)) output.log(level, message);
    await output.flush();
    concluded = summary.run;
  }

  return {
    loadState: () => Promise.resolve(Object.fromEntries(states)),
    deliver: (delivery, signal) => takeTurn(() => write(delivery), signal),
    writeSummary: (summary) => takeTurn(() => tell(summary)),
    close: () => takeTurn(() => output.flush()),
  };
}
