import { condition, isCancellation, sleep } from '@temporalio/workflow';
import type { Pace } from '../activities/fetch-contract';
import type { ConfiguredStream, FetchCounts, StreamFailure, StreamState } from '../protocol';
import type { Delivery } from '../sinks/sink';
import { countRecords, type Segment } from '../staging/segment';
import { addCounts, zeroCounts } from '../streams/counts';
import type { Deliver } from './activity-proxies';
import type { AuditPart, PlannedStream, StreamProgress, StreamResult } from './contract';
import { formatStreamVerdict, toStreamFailure } from './sync-outcome';

/** What a caller gives; run, stream and sequence are the chain's. */
export type PendingDelivery = Omit<Delivery, 'run' | 'stream' | 'sequence'>;

/** Where a stream's deliveries stand; carried through continue-as-new. */
export interface DeliveryPosition {
  /** Number of the next step. */
  nextSequence: number;
  /** Records durable at the destination. */
  durableRecords: number;
}

export const initialDeliveryPosition: Readonly<DeliveryPosition> = { nextSequence: 0, durableRecords: 0 };

/** Steps that wait behind a running one travel together where nothing but their order would tell them apart. */
function mergeDeliveries(first: PendingDelivery, second: PendingDelivery): PendingDelivery | undefined {
  const status = first.status ?? second.status;
  if (first.failure || (first.status && (second.status || first.status !== 'STARTED'))) return undefined;
  return { ...first, ...second, ...(status && { status }), segments: [...first.segments, ...second.segments] };
}

/**
 * The way of one stream to the destination: steps are delivered one at a time, in order. Fetching goes on meanwhile,
 * as far as `room` allows.
 */
export class DeliveryQueue {
  /** Records handed to the chain, delivered or not. */
  enqueuedRecords: number;
  private readonly pending: PendingDelivery[] = [];
  private running = false;
  private error: Error | undefined;

  constructor(
    private readonly run: string,
    readonly stream: ConfiguredStream,
    private readonly deliver: Deliver,
    readonly position: DeliveryPosition,
  ) {
    this.enqueuedRecords = position.durableRecords;
  }

  enqueue(step: PendingDelivery): void {
    this.enqueuedRecords += countRecords(step.segments);
    const last = this.pending.pop();
    const merged = last && mergeDeliveries(last, step);
    if (merged) this.pending.push(merged);
    else this.pending.push(...(last ? [last, step] : [step]));
    if (!this.running && this.error === undefined) void this.deliverPending();
  }

  /** Resolves when no step waits behind the running one, so that a reader stays at most one slice ahead. Throws what a delivery threw. */
  async waitForCapacity(): Promise<void> {
    await condition(() => this.pending.length === 0 || this.error !== undefined);
    if (this.error !== undefined) throw this.error;
  }

  /** Resolves when every step is durable. Throws what a delivery threw. */
  async drained(): Promise<void> {
    await condition(() => !this.running);
    if (this.error !== undefined) throw this.error;
  }

  private async deliverPending(): Promise<void> {
    this.running = true;
    try {
      for (let step = this.pending.shift(); step; step = this.pending.shift()) {
        await this.deliver({ run: this.run, stream: this.stream, sequence: this.position.nextSequence, ...step });
        this.position.nextSequence += 1;
        this.position.durableRecords += countRecords(step.segments);
      }
    } catch (error) {
      this.error = error as Error;
    } finally {
      this.running = false;
    }
  }
}

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
    this.queue.enqueue({
      ...this.takeEstimate(),
      segments,
      state: state(this.enqueuedRecords + countRecords(segments)),
    });
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

/**
 * Waits for the tenant's limit outside of any activity, so that no slot is held and no deploy disturbs it; the streams
 * say so meanwhile.
 * @param until epoch ms
 * @param onChange called when that is to be shown
 */
export async function waitForRateLimit(runs: readonly StreamRun[], until: number, onChange: () => void): Promise<void> {
  for (const run of runs) run.startRateLimitWait(until);
  onChange();
  await sleep(Math.max(1, until - Date.now()), { summary: "the tenant's rate limit" });
  for (const run of runs) run.endRateLimitWait(until);
  onChange();
}
