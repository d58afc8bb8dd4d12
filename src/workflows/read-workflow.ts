import { continueAsNew, setHandler } from '@temporalio/workflow';
import { defined } from '../json';
import type { StreamSelection, StreamState } from '../protocol';
import { proxyFetchActivity, proxySinkActivities } from './activity-proxies';
import {
  type AuditPart,
  pauseSignal,
  type PlannedStream,
  type ReadInput,
  resumeSignal,
  type StreamProgress,
  streamProgressQuery,
  type StreamResult,
} from './contract';
import { FetchScheduler } from './fetch-scheduler';
import { describePauses, type Pause, PauseLock } from './pause-lock';
import { createProgressPublisher } from './progress';
import { StreamRun, type StreamRunSnapshot } from './stream-delivery';
import { requireComplete } from './sync-outcome';

/** What the workflow passes to itself when it continues as new. */
export interface Continuation<State> {
  readState: State;
  streams: StreamRunSnapshot[];
  fetches: number;
  pauses: readonly Pause[];
}

/** What a reader works with. */
export interface ReaderContext {
  input: ReadInput;
  /** One for each stream of the input, in the same order. */
  streams: readonly StreamRun[];
  scheduler: FetchScheduler;
  /** Called when there is something new to show. */
  onChange(): void;
}

/** Reads the streams of one workflow. */
export interface StreamReader<State> {
  /** How far it has read. JSON: it is carried through continue-as-new. */
  readonly readState: State;
  /** Reads until all is read or `scheduler.shouldStop`. A failure ends the streams that it concerns. */
  read(): Promise<void>;
  /** Whether all streams that have not failed are read completely. */
  readonly isDone: boolean;
  /** Requests still to be made for a stream; undefined while unknown. Requests for several streams count for one of them. */
  countRequestsLeft(stream: StreamRun): number | undefined;
  /** The state of a stream after `records` records. */
  buildStreamState(stream: StreamRun, records: number): StreamState;
  buildAudit(stream: StreamRun): AuditPart[];
}

/** The selection in a planned stream: a delivery repeats it, so the rest would only lengthen the history. */
function pickSelection(stream: PlannedStream): StreamSelection {
  const { name, syncMode, destinationSyncMode, namespace, syncId, generationId, minimumGenerationId } = stream;
  return { name, syncMode, destinationSyncMode, ...defined({ namespace, syncId, generationId, minimumGenerationId }) };
}

/** A workflow that reads streams and delivers them: its handlers, its streams, and its continuation as new. */
class ReadWorkflow<State> {
  private readonly streams: StreamRun[];
  private readonly pauseLock: PauseLock;
  private readonly scheduler: FetchScheduler;
  private readonly publishProgress: (progress: StreamProgress[]) => void;
  private reader: StreamReader<State> | undefined;

  constructor(
    private readonly input: ReadInput,
    private readonly continuation: Continuation<State> | undefined,
  ) {
    const { deliver } = proxySinkActivities(input);
    this.streams = input.streams.map(
      (stream, index) => new StreamRun(pickSelection(stream), input.run, deliver, continuation?.streams[index]),
    );
    this.pauseLock = new PauseLock(continuation?.pauses);
    this.scheduler = new FetchScheduler({
      fetchPages: proxyFetchActivity(input, this.pauseLock),
      limits: input.limits,
      streams: this.streams,
      fetches: continuation?.fetches ?? 0,
      onChange: () => this.showProgress(),
    });
    const startedAt = Math.min(...this.streams.map((stream) => stream.startedAt));
    this.publishProgress = createProgressPublisher(input, startedAt);
    setHandler(streamProgressQuery, () => this.toProgress());
    setHandler(pauseSignal, (pause) => {
      this.pauseLock.pause(pause);
      this.showProgress();
    });
    setHandler(resumeSignal, (source) => {
      this.pauseLock.resume(source);
      this.showProgress();
    });
  }

  async run(createReader: CreateReader<State>): Promise<StreamResult[]> {
    const { input, streams, scheduler } = this;
    const reader = createReader(
      { input, streams, scheduler, onChange: () => this.showProgress() },
      this.continuation?.readState,
    );
    this.reader = reader;
    await reader.read();
    if (reader.isDone) {
      for (const stream of streams.filter(({ isOpen }) => isOpen)) {
        stream.complete([], (records) => reader.buildStreamState(stream, records));
      }
    }
    await Promise.all(streams.map((stream) => stream.drained()));
    this.showProgress();
    if (streams.some(({ isOpen }) => isOpen)) await this.continueAsNew(reader.readState);
    const results = streams.map((stream) => stream.toResult(reader.buildAudit(stream)));
    return requireComplete(results, results);
  }

  private async continueAsNew(readState: State): Promise<void> {
    type Next = (input: ReadInput, continuation: Continuation<State>) => Promise<StreamResult[]>;
    await continueAsNew<Next>(this.input, {
      readState,
      streams: this.streams.map((stream) => stream.toSnapshot()),
      fetches: this.scheduler.fetches,
      pauses: this.pauseLock.pauses,
    });
  }

  private toProgress(): StreamProgress[] {
    const pauseReason = describePauses(this.pauseLock.pauses);
    return this.streams.map((stream) => stream.toProgress(this.reader?.countRequestsLeft(stream), pauseReason));
  }

  private showProgress(): void {
    this.publishProgress(this.toProgress());
  }
}

type CreateReader<State> = (context: ReaderContext, readState: State | undefined) => StreamReader<State>;

/**
 * Reads the streams of a workflow to their end, or until it continues as new. Throws the results as an Incomplete failure
 * when a stream is incomplete.
 */
export function runReadWorkflow<State>(
  input: ReadInput,
  continuation: Continuation<State> | undefined,
  createReader: CreateReader<State>,
): Promise<StreamResult[]> {
  return new ReadWorkflow(input, continuation).run(createReader);
}
