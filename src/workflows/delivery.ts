import { condition } from '@temporalio/workflow';
import type { ConfiguredStream, Delivery } from '../sinks/sink';
import { countRecords } from '../staging/segment';
import type { Deliver } from './activities';

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
