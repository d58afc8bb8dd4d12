import { AdaptiveRate } from './adaptive-rate';
import type { RateLimitHeaders } from './rate-limit-headers';
import { getDocumentedRefill, freePlanBucketSize } from './endpoint-groups';
import { type Charge, RefillEstimator } from './refill-estimator';

/** Without news for that long, one request may find out. */
const probeAfterMs = 60_000;

/** Seconds in which a bucket fills up on the larger plans. */
const typicalFillSeconds = 3;

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
export class TokenBucket {
  inflight = 0;
  private readonly adaptiveRate = new AdaptiveRate(1);
  private readonly refill: RefillEstimator;
  private readonly reservedTokens: number;
  private tokens: number;
  /** From when on the refill has to be added to `tokens`. */
  private filledAt: number;
  private probeAt: number;
  private blockedUntil = 0;
  private sent = 0;
  private confirmed = 0;
  private resolved = 0;
  /** Until its headers say when it is full, the documented refill is believed. */
  private refillReported = false;

  /**
   * @param out requests of the process that are out and may draw on it
   * @param reserve part of the bucket that is left to the tenant's own traffic, 0 to 0.9
   * @param lagMs how much later than an even refill its tokens may come
   */
  constructor(
    { limit, remaining }: RateLimitHeaders,
    out: number,
    reserve: number,
    private readonly lagMs: number,
    now: number,
  ) {
    this.limit = limit;
    // Nobody could use a part of a request.
    this.reservedTokens = Math.floor(limit * reserve + 1e-9);
    this.refill = new RefillEstimator(limit <= freePlanBucketSize ? getDocumentedRefill(limit) : 0);
    this.tokens = remaining - out;
    this.filledAt = now + lagMs;
    this.probeAt = now + probeAfterMs;
  }
  readonly limit: number;

  /** ms until a request may be sent; Infinity: not before one that is out is answered. */
  getWaitMs(now: number): number {
    this.addRefill(now);
    const held = Math.max(0, this.blockedUntil - now, this.adaptiveRate.getWaitMs(now));
    const level = this.getRequiredTokens();
    if (this.tokens >= level) return held;
    if (level > this.limit - this.inflight) return Infinity;
    const filled = this.filledAt + ((level - this.tokens) / this.getRefillRate()) * 1000;
    // While one is out, its answer may say more; otherwise a request has to find out in the end.
    const most = this.inflight === 0 ? this.probeAt : now + probeAfterMs;
    return Math.max(held, Math.ceil(Math.min(filled, most) - now));
  }

  acquire(now: number): Charge {
    this.addRefill(now);
    this.probeAt = now + probeAfterMs;
    this.tokens -= 1;
    this.sent += 1;
    this.inflight += 1;
    this.adaptiveRate.acquire(now);
    return {
      at: now,
      sent: this.sent,
      inflight: this.inflight - 1,
      resolved: this.resolved,
      confirmed: this.confirmed,
    };
  }

  /** For a request that was not known to draw on it; `out` may, with it. */
  createLateCharge(at: number, totalInflight: number): Charge {
    return { at, sent: this.sent, inflight: totalInflight, resolved: this.resolved, confirmed: this.confirmed };
  }

  /** A request that was taken is no longer out. */
  release(now: number): void {
    // What could not come back while it was out did not.
    this.addRefill(now);
    this.inflight -= 1;
    this.resolved += 1;
  }

  /** Learns from an answer that names the bucket. Call `settle` before. */
  recordResponse(headers: RateLimitHeaders, charge: Charge, now: number): void {
    this.confirmed += 1;
    this.adaptiveRate.recordResponse(now);
    this.refillReported ||= headers.fullInMs !== undefined;
    const { sent, inflight, resolved, confirmed } = this;
    this.refill.addSample({ headers, charge, now: { at: now, sent, inflight, resolved, confirmed } }, this.lagMs);
    this.addRefill(now);
    const since = sent - charge.sent;
    const most = headers.remaining - Math.min(since, inflight) + (this.getRefillRate() * (now - charge.at)) / 1000;
    if (most < this.tokens) this.setTokens(most, now + this.lagMs);
    this.raiseTokensTo(headers.remaining - since - charge.inflight, now);
    this.probeAt = now + probeAfterMs;
  }

