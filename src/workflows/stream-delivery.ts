import { condition, isCancellation } from '@temporalio/workflow';
import type { Pace } from '../activities/fetch-contract';
import type { StreamSelection, FetchCounts, StreamFailure, StreamState } from '../protocol';
import type { DeliveryInput } from '../activities/sink-activities';
import { countRecords, type Segment } from '../staging/segment';
import { addCounts, zeroCounts } from '../streams/counts';
import type { Deliver } from './activity-proxies';
import type { AuditPart, StreamProgress, StreamResult } from './contract';
import { formatStreamVerdict, toStreamFailure } from './sync-outcome';

/** What a caller provides; the queue adds run, stream and sequence. */
export type PendingDelivery = Omit<DeliveryInput, 'run' | 'stream' | 'sequence'>;

/** Progress of a stream's deliveries; carried through continue-as-new. */
export interface DeliveryPosition {
  /** Sequence number of the next delivery. */
  nextSequence: number;
  /** Records durable at the destination. */
  durableRecords: number;
}

export const initialDeliveryPosition: Readonly<DeliveryPosition> = { nextSequence: 0, durableRecords: 0 };

/** Deliveries that wait behind a running one are sent as one, unless the first one ends the stream or reports a failure. */
function mergeDeliveries(first: PendingDelivery, second: PendingDelivery): PendingDelivery | undefined {
  const status = first.status ?? second.status;
  if (first.failure || (first.status && (second.status || first.status !== 'STARTED'))) return undefined;
  return { ...first, ...second, ...(status && { status }), segments: [...first.segments, ...second.segments] };
}

/** Delivers one stream to the destination: one delivery at a time, in order, while fetches run ahead as far as `waitForCapacity` allows. */
export class DeliveryQueue {
  /** Records enqueued, delivered or not. */
  enqueuedRecords: number;
  private readonly pending: PendingDelivery[] = [];
  private running = false;
  private error: Error | undefined;

  constructor(
    private readonly run: string,
    readonly stream: StreamSelection,
    private readonly deliver: Deliver,
    readonly position: DeliveryPosition,
  ) {
    this.enqueuedRecords = position.durableRecords;
  }

  enqueue(delivery: PendingDelivery): void {
    this.enqueuedRecords += countRecords(delivery.segments);
    const last = this.pending.pop();
    const merged = last && mergeDeliveries(last, delivery);
    if (merged) this.pending.push(merged);
    else this.pending.push(...(last ? [last, delivery] : [delivery]));
    if (!this.running && this.error === undefined) void this.deliverPending();
  }

  /** Resolves when no delivery waits behind the running one: a reader stays at most one fetch ahead. Throws a delivery's error. */
  async waitForCapacity(): Promise<void> {
    await condition(() => this.pending.length === 0 || this.error !== undefined);
    if (this.error !== undefined) throw this.error;
  }

  /** Resolves when every delivery is durable. Throws a delivery's error. */
  async drained(): Promise<void> {
    await condition(() => !this.running);
    if (this.error !== undefined) throw this.error;
  }

  private async deliverPending(): Promise<void> {
    this.running = true;
    try {
      for (let next = this.pending.shift(); next; next = this.pending.shift()) {
        await this.deliver({ run: this.run, stream: this.stream, sequence: this.position.nextSequence, ...next });
        this.position.nextSequence += 1;
        this.position.durableRecords += countRecords(next.segments);
      }
    } catch (error) {
      this.error = error as Error;
    } finally {
      this.running = false;
    }
  }
}

/** What a run knows of a stream; docs/spec.md has the table with the deliveries. */
type StreamStatus = 'running' | 'complete' | 'incomplete';
type StreamEvent = 'allFetched' | 'fetchFailed' | 'deliveryFailed';

/** An event that changes nothing maps to the status itself. */
export const streamTransitions: Readonly<Record<StreamStatus, Readonly<Record<StreamEvent, StreamStatus>>>> = {
  running: { allFetched: 'complete', fetchFailed: 'incomplete', deliveryFailed: 'incomplete' },
  // What the destination did not take is not copied, even if it was fetched.
  complete: { allFetched: 'complete', fetchFailed: 'complete', deliveryFailed: 'incomplete' },
  incomplete: { allFetched: 'incomplete', fetchFailed: 'incomplete', deliveryFailed: 'incomplete' },
};

/** A stream as it is carried through continue-as-new. */
export interface StreamRunSnapshot {
  position: DeliveryPosition;
  counts: FetchCounts;
  status: StreamStatus;
  failure?: StreamFailure;
  /** Epoch ms. */
  startedAt: number;
  /** Whether the destination knows how many records to expect. */
  estimateSent?: boolean;
}

/** One stream of a run: its counts, its status, and its deliveries. */
export class StreamRun {
  private status: StreamStatus;
  private counts: FetchCounts;
  private failure: StreamFailure | undefined;
  private waitingUntil: number | undefined;
  private pace: Pace | undefined;
  private estimatedRecords: number | undefined;
  private estimateSent: boolean;
  /** Epoch ms. */
  readonly startedAt: number;
  private readonly queue: DeliveryQueue;

