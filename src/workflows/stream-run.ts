import { isCancellation } from '@temporalio/workflow';
import type { Pace } from '../activities/slice';
import type { StreamFailure, StreamState } from '../sinks/sink';
import { countRecords, type Segment } from '../staging/segment';
import { addCounts, zeroCounts, type FetchCounts } from '../streams/counts';
import type { Deliver } from './activities';
import type { AuditPart, PlannedStream, StreamProgress, StreamResult } from './contract';
import { toStreamFailure } from './failure';
import { DeliveryQueue, initialDeliveryPosition, type DeliveryPosition } from './delivery';
import { formatStreamVerdict } from './verdict';

/** What a stream takes along through continue-as-new. */
export interface StreamRunSnapshot {
  position: DeliveryPosition;
  counts: FetchCounts;
  status: StreamProgress['status'];
  failure?: StreamFailure;
  /** Epoch ms. */
  startedAt: number;
  /** Whether the destination has been told how many records there will be. */
  estimateSent?: boolean;
}

/** One stream of a run: what was done to read it, how it stands, and its way to the destination. */
export class StreamRun {
  private status: StreamProgress['status'];
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
    readonly stream: PlannedStream,
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

  /** Records handed over so far, delivered or not: what a state written now covers. */
  get enqueuedRecords(): number {
    return this.queue.enqueuedRecords;
  }

  addCounts(counts: Partial<FetchCounts>): void {
    this.counts = addCounts(this.counts, counts);
  }

  /** Takes note of how many records the stream will have in all, if that can be told. The next step tells it, once. */
  setEstimate(records: number | undefined): void {
    this.estimatedRecords = records;
  }

  /** Hands over what a slice staged. `state` is made after the segments are counted, so that it covers them. */
  enqueue(segments: Segment[], state: (records: number) => StreamState): void {
    this.queue.enqueue({ ...this.takeEstimate(), segments, state: state(this.enqueuedRecords + countRecords(segments)) });
  }

  /** The last step: what the last slice staged, and that the stream is whole. */
  complete(segments: Segment[], state: (records: number) => StreamState): void {
    this.status = 'complete';
    const records = this.enqueuedRecords + countRecords(segments);
    this.setEstimate(records);
    this.queue.enqueue({ ...this.takeEstimate(), status: 'COMPLETE', segments, state: state(records) });
  }

  /** Without a state the destination keeps the one it has. */
  fail(failure: StreamFailure, state?: StreamState): void {
    this.status = 'incomplete';
    this.failure = failure;
    this.queue.enqueue({ status: 'INCOMPLETE', segments: [], failure, ...(state && { state }) });
  }

  /** Takes note of how the tenant's limit stands, if anything is known of that. */
  setPace(pace: Pace | undefined): void {
    this.pace = pace;
  }

  /** Says that the tenant's limit lets nothing out before `until`, epoch ms. */
  startRateLimitWait(until: number): void {
    // Slices that wait side by side are told a few milliseconds apart.
    if (until > (this.waitingUntil ?? 0) + 1_000 && this.isOpen)
      this.queue.enqueue({ segments: [], rateLimited: { until } });
    this.waitingUntil = Math.max(until, this.waitingUntil ?? 0);
  }

  /** The wait until then is over; of those side by side the longest counts. */
  endRateLimitWait(until: number): void {
    if (this.waitingUntil !== undefined && this.waitingUntil <= until) this.waitingUntil = undefined;
  }

  /** Waits until fetching may go on. Throws what a delivery threw. */
  waitForCapacity(): Promise<void> {
    return this.queue.waitForCapacity();
  }

  /** Waits until all that was handed over is durable, or the destination has failed, which fails the stream. */
  async drained(): Promise<void> {
    try {
      await this.queue.drained();
    } catch (error) {
      if (isCancellation(error)) throw error;
      this.status = 'incomplete';
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
