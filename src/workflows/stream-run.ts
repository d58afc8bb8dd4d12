import { isCancellation } from '@temporalio/workflow';
import type { Pace } from '../activities/slice';
import type { StreamFailure, StreamState } from '../sinks/sink';
import { recordsIn, type Segment } from '../staging/segment';
import { addCounts, noCounts, type SliceCounts } from '../streams/counts';
import type { Deliver } from './activities';
import type { AuditPart, PlannedStream, StreamProgress, StreamResult } from './contract';
import { failureOf } from './failure';
import { DeliveryChain, noDeliveries, type DeliveryPosition } from './delivery';
import { verdictOf } from './verdict';

/** What a stream takes along through continue-as-new. */
export interface CarriedStream {
  deliveries: DeliveryPosition;
  counts: SliceCounts;
  status: StreamProgress['status'];
  failure?: StreamFailure;
  /** Epoch ms. */
  begun: number;
  /** Whether the destination has been told how many records there will be. */
  estimated?: boolean;
}

/** One stream of a run: what was done to read it, how it stands, and its way to the destination. */
export class StreamRun {
  private status: StreamProgress['status'];
  private counts: SliceCounts;
  private failure: StreamFailure | undefined;
  private waitingUntil: number | undefined;
  private pace: Pace | undefined;
  private expected: number | undefined;
  private estimated: boolean;
  /** Epoch ms. */
  readonly begun: number;
  private readonly chain: DeliveryChain;

  constructor(
    readonly stream: PlannedStream,
    run: string,
    deliver: Deliver,
    carried?: CarriedStream,
  ) {
    this.chain = new DeliveryChain(run, stream, deliver, { ...(carried?.deliveries ?? noDeliveries) });
    this.status = carried?.status ?? 'running';
    this.counts = carried?.counts ?? { ...noCounts };
    this.failure = carried?.failure;
    this.begun = carried?.begun ?? Date.now();
    this.estimated = carried?.estimated ?? false;
    if (!carried) this.chain.push({ status: 'STARTED', segments: [] });
  }

  get open(): boolean {
    return this.status === 'running';
  }

  get failed(): boolean {
    return this.status === 'incomplete';
  }

  /** Pages read so far. */
  get pages(): number {
    return this.counts.pages;
  }

  /** Records handed over so far, delivered or not: what a state written now covers. */
  get records(): number {
    return this.chain.produced;
  }

  count(counts: Partial<SliceCounts>): void {
    this.counts = addCounts(this.counts, counts);
  }

  /** Takes note of how many records the stream will have in all, if that can be told. The next step tells it, once. */
  expects(records: number | undefined): void {
    this.expected = records;
  }

  /** Hands over what a slice staged. `state` is made after the segments are counted, so that it covers them. */
  hand(segments: Segment[], state: (records: number) => StreamState): void {
    this.chain.push({ ...this.estimate(), segments, state: state(this.records + recordsIn(segments)) });
  }

  /** The last step: what the last slice staged, and that the stream is whole. */
  complete(segments: Segment[], state: (records: number) => StreamState): void {
    this.status = 'complete';
    const records = this.records + recordsIn(segments);
    this.expects(records);
    this.chain.push({ ...this.estimate(), status: 'COMPLETE', segments, state: state(records) });
  }

  /** Without a state the destination keeps the one it has. */
  fail(failure: StreamFailure, state?: StreamState): void {
    this.status = 'incomplete';
    this.failure = failure;
    this.chain.push({ status: 'INCOMPLETE', segments: [], failure, ...(state && { state }) });
  }

  /** Takes note of how the tenant's limit stands, if anything is known of that. */
  paced(pace: Pace | undefined): void {
    this.pace = pace;
  }

  /** Says that the tenant's limit lets nothing out before `until`, epoch ms. */
  waits(until: number): void {
    // Slices that wait side by side are told a few milliseconds apart.
    if (until > (this.waitingUntil ?? 0) + 1_000 && this.open)
      this.chain.push({ segments: [], rateLimited: { until } });
    this.waitingUntil = Math.max(until, this.waitingUntil ?? 0);
  }

  /** The wait until then is over; of those side by side the longest counts. */
  goesOn(until: number): void {
    if (this.waitingUntil !== undefined && this.waitingUntil <= until) this.waitingUntil = undefined;
  }

  /** Waits until fetching may go on. Throws what a delivery threw. */
  room(): Promise<void> {
    return this.chain.room();
  }

  /** Waits until all that was handed over is durable, or the destination has failed, which fails the stream. */
  async settled(): Promise<void> {
    try {
      await this.chain.drained();
    } catch (error) {
      if (isCancellation(error)) throw error;
      this.status = 'incomplete';
      this.failure = failureOf(error);
    }
  }

  carried(): CarriedStream {
    const { counts, status, failure, begun, estimated } = this;
    return { deliveries: this.chain.position, counts, status, begun, estimated, ...(failure && { failure }) };
  }

  progress(requestsLeft?: number, paused?: string): StreamProgress {
    const { counts, status, failure, waitingUntil, pace } = this;
    const delivered = this.chain.position.records;
    return {
      stream: this.stream.name,
      status,
      delivered,
      counts,
      ...(this.open && waitingUntil !== undefined ? { waitingUntil } : {}),
      ...(this.open && pace ? { pace } : {}),
      ...(this.open && paused !== undefined ? { paused } : {}),
      ...(this.open && requestsLeft !== undefined ? { requestsLeft, ...this.estimateEnd(requestsLeft) } : {}),
      ...(failure && { failure }),
    };
  }

  private estimate(): { estimate?: number } {
    if (this.estimated || this.expected === undefined) return {};
    this.estimated = true;
    return { estimate: this.expected };
  }

  private estimateEnd(requestsLeft: number): Pick<StreamProgress, 'endsAt'> {
    if (requestsLeft === 0 || this.counts.requests === 0) return {};
    const now = Date.now();
    return { endsAt: now + (requestsLeft * (now - this.begun)) / this.counts.requests };
  }

  result(audit: AuditPart[]): StreamResult {
    const { delivered, ...progress } = this.progress();
    const status = this.status === 'complete' ? 'complete' : 'incomplete';
    const verdict = verdictOf(status, this.counts, this.failure);
    return { ...progress, status, records: delivered, seconds: (Date.now() - this.begun) / 1000, audit, verdict };
  }
}
