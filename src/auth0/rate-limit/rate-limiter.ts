import { TokenBucket, type BucketSnapshot } from './token-bucket';
import { AdaptiveRate } from './adaptive-rate';
import { findEndpointGroup, isGroupBucket } from './endpoint-groups';
import type { RateLimitHeaders, RateLimitRefusal } from './rate-limit-headers';
import type { Charge } from './refill-estimator';

/** A bucket that no response has named for this time no longer applies to a route, ms. */
const bucketExpiryMs = 120_000;
/** Refill interval of the buckets of single endpoint groups. */
const groupRefillIntervalMs = 1_000;
const backoffMs = { first: 1_000, longest: 60_000 };
/** Upper bound of an estimated rate. The concurrency window finds higher rates by trial. */
const maxEstimatedPerSecond = 50;

/** Permission to send one request, which is in flight until its outcome is recorded. */
export interface Permit {
  readonly route: string;
  readonly grantedAt: number;
  /** The buckets that the request is known to draw on. */
  readonly charges: ReadonlyMap<TokenBucket, Charge>;
}

/** See endpoint-groups.ts. */
class EndpointGroup {
  /** Sizes of the buckets that its responses have named, with the time of the last. A request may draw on several. */
  readonly lastSeenBySize = new Map<number, number>();
  /** For 429s that name no bucket. */
  readonly adaptiveRate = new AdaptiveRate(0);
  /** False until the first response; until then one request is in flight at a time. */
  limitsKnown = false;
  inflight = 0;
  blockedUntil = 0;
  /** Consecutive 429s; those for requests that were in flight together count once. */
  refusals = 0;
  refusedAt = 0;

  constructor(readonly name: string) {}
}

/**
 * Models a tenant's rate limits. Pure; time is an argument (epoch ms). Auth0 limits some endpoints separately and others
 * together and does not report which. A response reports the size of the scarcest bucket that its request drew on. The
 * size identifies the bucket: if Auth0's tables list it for single endpoint groups, each group has a bucket of its own,
 * unless a group without such a bucket reports it; otherwise all endpoints share the bucket.
 */
export class RateLimiter {
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly groups = new Map<string, EndpointGroup>();
  /** Sizes of the buckets that all routes share. */
  private readonly sharedBucketSizes = new Set<number>();
  /** Requests in flight, of all routes. */
  private inflight = 0;
  private tenantAnswered = false;

  /** @param reserve share of every bucket that is left to other clients, 0 to 0.9 */
  constructor(private readonly reserve: number) {}

