import { TokenBucket, type BucketSnapshot } from './token-bucket';
import { AdaptiveRate } from './adaptive-rate';
import { findEndpointGroup, isGroupBucket } from './endpoint-groups';
import type { RateLimitHeaders, RateLimitRefusal } from './rate-limit-headers';
import type { Charge } from './refill-estimator';

/** A bucket that no answer has named for this long no longer holds a route back, ms. */
const bucketExpiryMs = 120_000;
/** Buckets of single endpoints are refilled once in so many ms. */
const groupRefillIntervalMs = 1_000;
const backoffMs = { first: 1_000, longest: 60_000 };
/** Requests per second beyond which a guess does not go: more is found out by trying. */
const maxEstimatedPerSecond = 50;

/** A request that may be sent, and is out until it is given back. */
export interface Permit {
  readonly route: string;
  readonly grantedAt: number;
  /** Buckets that it draws on, by what is known. */
  readonly charges: ReadonlyMap<TokenBucket, Charge>;
}

/** A group of endpoints: see rate-group.ts. */
interface EndpointGroup {
  name: string;
  /** Sizes of the buckets that its answers have named, and when last. A request may draw on several. */
  lastSeenBySize: Map<number, number>;
  /** False until an answer has taught what limits there are; until then one request is out at a time. */
  limitsKnown: boolean;
  inflight: number;
  blockedUntil: number;
  /** For 429s that name no bucket. */
  adaptiveRate: AdaptiveRate;
  /** 429 answers in a row, those to requests that were out together counted once. */
  refusals: number;
  refusedAt: number;
}

/**
 * What is known of a tenant's limits: pure, with time as an argument (epoch ms). Auth0 limits some endpoints one by one
 * and others together and never says which. Answers tell the size of the scarcest bucket that a request drew on; that
 * and Auth0's tables tell which bucket it is: a size that the tables give to single groups of endpoints is one bucket
 * for each group, unless an answer of a group that has none of that size names it; any other size is one bucket for all.
 */
export class RateLimiter {
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly groups = new Map<string, EndpointGroup>();
  /** Sizes of buckets that all routes share. */
  private readonly sharedBucketSizes = new Set<number>();
  /** Requests out, of all routes. */
  private inflight = 0;
  /** True once any request has been answered. */
  private tenantAnswered = false;

  /** @param reserve part of every bucket that is left to others, 0 to 0.9 */
  constructor(private readonly reserve: number) {}

  /** ms until a request of this route may be sent; Infinity: not before one that is out is answered. */
  getWaitMs(route: string, now: number): number {
    const group = this.getGroup(route);
    // What nothing is known of is tried by a single request: of the tenant at first, of the route later.
    if (!group.limitsKnown && (this.tenantAnswered ? group.inflight : this.inflight) > 0) return Infinity;
    const waits = this.findBuckets(group, now).map((bucket) => bucket.getWaitMs(now));
    return Math.max(0, group.blockedUntil - now, group.adaptiveRate.getWaitMs(now), ...waits);
  }

  acquire(route: string, now: number): Permit {
    const group = this.getGroup(route);
    const charges = new Map(this.findBuckets(group, now).map((bucket) => [bucket, bucket.acquire(now)]));
    group.adaptiveRate.acquire(now);
    group.inflight += 1;
    this.inflight += 1;
    return { route, grantedAt: now, charges };
  }

  /** An answer other than 429 came; `reading` is absent when it says nothing of limits. */
  recordResponse(permit: Permit, headers: RateLimitHeaders | undefined, now: number): void {
    const group = this.releasePermit(permit, now);
    this.markKnown(group);
    group.refusals = 0;
    group.adaptiveRate.recordResponse(now);
    if (!headers) return;
    const named = this.getNamedBucket(group, headers, now);
    named.recordResponse(
      headers,
      permit.charges.get(named) ?? named.createLateCharge(permit.grantedAt, this.inflight),
      now,
    );
    for (const [bucket, charge] of permit.charges) {
      // Answers name the scarcest: of another that this route is known to draw on, at least as much is left.
      if (bucket !== named && group.lastSeenBySize.has(bucket.limit)) bucket.recordOtherBucket(headers, charge, now);
    }
    group.lastSeenBySize.set(headers.limit, now);
  }

