import { condition } from '@temporalio/workflow';
import type { ConfiguredStream, Delivery } from '../sinks/sink';
import { recordsIn } from '../staging/segment';
import type { Deliver } from './activities';

/** What a caller gives; run, stream and sequence are the chain's. */
export type Step = Omit<Delivery, 'run' | 'stream' | 'sequence'>;

/** Where a stream's deliveries stand; carried through continue-as-new. */
export interface DeliveryPosition {
  /** Number of the next step. */
  sequence: number;
  /** Records durable at the destination. */
  records: number;
}

export const noDeliveries: Readonly<DeliveryPosition> = { sequence: 0, records: 0 };

/** Steps that wait behind a running one travel together where nothing but their order would tell them apart. */
function merge(first: Step, second: Step): Step | undefined {
  const status = first.status ?? second.status;
  if (first.failure || (first.status && (second.status || first.status !== 'STARTED'))) return undefined;
  return { ...first, ...second, ...(status && { status }), segments: [...first.segments, ...second.segments] };
}

/**
 * The way of one stream to the destination: steps are delivered one at a time, in order. Fetching goes on meanwhile,
 * as far as `room` allows.
 */
export class DeliveryChain {
  /** Records handed to the chain, delivered or not. */
  produced: number;
  private readonly waiting: Step[] = [];
  private running = false;
  private error: Error | undefined;

  constructor(
    private readonly run: string,
    readonly stream: ConfiguredStream,
    private readonly deliver: Deliver,
    readonly position: DeliveryPosition,
  ) {
    this.produced = position.records;
  }

  push(step: Step): void {
    this.produced += recordsIn(step.segments);
    const last = this.waiting.pop();
    const merged = last && merge(last, step);
    if (merged) this.waiting.push(merged);
    else this.waiting.push(...(last ? [last, step] : [step]));
    if (!this.running && this.error === undefined) void this.work();
  }

  /** Resolves when no step waits behind the running one, so that a reader stays at most one slice ahead. Throws what a delivery threw. */
  async room(): Promise<void> {
    await condition(() => this.waiting.length === 0 || this.error !== undefined);
    if (this.error !== undefined) throw this.error;
  }

  /** Resolves when every step is durable. Throws what a delivery threw. */
  async drained(): Promise<void> {
    await condition(() => !this.running);
    if (this.error !== undefined) throw this.error;
  }

  private async work(): Promise<void> {
    this.running = true;
    try {
      for (let step = this.waiting.shift(); step; step = this.waiting.shift()) {
        await this.deliver({ run: this.run, stream: this.stream, sequence: this.position.sequence, ...step });
        this.position.sequence += 1;
        this.position.records += recordsIn(step.segments);
      }
    } catch (error) {
      this.error = error as Error;
    } finally {
      this.running = false;
    }
  }
}
