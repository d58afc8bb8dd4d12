/** Throughput is that of about so many ms. */
const throughputMemoryMs = 5_000;
/** What is kept of the throughput when the ceiling comes down, and the time in which it then rises e-fold. */
const decreaseFactor = 0.7;
const recoveryMs = 20_000;
/** It never comes down below this part of what the bucket is known to give: then it is others who took the rest. */
const minShareOfRefill = 0.25;
const minPerSecond = 0.05;
/** So many answers make one 429 forgotten. */
const responsesPerForgivenRefusal = 100;

/**
 * The requests per second that 429s have taught not to exceed, whatever the headers say: less after each, then slowly
 * more. None while 429s are rare. Time is epoch ms.
 */
export class AdaptiveRate {
  private maxPerSecond = Infinity;
  private nextAt = 0;
  private refusedAt = -Infinity;
  private refusals = 0;
  /** Answers, each counting less as it ages. */
  private recentResponses = 0;
  private decayedAt = 0;

  /** @param toleratedRefusals 429s that may come close together; those to requests that were out together count once */
  constructor(private readonly toleratedRefusals: number) {}

  getWaitMs(now: number): number {
    return Math.max(0, this.nextAt - now);
  }

  acquire(now: number): void {
    this.nextAt = Math.max(this.nextAt, now) + 1000 / this.maxPerSecond;
  }

  recordResponse(now: number): void {
    this.decay(now);
    this.recentResponses += 1;
    this.refusals = Math.max(0, this.refusals - 1 / responsesPerForgivenRefusal);
  }

  /**
   * @param sentAt of the request: those that were out when the ceiling came down teach nothing more
   * @param refillPerSecond requests per second that the bucket is known to give; 0 when nothing is known
   */
  recordRefusal(sentAt: number, refillPerSecond: number, now: number): void {
    if (sentAt < this.refusedAt) return;
    this.refusedAt = now;
    this.refusals = Math.min(this.refusals, this.toleratedRefusals) + 1;
    if (this.refusals <= this.toleratedRefusals) return;
    this.decay(now);
    this.maxPerSecond = Math.max(
      minPerSecond,
      minShareOfRefill * refillPerSecond,
      decreaseFactor * Math.min(this.maxPerSecond, (this.recentResponses / throughputMemoryMs) * 1000),
    );
  }

  private decay(now: number): void {
    const passed = Math.max(0, now - this.decayedAt);
    this.recentResponses *= Math.exp(-passed / throughputMemoryMs);
    this.maxPerSecond *= Math.exp(passed / recoveryMs);
    this.decayedAt = Math.max(this.decayedAt, now);
  }
}
