/** Time constant of the throughput's moving average. */
const throughputMemoryMs = 5_000;
/** Share of the measured throughput that remains after a 429. */
const decreaseFactor = 0.7;
/** Time in which the rate then grows by a factor of e. */
const recoveryMs = 20_000;
/** The rate never falls below this share of the bucket's known refill: the rest is foreign use. */
const minShareOfRefill = 0.25;
const minPerSecond = 0.05;
/** Number of responses that offset one 429. */
const responsesPerForgivenRefusal = 100;

/**
 * A limit on requests per second learned from 429s, whatever the headers report (AIMD): it falls with each 429 and then
 * grows slowly. Unlimited while 429s are rare. Time is epoch ms.
 */
export class AdaptiveRate {
  private maxPerSecond = Infinity;
  private nextAt = 0;
  private refusedAt = -Infinity;
  private refusals = 0;
  /** Number of responses, with exponential decay. */
  private recentResponses = 0;
  private decayedAt = 0;

  /** @param toleratedRefusals 429s without effect; 429s for requests that were in flight together count once */
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
   * @param sentAt when the request was sent; requests in flight at the last decrease are ignored
   * @param refillPerSecond known refill of the bucket; 0 when unknown
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
