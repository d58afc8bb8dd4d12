/** Throughput is that of about so many ms. */
const memoryMs = 5_000;
/** What is kept of the throughput when the ceiling comes down, and the time in which it then rises e-fold. */
const kept = 0.7;
const riseMs = 20_000;
/** It never comes down below this part of what the bucket is known to give: then it is others who took the rest. */
const leastPart = 0.25;
const leastRate = 0.05;
/** So many answers make one 429 forgotten. */
const forgivenAfter = 100;

/**
 * The requests per second that 429s have taught not to exceed, whatever the headers say: less after each, then slowly
 * more. None while 429s are rare. Time is epoch ms.
 */
export class Ceiling {
  private perSecond = Infinity;
  private nextAt = 0;
  private refusedAt = -Infinity;
  private refusals = 0;
  /** Answers, each counting less as it ages. */
  private answers = 0;
  private countedAt = 0;

  /** @param patience 429s that may come close together; those to requests that were out together count once */
  constructor(private readonly patience: number) {}

  waitFor(now: number): number {
    return Math.max(0, this.nextAt - now);
  }

  take(now: number): void {
    this.nextAt = Math.max(this.nextAt, now) + 1000 / this.perSecond;
  }

  answered(now: number): void {
    this.age(now);
    this.answers += 1;
    this.refusals = Math.max(0, this.refusals - 1 / forgivenAfter);
  }

  /**
   * @param sentAt of the request: those that were out when the ceiling came down teach nothing more
   * @param refill requests per second that the bucket is known to give; 0 when nothing is known
   */
  refused(sentAt: number, refill: number, now: number): void {
    if (sentAt < this.refusedAt) return;
    this.refusedAt = now;
    this.refusals = Math.min(this.refusals, this.patience) + 1;
    if (this.refusals <= this.patience) return;
    this.age(now);
    this.perSecond = Math.max(
      leastRate,
      leastPart * refill,
      kept * Math.min(this.perSecond, (this.answers / memoryMs) * 1000),
    );
  }

  private age(now: number): void {
    const passed = Math.max(0, now - this.countedAt);
    this.answers *= Math.exp(-passed / memoryMs);
    this.perSecond *= Math.exp(passed / riseMs);
    this.countedAt = Math.max(this.countedAt, now);
  }
}
