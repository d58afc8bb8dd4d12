import type { Reading } from './rate-limit';

/** Throughput is measured over this window, ms. */
const windowMs = { least: 1_500, most: 4_000 };
/** Weight of a new measurement of the rate. */
const smoothing = 0.2;
/** Auth0's slowest buckets refill by the minute: after that long without news, one request may find out. */
const longestWaitMs = 60_000;
const leastRate = 0.01;

interface Sample {
  at: number;
  /** Requests answered until then. */
  answered: number;
  remaining: number;
}

/**
 * Mirror of one token bucket of the tenant, kept from what its answers say: after each one, tokens = what the server
 * has left, less our own requests still out (which it may not have counted yet). Between answers it refills at the
 * learned rate. Others' use of the tenant shows in the next answer. Time comes in as `now`, epoch ms.
 */
export class Bucket {
  readonly limit: number;
  inflight = 0;
  private tokens = 0;
  /** Requests per second that come back to us. */
  private rate: number;
  private measured = false;
  private refilledAt: number;
  /** When one request may find out, whatever the reckoning says: the server has told that it will do by then. */
  private probeAt: number;
  private blockedUntil = 0;
  private answered = 0;
  private samples: Sample[] = [];
  private readonly level: number;

  /** @param reserve part of the bucket that is left to the tenant's own traffic, 0 to 1 */
  constructor(limit: number, reserve: number, now: number) {
    this.limit = limit;
    // A bucket of one or two tokens could never show more than it holds.
    this.level = Math.min(1 + limit * reserve, limit);
    this.rate = limit / 60;
    this.refilledAt = now;
    this.probeAt = now + longestWaitMs;
  }

  /** ms until a request may be sent; Infinity: not before one that is out is answered. */
  waitFor(now: number): number {
    this.refill(now);
    const blocked = Math.max(0, this.blockedUntil - now);
    if (this.tokens >= this.level) return blocked;
    // Only what is not out can come back by waiting.
    if (this.limit - this.inflight < this.level) return Infinity;
    const refilled = Math.ceil(((this.level - this.tokens) / this.rate) * 1000);
    const news = this.inflight === 0 ? this.probeAt - now : longestWaitMs;
    return Math.max(blocked, Math.min(refilled, news));
  }

  take(now: number): void {
    this.refill(now);
    this.tokens -= 1;
    this.inflight += 1;
  }

  /** A request that was taken is no longer out. */
  settle(): void {
    this.inflight -= 1;
  }

  /**
   * Learns from an answer. Call `settle` before.
   * @param charged false for a 429, which costs the bucket nothing
   */
  observe(reading: Reading, now: number, charged: boolean): void {
    if (charged) this.answered += 1;
    this.tokens = reading.remaining - this.inflight;
    this.refilledAt = now;
    this.probeAt = now + Math.min(reading.fullInMs ?? longestWaitMs, longestWaitMs);
    this.learn(reading, now);
  }

  /** Nothing is sent before `until`. */
  block(until: number): void {
    this.blockedUntil = Math.max(this.blockedUntil, until);
    this.probeAt = Math.min(this.probeAt, until);
  }

  snapshot(now: number): { limit: number; remaining: number; ratePerSecond: number; waitingUntil?: number } {
    const wait = this.waitFor(now);
    return {
      limit: this.limit,
      remaining: Math.max(0, Math.floor(this.tokens)),
      ratePerSecond: this.rate,
      ...(wait > 0 && wait !== Infinity ? { waitingUntil: now + wait } : {}),
    };
  }

  private refill(now: number): void {
    const most = this.limit - this.inflight;
    const seconds = Math.max(0, now - this.refilledAt) / 1000;
    this.tokens = Math.max(this.tokens, Math.min(most, this.tokens + this.rate * seconds));
    this.refilledAt = Math.max(this.refilledAt, now);
    if (now >= this.probeAt && this.inflight === 0) {
      this.tokens = Math.max(this.tokens, this.level);
      this.probeAt = now + longestWaitMs;
    }
  }

  /**
   * The rate is what we were answered and what the bucket gained over a few seconds; this needs no clock of the server.
   * Until there is such a window, it is the deficit over the time until the bucket is full, which errs to the low
   * side: Auth0 rounds that time up.
   */
  private learn({ limit, remaining, fullInMs }: Reading, now: number): void {
    this.samples = this.samples.filter((sample) => sample.at >= now - windowMs.most);
    const first = this.samples[0];
    this.samples.push({ at: now, answered: this.answered, remaining });
    if (!first || now - first.at < windowMs.least) {
      const guess = fullInMs ? (limit - remaining) / (fullInMs / 1000) : 0;
      if (!this.measured) this.rate = Math.max(this.rate, guess);
      return;
    }
    const gained = this.answered - first.answered + remaining - first.remaining;
    const seen = gained / ((now - first.at) / 1000);
    // A bucket that was full has overflowed: the refill was at least this.
    const overflowed = this.samples.some((sample) => sample.remaining >= limit - 1);
    if (overflowed && seen <= this.rate) return;
    this.rate = Math.max(leastRate, this.measured ? this.rate + smoothing * (seen - this.rate) : seen);
    this.measured = true;
  }
}