  /**
   * A 429 came.
   * @param random 0 to 1, spreads the back-off of those that were not told how long
   * @returns when another try makes sense
   */
  recordRefusal(
    permit: Permit,
    { headers, retryAfterMs, resetMs }: RateLimitRefusal,
    now: number,
    random: number,
  ): number {
    const group = this.releasePermit(permit, now);
    this.markKnown(group);
    if (permit.grantedAt >= group.refusedAt) {
      group.refusals += 1;
      group.refusedAt = now;
    }
    const backOff = Math.min(backoffMs.longest, backoffMs.first * 2 ** (group.refusals - 1)) * (0.5 + random / 2);
    if (!headers) {
      group.adaptiveRate.recordRefusal(permit.grantedAt, 0, now);
      group.blockedUntil = Math.max(group.blockedUntil, now + (retryAfterMs ?? resetMs ?? backOff));
      return group.blockedUntil;
    }
    const bucket = this.getNamedBucket(group, { ...headers, remaining: 0 }, now);
    group.lastSeenBySize.set(headers.limit, now);
    bucket.recordRefusal(permit.grantedAt, now);
    // Where it is known how fast it fills, that tells; the reset would be when it is full.
    const until = now + (retryAfterMs ?? (bucket.hasMeasuredRefill() ? 0 : (resetMs ?? backOff)));
    bucket.blockUntil(until);
    return until;
  }

  /** No answer came. */
  recordFailure(permit: Permit, now: number): void {
    this.releasePermit(permit, now);
  }

  /** Requests per second that the buckets surely give together; 0 while nothing is known. */
  getGuaranteedRate(): number {
    return [...this.buckets.values()].reduce((sum, bucket) => sum + bucket.getGuaranteedRate(), 0);
  }

  /** Requests per second that the buckets give together, as measured or at a guess; 0 while none is known. */
  getEstimatedRate(): number {
    const guess = [...this.buckets.values()].reduce((sum, bucket) => sum + bucket.getEstimatedRate(), 0);
    return Math.min(guess, maxEstimatedPerSecond);
  }

  /** Requests per second that use up all of the buckets; Infinity while one of them, or all there is, does not run short. */
  getSaturationRate(): number {
    return [...this.buckets.values()].reduce((sum, bucket) => sum + bucket.getSaturationRate(), 0) || Infinity;
  }

  /** All buckets; `name` is the group of endpoints that it belongs to, or `tenant`. */
  snapshot(now: number): (BucketSnapshot & { name: string })[] {
    return [...this.buckets].map(([key, bucket]) => ({ name: key.split(' ')[0] ?? key, ...bucket.snapshot(now) }));
  }

  private markKnown(group: EndpointGroup): void {
    group.limitsKnown = true;
    this.tenantAnswered = true;
  }

  private getNamedBucket({ name }: EndpointGroup, headers: RateLimitHeaders, now: number): TokenBucket {
    const { limit } = headers;
    if (!isGroupBucket(name, limit)) this.sharedBucketSizes.add(limit);
    const own = !this.sharedBucketSizes.has(limit);
    const key = `${own ? name : 'tenant'} ${limit}`;
    const bucket =
      this.buckets.get(key) ??
      new TokenBucket(headers, this.inflight, this.reserve, own ? groupRefillIntervalMs : 0, now);
    this.buckets.set(key, bucket);
    return bucket;
  }

  private releasePermit(permit: Permit, now: number): EndpointGroup {
    const group = this.getGroup(permit.route);
    group.inflight -= 1;
    this.inflight -= 1;
    for (const bucket of permit.charges.keys()) bucket.release(now);
    return group;
  }

  private findBuckets(group: EndpointGroup, now: number): TokenBucket[] {
    for (const [limit, at] of group.lastSeenBySize) {
      if (group.lastSeenBySize.size > 1 && now - at > bucketExpiryMs) group.lastSeenBySize.delete(limit);
    }
    const limits = group.limitsKnown ? [...group.lastSeenBySize.keys()] : [Math.max(...this.sharedBucketSizes)];
    return limits.flatMap((limit) => {
      const key = `${this.sharedBucketSizes.has(limit) ? 'tenant' : group.name} ${limit}`;
      return this.buckets.get(key) ?? [];
    });
  }

  private getGroup(route: string): EndpointGroup {
    const name = findEndpointGroup(route);
    const group = this.groups.get(name) ?? {
      name,
      lastSeenBySize: new Map<number, number>(),
      limitsKnown: false,
      inflight: 0,
      blockedUntil: 0,
      adaptiveRate: new AdaptiveRate(0),
      refusals: 0,
      refusedAt: 0,
    };
    this.groups.set(name, group);
    return group;
  }
}
