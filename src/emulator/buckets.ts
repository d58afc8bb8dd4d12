import type { BucketLimit, EndpointGroup, RateLimits } from './rate-limits';

/** What the `x-ratelimit-*` headers say. */
export interface BucketReading {
  limit: number;
  /** Whole requests left. */
  remaining: number;
  /** When the bucket is full again, Unix seconds, rounded up. */
  reset: number;
  /** Milliseconds until one more request is allowed; 0 when one is now. */
  waitMs: number;
}

export interface Charge {
  allowed: boolean;
  /** The scarcest of the buckets that were charged. Absent when none applies. */
  reading?: BucketReading;
}

/** One request, in the units that buckets count in: a refill is then a whole number of units each ms, and sums stay exact. */
const REQUEST = 60_000;

interface Bucket {
  limit: BucketLimit;
  /** In units. */
  content: number;
  filledAt: number;
}

export interface Buckets {
  /** Takes one request from the global bucket, then one from the endpoint's. */
  charge(group: EndpointGroup, now: number): Charge;
  /** What a bucket holds stays, as far as it fits. */
  change(limits: RateLimits, now: number): void;
}

/** The tenant's token buckets, full at first. */
export function createBuckets(first: RateLimits): Buckets {
  const buckets = new Map<string, Bucket>();
  let limits = first;

  function take(name: string, limit: BucketLimit, now: number): { allowed: boolean; reading: BucketReading } {
    const bucket = buckets.get(name) ?? { limit, content: limit.size * REQUEST, filledAt: now };
    buckets.set(name, bucket);
    refill(bucket, now);
    const allowed = bucket.content >= REQUEST;
    if (allowed) bucket.content -= REQUEST;
    return { allowed, reading: readBucket(bucket, now) };
  }

  function limitOf(name: string): BucketLimit | undefined {
    return name === 'global' ? limits.global : limits.groups?.[name as EndpointGroup];
  }

  return {
    change(changed, now) {
      limits = changed;
      for (const [name, bucket] of buckets) {
        refill(bucket, now);
        const limit = limitOf(name);
        if (limit) buckets.set(name, { limit, content: Math.min(bucket.content, limit.size * REQUEST), filledAt: now });
        else buckets.delete(name);
      }
    },
    charge(group, now) {
      const limit = limits.groups?.[group];
      const readings: BucketReading[] = [];
      if (limits.global && group !== 'token') {
        const { allowed, reading } = take('global', limits.global, now);
        readings.push(reading);
        if (!allowed) return { allowed, reading };
      }
      if (limit) {
        const { allowed, reading } = take(group, limit, now);
        readings.push(reading);
        if (!allowed) return { allowed, reading };
      }
      const [scarcest] = readings.sort((one, other) => one.remaining - other.remaining);
      return { allowed: true, ...(scarcest && { reading: scarcest }) };
    },
  };
}

function unitsPerMs(limit: BucketLimit): number {
  return 'perSecond' in limit ? limit.perSecond * 60 : limit.perMinute;
}

function refill(bucket: Bucket, now: number): void {
  const step = 'perSecond' in bucket.limit ? 1 : 1_000;
  const steps = Math.floor((now - bucket.filledAt) / step);
  if (steps <= 0) return;
  const added = steps * step * unitsPerMs(bucket.limit);
  bucket.content = Math.min(bucket.limit.size * REQUEST, bucket.content + added);
  bucket.filledAt += steps * step;
}

function readBucket({ limit, content }: Bucket, now: number): BucketReading {
  return {
    limit: limit.size,
    remaining: Math.floor(content / REQUEST),
    reset: Math.ceil((now + (limit.size * REQUEST - content) / unitsPerMs(limit)) / 1_000),
    waitMs: Math.max(0, Math.ceil((REQUEST - content) / unitsPerMs(limit))),
  };
}