  /** Time until a request of this route may be sent. Infinity: not before a request in flight is answered. */
  getWaitMs(route: string, now: number): number {
    const group = this.getGroup(route);
    // A single request explores unknown limits: first those of the tenant, then those of each endpoint group.
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

  /** Records a response other than 429. `headers` is undefined when it does not report a limit. */
  recordResponse(permit: Permit, headers: RateLimitHeaders | undefined, now: number): void {
    const group = this.releaseAnswered(permit, now);
    group.refusals = 0;
    group.adaptiveRate.recordResponse(now);
    if (!headers) return;
    const named = this.getNamedBucket(group, headers, now);
    // The request may not have been known to draw on this bucket when it was sent.
    const charge = permit.charges.get(named) ?? named.createCharge(permit.grantedAt, this.inflight);
    named.recordResponse(headers, charge, now);
    for (const [bucket, charge] of permit.charges) {
      // Responses name the scarcest bucket, so the other buckets of this route have at least as many tokens.
      if (bucket !== named && group.lastSeenBySize.has(bucket.limit)) bucket.recordOtherBucket(headers, charge, now);
    }
    group.lastSeenBySize.set(headers.limit, now);
  }

  /**
   * Records a 429.
   * @param random 0 to 1, spreads the backoff of requests without a `Retry-After`
   * @returns when to send the request again, epoch ms
   */
  recordRefusal(
    permit: Permit,
    { headers, retryAfterMs, resetMs }: RateLimitRefusal,
    now: number,
    random: number,
  ): number {
    const group = this.releaseAnswered(permit, now);
    if (permit.grantedAt >= group.refusedAt) {
      group.refusals += 1;
      group.refusedAt = now;
    }
    const backoff = Math.min(backoffMs.longest, backoffMs.first * 2 ** (group.refusals - 1)) * (0.5 + random / 2);
    if (!headers) {
      group.adaptiveRate.recordRefusal(permit.grantedAt, 0, now);
      group.blockedUntil = Math.max(group.blockedUntil, now + (retryAfterMs ?? resetMs ?? backoff));
      return group.blockedUntil;
    }
    const bucket = this.getNamedBucket(group, { ...headers, remaining: 0 }, now);
    group.lastSeenBySize.set(headers.limit, now);
    bucket.recordRefusal(permit.grantedAt, now);
    // A measured refill is more precise than the reset, which is the time when the bucket is full.
    const until = now + (retryAfterMs ?? (bucket.refill.minPerSecond > 0 ? 0 : (resetMs ?? backoff)));
    bucket.blockUntil(until);
    return until;
  }

  /** Records a request without a response. */
  recordFailure(permit: Permit, now: number): void {
    this.release(permit, now);
  }

  /** Requests per second that all buckets together certainly allow; 0 while unknown. */
  getGuaranteedRate(): number {
    return this.sumOverBuckets(({ refill }) => refill.reportedPerSecond);
  }

  /** Requests per second that all buckets together probably allow; 0 while unknown. */
  getEstimatedRate(): number {
    const sum = this.sumOverBuckets((bucket) => bucket.getEstimatedRate());
    return Math.min(sum, maxEstimatedPerSecond);
  }

  /** Requests per second that exhaust all buckets; Infinity while one of them is not running short, or none is known. */
  getSaturationRate(): number {
    return this.sumOverBuckets((bucket) => bucket.getSaturationRate()) || Infinity;
  }

  private sumOverBuckets(getRate: (bucket: TokenBucket) => number): number {
    return [...this.buckets.values()].reduce((sum, bucket) => sum + getRate(bucket), 0);
  }

  /** `name` is the endpoint group that the bucket belongs to, or `tenant`. */
  snapshot(now: number): (BucketSnapshot & { name: string })[] {
    return [...this.buckets].map(([key, bucket]) => ({ name: key.split(' ')[0] ?? key, ...bucket.snapshot(now) }));
  }

  private getNamedBucket({ name }: EndpointGroup, headers: RateLimitHeaders, now: number): TokenBucket {
    const { inflight, reserve } = this;
    const { limit } = headers;
    if (!isGroupBucket(name, limit)) this.sharedBucketSizes.add(limit);
    const lagMs = this.sharedBucketSizes.has(limit) ? 0 : groupRefillIntervalMs;
    const key = this.getBucketKey(name, limit);
    const bucket = this.buckets.get(key) ?? new TokenBucket({ headers, inflight, reserve, lagMs, now });
    this.buckets.set(key, bucket);
    return bucket;
  }

  private getBucketKey(group: string, limit: number): string {
    return `${this.sharedBucketSizes.has(limit) ? 'tenant' : group} ${limit}`;
  }

  private release(permit: Permit, now: number): EndpointGroup {
    const group = this.getGroup(permit.route);
    group.inflight -= 1;
    this.inflight -= 1;
    for (const bucket of permit.charges.keys()) bucket.release(now);
    return group;
  }

  private releaseAnswered(permit: Permit, now: number): EndpointGroup {
    const group = this.release(permit, now);
    group.limitsKnown = true;
    this.tenantAnswered = true;
    return group;
  }

  private findBuckets(group: EndpointGroup, now: number): TokenBucket[] {
    for (const [limit, at] of group.lastSeenBySize) {
      if (group.lastSeenBySize.size > 1 && now - at > bucketExpiryMs) group.lastSeenBySize.delete(limit);
    }
    const limits = group.limitsKnown ? [...group.lastSeenBySize.keys()] : [Math.max(...this.sharedBucketSizes)];
    return limits.flatMap((limit) => this.buckets.get(this.getBucketKey(group.name, limit)) ?? []);
  }

  private getGroup(route: string): EndpointGroup {
    const name = findEndpointGroup(route);
    const group = this.groups.get(name) ?? new EndpointGroup(name);
    this.groups.set(name, group);
    return group;
  }
}
