import { Ceiling } from './ceiling';
import type { Reading } from './rate-limit';
import { documentedRefill, freeSize } from './rate-group';
import { type Charge, Refill } from './refill';

/** Without news for that long, one request may find out. */
const longestWaitMs = 60_000;

/** Seconds in which a bucket fills up on the larger plans. */
const usualFillSeconds = 3;

/** A bucket as shown to people. */
export interface BucketSnapshot {
  limit: number;
  /** Requests left, at least. */
  remaining: number;
  /** Refill, requests per second, as measured so far. */
  perSecond: number;
  /** Requests per second that others take; 0 when none are seen. */
  foreignPerSecond: number;
  /** Epoch ms; absent when a request may go now. */
  waitingUntil?: number;
}

/**
 * Mirror of one token bucket of the tenant. `tokens` is never more than what the server will have when the next request
 * gets there: it falls with each request sent, rises at a rate that the bucket is known to exceed, and is corrected by
 * every answer: down to what the answer leaves possible (others took some), up to what it makes certain. So the requests
 * that are out are always covered, in whatever order they are counted. Time comes in as `now`, epoch ms.
 */
export class Bucket {
  inflight = 0;
  private readonly ceiling = new Ceiling(1);
  private readonly refill: Refill;
  private readonly kept: number;
  private tokens: number;
  /** From when on the refill has to be added to `tokens`. */
  private filledAt: number;
  private probeAt: number;
  private blockedUntil = 0;
  private sent = 0;
  private named = 0;
  private resolved = 0;
  /** Until its headers say when it is full, the documented refill is believed. */
  private told = false;

  /**
   * @param out requests of the process that are out and may draw on it
   * @param reserve part of the bucket that is left to the tenant's own traffic, 0 to 0.9
   * @param lagMs how much later than an even refill its tokens may come
   */
  constructor(
    { limit, remaining }: Reading,
    out: number,
    reserve: number,
    private readonly lagMs: number,
    now: number,
  ) {
    this.limit = limit;
    // Nobody could use a part of a request.
    this.kept = Math.floor(limit * reserve + 1e-9);
    this.refill = new Refill(limit <= freeSize ? documentedRefill(limit) : 0);
    this.tokens = remaining - out;
    this.filledAt = now + lagMs;
    this.probeAt = now + longestWaitMs;
  }
  readonly limit: number;

  /** ms until a request may be sent; Infinity: not before one that is out is answered. */
  waitFor(now: number): number {
    this.fill(now);
    const held = Math.max(0, this.blockedUntil - now, this.ceiling.waitFor(now));
    const level = this.level();
    if (this.tokens >= level) return held;
    if (level > this.limit - this.inflight) return Infinity;
    const filled = this.filledAt + ((level - this.tokens) / this.rate()) * 1000;
    // While one is out, its answer may say more; otherwise a request has to find out in the end.
    const most = this.inflight === 0 ? this.probeAt : now + longestWaitMs;
    return Math.max(held, Math.ceil(Math.min(filled, most) - now));
  }

  take(now: number): Charge {
    this.fill(now);
    this.probeAt = now + longestWaitMs;
    this.tokens -= 1;
    this.sent += 1;
    this.inflight += 1;
    this.ceiling.take(now);
    return {
      at: now,
      sent: this.sent,
      inflight: this.inflight - 1,
      resolved: this.resolved,
      named: this.named,
    };
  }

  /** For a request that was not known to draw on it; `out` may, with it. */
  adopt(at: number, out: number): Charge {
    return { at, sent: this.sent, inflight: out, resolved: this.resolved, named: this.named };
  }

  /** A request that was taken is no longer out. */
  settle(now: number): void {
    // What could not come back while it was out did not.
    this.fill(now);
    this.inflight -= 1;
    this.resolved += 1;
  }

  /** Learns from an answer that names the bucket. Call `settle` before. */
  observe(reading: Reading, charge: Charge, now: number): void {
    this.named += 1;
    this.ceiling.answered(now);
    this.told ||= reading.fullInMs !== undefined;
    const { sent, inflight, resolved, named } = this;
    this.refill.learn({ reading, charge, now: { at: now, sent, inflight, resolved, named } }, this.lagMs);
    this.fill(now);
    const since = sent - charge.sent;
    const most = reading.remaining - Math.min(since, inflight) + (this.rate() * (now - charge.at)) / 1000;
    if (most < this.tokens) this.fillFrom(most, now + this.lagMs);
    this.holdAtLeast(reading.remaining - since - charge.inflight, now);
    this.probeAt = now + longestWaitMs;
  }

  /** An answer named another bucket as the scarcest of those that the request drew on, with `remaining` left. */
  pass({ remaining }: Reading, charge: Charge, now: number): void {
    this.fill(now);
    this.holdAtLeast(Math.min(remaining, this.limit) - (this.sent - charge.sent) - charge.inflight, now);
  }

  /** A 429: nothing is left. Call `settle` before. */
  refuse(sentAt: number, now: number): void {
    this.fill(now);
    this.ceiling.refused(sentAt, this.refill.least, now);
    this.fillFrom(Math.min(this.tokens, -this.inflight), now + this.lagMs);
  }

  /** Nothing is sent before `until`. */
  block(until: number): void {
    this.blockedUntil = Math.max(this.blockedUntil, until);
    this.probeAt = Math.max(this.probeAt, until);
  }

  /** Whether it is known how fast it fills. */
  isMeasured(): boolean {
    return this.refill.least > 0;
  }

  /** Requests per second that it surely gives. */
  gives(): number {
    return this.refill.told;
  }

  /** Requests per second that it gives, as measured or at a guess; 0 once it runs short. */
  mayGive(): number {
    return this.runsShort() ? 0 : Math.max(this.refill.likely, this.limit / usualFillSeconds);
  }

  /** Requests per second that use it up; Infinity while there is more in it than it takes to tell. */
  takes(): number {
    return this.runsShort() ? this.refill.likely : Infinity;
  }

  private runsShort(): boolean {
    return this.tokens <= this.limit / 2;
  }

  snapshot(now: number): BucketSnapshot {
    const wait = this.waitFor(now);
    return {
      limit: this.limit,
      remaining: Math.max(0, Math.floor(this.tokens)),
      perSecond: this.refill.likely || this.rate(),
      foreignPerSecond: this.refill.foreign,
      ...(wait > 0 && wait !== Infinity ? { waitingUntil: now + wait } : {}),
    };
  }

  /**
   * Tokens that must be there before a request is sent. Beside others, only our share of what is there is sent at a
   * time; a single request is always in order, so that nobody is shut out by one who was there before.
   */
  private level(): number {
    const fair = this.inflight === 0 ? 1 : (this.inflight + 1) / this.refill.share - this.inflight;
    return this.kept + fair;
  }

  private rate(): number {
    const { least, share } = this.refill;
    const fills = Math.max(least, this.told ? 0 : documentedRefill(this.limit));
    return this.inflight === 0 ? fills : fills * share;
  }

  private fill(now: number): void {
    if (now > this.filledAt) this.fillFrom(this.tokens + (this.rate() * (now - this.filledAt)) / 1000, now);
    this.tokens = Math.min(this.tokens, this.limit - this.inflight);
    if (this.inflight === 0 && now >= this.probeAt) this.tokens = Math.max(this.tokens, this.level());
  }

  private holdAtLeast(tokens: number, now: number): void {
    if (tokens > this.tokens) this.fillFrom(tokens, now + this.lagMs);
  }

  private fillFrom(tokens: number, at: number): void {
    this.tokens = tokens;
    this.filledAt = at;
  }
}
