import type { BucketLimit, BucketGroup, RateLimits } from './rate-limits';

/** What the `x-ratelimit-*` headers say. */
export interface BucketLevel {
  limit: number;
  /** Whole requests left. */
  remaining: number;
  /** When the bucket is full again, Unix seconds, rounded up. */
  reset: number;
  /** Milliseconds until one more request is allowed; 0 when one is now. */
  waitMs: number;
}

export interface ChargeResult {
  allowed: boolean;
  /** The scarcest of the buckets that were charged. Absent when none applies. */
  level?: BucketLevel;
}

/** One request, in the units that buckets count in: a refill is then a whole number of units each ms, and sums stay exact. */
const unitsPerRequest = 60_000;

interface TenantBucket {
  limit: BucketLimit;
  /** In units. */
  units: number;
  refilledAt: number;
}

export interface TenantBuckets {
  /** Takes one request from the global bucket, then one from the endpoint's. */
  charge(group: BucketGroup, now: number): ChargeResult;
  /** What a bucket holds stays, as far as it fits. */
  updateLimits(limits: RateLimits, now: number): void;
}

/** The tenant's token buckets, full at first. */
export function createTenantBuckets(initialLimits: RateLimits): TenantBuckets {
  const buckets = new Map<string, TenantBucket>();
  let limits = initialLimits;

  function take(name: string, limit: BucketLimit, now: number): { allowed: boolean; reading: BucketLevel } {
    const bucket = buckets.get(name) ?? { limit, units: limit.size * unitsPerRequest, refilledAt: now };
    buckets.set(name, bucket);
    refillBucket(bucket, now);
    const allowed = bucket.units >= unitsPerRequest;
    if (allowed) bucket.units -= unitsPerRequest;
    return { allowed, reading: readBucketLevel(bucket, now) };
  }

  function limitOf(name: string): BucketLimit | undefined {
    return name === 'global' ? limits.global : limits.groups?.[name as BucketGroup];
  }

  return {
    updateLimits(changed, now) {
      limits = changed;
      for (const [name, bucket] of buckets) {
        refillBucket(bucket, now);
        const limit = limitOf(name);
        if (limit)
          buckets.set(name, { limit, units: Math.min(bucket.units, limit.size * unitsPerRequest), refilledAt: now });
        else buckets.delete(name);
      }
    },
    charge(group, now) {
      const limit = limits.groups?.[group];
      const readings: BucketLevel[] = [];
      if (limits.global && group !== 'token') {
        const { allowed, reading: level } = take('global', limits.global, now);
        readings.push(level);
        if (!allowed) return { allowed, level };
      }
      if (limit) {
        const { allowed, reading: level } = take(group, limit, now);
        readings.push(level);
        if (!allowed) return { allowed, level };
      }
      const [scarcest] = readings.sort((one, other) => one.remaining - other.remaining);
      return { allowed: true, ...(scarcest && { level: scarcest }) };
    },
  };
}

function computeUnitsPerMs(limit: BucketLimit): number {
  return 'perSecond' in limit ? limit.perSecond * 60 : limit.perMinute;
}

function refillBucket(bucket: TenantBucket, now: number): void {
  const step = 'perSecond' in bucket.limit ? 1 : 1_000;
  const steps = Math.floor((now - bucket.refilledAt) / step);
  if (steps <= 0) return;
  const added = steps * step * computeUnitsPerMs(bucket.limit);
  bucket.units = Math.min(bucket.limit.size * unitsPerRequest, bucket.units + added);
  bucket.refilledAt += steps * step;
}

function readBucketLevel({ limit, units }: TenantBucket, now: number): BucketLevel {
  return {
    limit: limit.size,
    remaining: Math.floor(units / unitsPerRequest),
    reset: Math.ceil((now + (limit.size * unitsPerRequest - units) / computeUnitsPerMs(limit)) / 1_000),
    waitMs: Math.max(0, Math.ceil((unitsPerRequest - units) / computeUnitsPerMs(limit))),
  };
}
