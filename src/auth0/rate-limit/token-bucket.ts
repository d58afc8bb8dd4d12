import { AdaptiveRate } from './adaptive-rate';
import type { RateLimitHeaders } from './rate-limit-headers';
import { getDocumentedRefill, freePlanBucketSize } from './endpoint-groups';
import { type Charge, RefillEstimator } from './refill-estimator';

/** Time without a response after which one request may probe the bucket. */
const probeAfterMs = 60_000;

/** Time to fill a bucket on the larger plans. */
const typicalFillSeconds = 3;

export interface BucketSnapshot {
  limit: number;
  /** Lower bound of the requests left. */
  remaining: number;
  /** Measured refill, requests per second. */
  perSecond: number;
  /** Requests per second of other clients; 0 when none are detected. */
  foreignPerSecond: number;
  /** Epoch ms. Absent when a request may be sent now. */
  waitingUntil?: number;
}

interface TokenBucketOptions {
  headers: RateLimitHeaders;
  /** Requests in flight of the process, which may draw on the bucket. */
  inflight: number;
  /** Share of the bucket that is left to the tenant's own traffic, 0 to 0.9. */
  reserve: number;
  /** Longest delay of a token compared with an even refill. */
  lagMs: number;
  now: number;
}

/**
 * Mirrors one token bucket of the tenant. `tokens` never exceeds what the server will have when the next request arrives:
 * each request sent lowers it, a lower bound of the refill raises it, and every response corrects it, down to what is
 * still possible (other clients took some) and up to what is certain. The requests in flight are therefore always
 * covered, in whatever order the server counts them. Time is epoch ms.
 */
export class TokenBucket {
  readonly limit: number;
  inflight = 0;
  private readonly adaptiveRate = new AdaptiveRate(1);
  readonly refill: RefillEstimator;
  private readonly reservedTokens: number;
  private readonly lagMs: number;
  private tokens: number;
  /** The time up to which the refill is included in `tokens`. */
  private filledAt: number;
  private probeAt: number;
  private blockedUntil = 0;
  private sent = 0;
  private confirmed = 0;
  private resolved = 0;
  /** Until the headers report when the bucket is full, the documented refill applies. */
  private isRefillReported = false;

  constructor({ headers, inflight, reserve, lagMs, now }: TokenBucketOptions) {
    const { limit, remaining } = headers;
    this.limit = limit;
    // Rounded down: a fraction of a request is of no use to other clients.
    this.reservedTokens = Math.floor(limit * reserve + 1e-9);
    this.refill = new RefillEstimator(limit <= freePlanBucketSize ? getDocumentedRefill(limit) : 0);
    this.lagMs = lagMs;
    this.tokens = remaining - inflight;
    this.filledAt = now + lagMs;
    this.probeAt = now + probeAfterMs;
  }

  /** Time until a request may be sent. Infinity: not before a request in flight is answered. */
  getWaitMs(now: number): number {
    this.addRefill(now);
    const blockedMs = Math.max(0, this.blockedUntil - now, this.adaptiveRate.getWaitMs(now));
    const required = this.getRequiredTokens();
    if (this.tokens >= required) return blockedMs;
    if (required > this.limit - this.inflight) return Infinity;
    const refilledAt = this.filledAt + ((required - this.tokens) / this.getRefillRate()) * 1000;
    // The response to a request in flight may report more tokens. Without one, a probe is sent at last.
    const latest = this.inflight === 0 ? this.probeAt : now + probeAfterMs;
    return Math.max(blockedMs, Math.ceil(Math.min(refilledAt, latest) - now));
  }

  acquire(now: number): Charge {
    this.addRefill(now);
    this.probeAt = now + probeAfterMs;
    this.tokens -= 1;
    this.sent += 1;
    this.inflight += 1;
    this.adaptiveRate.acquire(now);
    return this.createCharge(now, this.inflight - 1);
  }

  createCharge(at: number, inflight: number): Charge {
    return { at, sent: this.sent, inflight, resolved: this.resolved, confirmed: this.confirmed };
  }

  /** Records that an acquired request is no longer in flight. */
  release(now: number): void {
    // With the request still in flight, which bounds the refill.
    this.addRefill(now);
    this.inflight -= 1;
    this.resolved += 1;
  }

  /** Records a response that names this bucket. Call `release` first. */
  recordResponse(headers: RateLimitHeaders, charge: Charge, now: number): void {
    this.confirmed += 1;
    this.adaptiveRate.recordResponse(now);
    this.isRefillReported ||= headers.fullInMs !== undefined;
    this.refill.addSample({ headers, charge, now: this.createCharge(now, this.inflight) }, this.lagMs);
    this.addRefill(now);
    const { remaining } = headers;
    const sentSince = this.sent - charge.sent;
    const refilled = (this.getRefillRate() * (now - charge.at)) / 1000;
    const possible = remaining - Math.min(sentSince, this.inflight) + refilled;
    if (possible < this.tokens) this.setTokens(possible, now + this.lagMs);
    this.raiseTokensTo(remaining - sentSince - charge.inflight, now);
    this.probeAt = now + probeAfterMs;
  }

  /** Records a response that names another bucket, which is scarcer than this one, although the request drew on both. */
  recordOtherBucket({ remaining }: RateLimitHeaders, charge: Charge, now: number): void {
    this.addRefill(now);
    this.raiseTokensTo(Math.min(remaining, this.limit) - (this.sent - charge.sent) - charge.inflight, now);
  }

  /** Records a 429: the bucket is empty. Call `release` first. */
  recordRefusal(sentAt: number, now: number): void {
    this.addRefill(now);
    this.adaptiveRate.recordRefusal(sentAt, this.refill.minPerSecond, now);
    this.setTokens(Math.min(this.tokens, -this.inflight), now + this.lagMs);
  }

  blockUntil(until: number): void {
    this.blockedUntil = Math.max(this.blockedUntil, until);
    this.probeAt = Math.max(this.probeAt, until);
  }

  /** Requests per second that the bucket probably allows; 0 when it is running short. */
  getEstimatedRate(): number {
    return this.isRunningShort() ? 0 : Math.max(this.refill.likelyPerSecond, this.limit / typicalFillSeconds);
  }

  /** Requests per second that exhaust the bucket; Infinity while it is not running short. */
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
      ...(wait > 0 && wait !== Infinity && { waitingUntil: now + wait }),
    };
  }

  /**
   * Tokens required to send a request. Next to other clients, only our share of the tokens is used at a time; a single
   * request is always allowed, so no client can starve a later one.
   */
  private getRequiredTokens(): number {
    const fairShare = this.inflight === 0 ? 1 : (this.inflight + 1) / this.refill.ownShare - this.inflight;
    return this.reservedTokens + fairShare;
  }

  private getRefillRate(): number {
    const { minPerSecond, ownShare } = this.refill;
    const perSecond = Math.max(minPerSecond, this.isRefillReported ? 0 : getDocumentedRefill(this.limit));
    return this.inflight === 0 ? perSecond : perSecond * ownShare;
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