  constructor(
    readonly stream: StreamSelection,
    run: string,
    deliver: Deliver,
    carried?: StreamRunSnapshot,
  ) {
    this.queue = new DeliveryQueue(run, stream, deliver, { ...(carried?.position ?? initialDeliveryPosition) });
    this.status = carried?.status ?? 'running';
    this.counts = carried?.counts ?? { ...zeroCounts };
    this.failure = carried?.failure;
    this.startedAt = carried?.startedAt ?? Date.now();
    this.estimateSent = carried?.estimateSent ?? false;
    if (!carried) this.queue.enqueue({ status: 'STARTED', segments: [] });
  }

  get isOpen(): boolean {
    return this.status === 'running';
  }

  get hasFailed(): boolean {
    return this.status === 'incomplete';
  }

  /** Pages read so far. */
  get pages(): number {
    return this.counts.pages;
  }

  /** Records enqueued so far, delivered or not. A state written now covers them. */
  get enqueuedRecords(): number {
    return this.queue.enqueuedRecords;
  }

  addCounts(counts: Partial<FetchCounts>): void {
    this.counts = addCounts(this.counts, counts);
  }

  /** Sets how many records the stream will have in all, if known. The next delivery reports it, once. */
  setEstimate(records: number | undefined): void {
    this.estimatedRecords = records;
  }

  /** Enqueues what a fetch staged. `state` is built after the segments are counted, so it covers them. */
  enqueue(segments: Segment[], state: (records: number) => StreamState): void {
    this.queue.enqueue({
      ...this.takeEstimate(),
      segments,
      state: state(this.enqueuedRecords + countRecords(segments)),
    });
  }

  /** Enqueues the last delivery: what the last fetch staged, and that the stream is complete. */
  complete(segments: Segment[], state: (records: number) => StreamState): void {
    this.apply('allFetched');
    const records = this.enqueuedRecords + countRecords(segments);
    this.setEstimate(records);
    this.queue.enqueue({ ...this.takeEstimate(), status: 'COMPLETE', segments, state: state(records) });
  }

  /** Ends an open stream as incomplete. Without a state, the destination keeps the one it has. */
  fail(failure: StreamFailure, state?: StreamState): void {
    if (!this.isOpen) return;
    this.apply('fetchFailed');
    this.failure = failure;
    this.queue.enqueue({ status: 'INCOMPLETE', segments: [], failure, ...(state && { state }) });
  }

  /** Sets the status of the tenant's rate limit, if known. */
  setPace(pace: Pace | undefined): void {
    this.pace = pace;
  }

  /** Reports that the rate limit allows no request before `until`, epoch ms. */
  startRateLimitWait(until: number): void {
    // Concurrent fetches report times a few milliseconds apart.
    if (until > (this.waitingUntil ?? 0) + 1_000 && this.isOpen)
      this.queue.enqueue({ segments: [], rateLimited: { until } });
    this.waitingUntil = Math.max(until, this.waitingUntil ?? 0);
  }

  /** Ends a wait. Of concurrent waits the longest counts. */
  endRateLimitWait(until: number): void {
    if (this.waitingUntil !== undefined && this.waitingUntil <= until) this.waitingUntil = undefined;
  }

  /** Resolves when the next fetch may start. Throws a delivery's error. */
  waitForCapacity(): Promise<void> {
    return this.queue.waitForCapacity();
  }

  /** Resolves when all deliveries are durable, or the destination has failed, which fails the stream. */
  async drained(): Promise<void> {
    try {
      await this.queue.drained();
    } catch (error) {
      if (isCancellation(error)) throw error;
      this.apply('deliveryFailed');
      this.failure = toStreamFailure(error);
    }
  }

  toSnapshot(): StreamRunSnapshot {
    const { counts, status, failure, startedAt, estimateSent } = this;
    return { position: this.queue.position, counts, status, startedAt, estimateSent, ...(failure && { failure }) };
  }

  toProgress(requestsLeft?: number, pauseReason?: string): StreamProgress {
    const { counts, status, failure, waitingUntil, pace } = this;
    const delivered = this.queue.position.durableRecords;
    return {
      stream: this.stream.name,
      status,
      delivered,
      counts,
      ...(this.isOpen && waitingUntil !== undefined ? { waitingUntil } : {}),
      ...(this.isOpen && pace ? { pace } : {}),
      ...(this.isOpen && pauseReason !== undefined ? { pauseReason } : {}),
      ...(this.isOpen && requestsLeft !== undefined ? { requestsLeft, ...this.estimateEnd(requestsLeft) } : {}),
      ...(failure && { failure }),
    };
  }

  private apply(event: StreamEvent): void {
    this.status = streamTransitions[this.status][event];
  }

  private takeEstimate(): { estimate?: number } {
    if (this.estimateSent || this.estimatedRecords === undefined) return {};
    this.estimateSent = true;
    return { estimate: this.estimatedRecords };
  }

  private estimateEnd(requestsLeft: number): Pick<StreamProgress, 'endsAt'> {
    if (requestsLeft === 0 || this.counts.requests === 0) return {};
    const now = Date.now();
    return { endsAt: now + (requestsLeft * (now - this.startedAt)) / this.counts.requests };
  }

  toResult(audit: AuditPart[]): StreamResult {
    const { delivered, ...progress } = this.toProgress();
    const status = this.status === 'complete' ? 'complete' : 'incomplete';
    const verdict = formatStreamVerdict(status, this.counts, this.failure);
    return { ...progress, status, records: delivered, seconds: (Date.now() - this.startedAt) / 1000, audit, verdict };
  }
}