  /** An answer named another bucket as the scarcest of those that the request drew on, with `remaining` left. */
  recordOtherBucket({ remaining }: RateLimitHeaders, charge: Charge, now: number): void {
    this.addRefill(now);
    this.raiseTokensTo(Math.min(remaining, this.limit) - (this.sent - charge.sent) - charge.inflight, now);
  }

  /** A 429: nothing is left. Call `settle` before. */
  recordRefusal(sentAt: number, now: number): void {
    this.addRefill(now);
    this.adaptiveRate.recordRefusal(sentAt, this.refill.minPerSecond, now);
    this.setTokens(Math.min(this.tokens, -this.inflight), now + this.lagMs);
  }

  /** Nothing is sent before `until`. */
  blockUntil(until: number): void {
    this.blockedUntil = Math.max(this.blockedUntil, until);
    this.probeAt = Math.max(this.probeAt, until);
  }

  /** Whether it is known how fast it fills. */
  hasMeasuredRefill(): boolean {
    return this.refill.minPerSecond > 0;
  }

  /** Requests per second that it surely gives. */
  getGuaranteedRate(): number {
    return this.refill.reportedPerSecond;
  }

  /** Requests per second that it gives, as measured or at a guess; 0 once it runs short. */
  getEstimatedRate(): number {
    return this.isRunningShort() ? 0 : Math.max(this.refill.likelyPerSecond, this.limit / typicalFillSeconds);
  }

  /** Requests per second that use it up; Infinity while there is more in it than it takes to tell. */
  getSaturationRate(): number {
    return this.isRunningShort() ? this.refill.likelyPerSecond : Infinity;
  }

  private isRunningShort(): boolean {
    return this.tokens <= this.limit / 2;
  }

  snapshot(now: number): BucketSnapshot {
    const wait = this.getWaitMs(now);
    return {
      limit: this.limit,
      remaining: Math.max(0, Math.floor(this.tokens)),
      perSecond: this.refill.likelyPerSecond || this.getRefillRate(),
      foreignPerSecond: this.refill.foreignPerSecond,
      ...(wait > 0 && wait !== Infinity ? { waitingUntil: now + wait } : {}),
    };
  }

  /**
   * Tokens that must be there before a request is sent. Beside others, only our share of what is there is sent at a
   * time; a single request is always in order, so that nobody is shut out by one who was there before.
   */
  private getRequiredTokens(): number {
    const fair = this.inflight === 0 ? 1 : (this.inflight + 1) / this.refill.ownShare - this.inflight;
    return this.reservedTokens + fair;
  }

  private getRefillRate(): number {
    const { minPerSecond, ownShare } = this.refill;
    const fills = Math.max(minPerSecond, this.refillReported ? 0 : getDocumentedRefill(this.limit));
    return this.inflight === 0 ? fills : fills * ownShare;
  }

  private addRefill(now: number): void {
    if (now > this.filledAt) this.setTokens(this.tokens + (this.getRefillRate() * (now - this.filledAt)) / 1000, now);
    this.tokens = Math.min(this.tokens, this.limit - this.inflight);
    if (this.inflight === 0 && now >= this.probeAt) this.tokens = Math.max(this.tokens, this.getRequiredTokens());
  }

  private raiseTokensTo(tokens: number, now: number): void {
    if (tokens > this.tokens) this.setTokens(tokens, now + this.lagMs);
  }

  private setTokens(tokens: number, at: number): void {
    this.tokens = tokens;
    this.filledAt = at;
  }
}
