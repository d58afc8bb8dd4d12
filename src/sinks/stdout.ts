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
import { checkSequence, type LastDelivery } from './stream-ledger';
import type { Delivery, Sink } from './sink';

/** Formats a summary as one log line for each stream and one for the run; level WARN for what is incomplete. */
function formatSummaryLog(summary: RunSummary): { level: LogLevel; message: string }[] {
  const { run, status, verdict, streams } = summary;
  const complete = streams.filter((each) => each.status === 'complete').length;
  const records = streams.reduce((sum, each) => sum + each.records, 0);
  const totals = `${complete} of ${streams.length} streams complete, ${records} records`;
  return [
    ...streams.map((each) => ({
      level: toLogLevel(each.status),
      message: `${each.stream} (${formatCounts(each)}): ${each.verdict}`,
    })),
    { level: toLogLevel(status), message: `run ${run} (${totals}): ${verdict}` },
  ];
}

function toLogLevel(status: string): LogLevel {
  return status === 'complete' ? 'INFO' : 'WARN';
}

/** The records, and each count that is not zero (see FetchCounts). */
function formatCounts({ records, counts }: RunSummary['streams'][number]): string {
  const others = Object.entries(counts).filter(([, count]) => count > 0);
  return [`${records} records`, ...others.map(([name, count]) => `${count} ${name}`)].join(', ');
}

interface StdoutSinkOptions {
  output: Output;
  staging: Staging;
  /** The states that the caller of `read` passed, by stream. */
  initialState: Readonly<Record<string, StreamState>>;
  /** The clock, epoch ms. */
  now?: () => number;
}

/**
 * A sink that writes the Airbyte messages of one `read`. It delivers at least once: a delivery that failed midway is
 * written again as a whole.
 * Errors: BrokenPipe, StagingLost, StagingUnavailable, StaleDelivery, SequenceGap.
 */
export function createStdoutSink({ output, staging, initialState, now = Date.now }: StdoutSinkOptions): Sink {
  const streams = new Map<string, StreamWriter>();
  const runExclusive = createSerialQueue();
  /** The newest run whose summary was written. */
  let summarizedRun = '';

  async function writeDelivery(delivery: Delivery): Promise<void> {
    const { name } = delivery.stream;
    const writer = streams.get(name) ?? new StreamWriter(output, staging, now, initialState[name]);
    streams.set(name, writer);
    await writer.write(delivery);
  }

  async function logSummary(summary: RunSummary): Promise<void> {
    if (summary.run <= summarizedRun) return;
    for (const { level, message } of formatSummaryLog(summary)) output.log(level, message);
    await output.flush();
    summarizedRun = summary.run;
  }

  return {
    loadState() {
      const written = [...streams].flatMap(([name, { state }]) => (state ? [[name, state] as const] : []));
      return Promise.resolve({ ...initialState, ...Object.fromEntries(written) });
    },
    deliver: (delivery, signal) => runExclusive(() => writeDelivery(delivery), signal),
    writeSummary: (summary) => runExclusive(() => logSummary(summary)),
    close: () => runExclusive(() => output.flush()),
  };
}

/** Writes the messages of one stream. */
class StreamWriter {
  private lastDelivery: LastDelivery | undefined;
  private started = false;
  private running = false;
  private stateWritten = false;
  /** Records since the last STATE. Includes those of failed deliveries, because the reader counts them. */
  private recordsSinceState = 0;

  constructor(
    private readonly output: Output,
    private readonly staging: Staging,
    private readonly now: () => number,
    /** The newest state that the reader has: the one passed in, or the one last written. */
    public state: StreamState | undefined,
  ) {}

  async write(delivery: Delivery): Promise<void> {
    const { run, sequence, stream, status, estimate, rateLimited, failure } = delivery;
    if (checkSequence(delivery, this.lastDelivery) === 'duplicate') return;
    if (status === 'STARTED' && !this.started) await this.output.write(formatStatusLine(stream, status, this.now()));
    this.started ||= status === 'STARTED';
    if (estimate !== undefined) await this.output.write(formatEstimateLine(stream, estimate, this.now()));
    await this.writeRecords(delivery);
    if (rateLimited) {
      await this.output.write(formatRateLimitedLine(stream, rateLimited.until, this.now()));
      // The next records write RUNNING again.
      this.running = false;
    }
    if (failure) {
      const { type, failureType, message } = failure;
      await this.output.write(formatErrorLine({ message, internalMessage: type, failureType, stream }, this.now()));
    }
    const state = this.chooseState(delivery);
    if (state) await this.writeState(delivery, state);
    if (status === 'COMPLETE' || status === 'INCOMPLETE') {
      await this.output.write(formatStatusLine(stream, status, this.now()));
    }
    await this.output.flush();
    if (state) this.state = state;
    this.lastDelivery = { run, sequence };
  }

  private async writeRecords({ stream, segments }: Delivery): Promise<void> {
    const formatRecord = createRecordFormatter(stream);
    for (const segment of segments) {
      for await (const lines of this.staging.readLines(segment)) {
        if (!this.running) await this.output.write(formatStatusLine(stream, 'RUNNING', this.now()));
        this.running = true;
        for (const line of lines) {
          const written = this.output.write(formatRecord(line));
          this.recordsSinceState += 1;
          // Awaiting every line, instead of every full batch, would slow output down.
          if (written) await written;
        }
      }
    }
  }

  /** The Airbyte platform accepts COMPLETE only after a STATE. */
  private chooseState({ status, state }: Delivery): StreamState | undefined {
    if (state || status !== 'COMPLETE' || this.stateWritten) return state;
    return this.state ?? buildState({ records: this.recordsSinceState, finished: true });
  }

  private async writeState({ stream }: Delivery, state: StreamState): Promise<void> {
    await this.output.write(formatStateLine(stream, state, this.recordsSinceState));
    this.stateWritten = true;
    this.recordsSinceState = 0;
  }
}
