import type { BucketLimit, BucketGroup, RateLimits } from './rate-limits';

/** The values of the `x-ratelimit-*` headers. */
export interface BucketLevel {
  limit: number;
  /** Whole requests left. */
  remaining: number;
  /** When the bucket is full again, Unix seconds, rounded up. */
  reset: number;
  /** Milliseconds until the next request is allowed. */
  waitMs: number;
}

export interface ChargeResult {
  allowed: boolean;
  /** The scarcest of the charged buckets. Absent when none applies. */
  level?: BucketLevel;
}

/** Buckets count in units: a refill is a whole number of units per ms, so sums are exact. */
const unitsPerRequest = 60_000;

interface TenantBucket {
  limit: BucketLimit;
  /** In units. */
  units: number;
  refilledAt: number;
}

export interface TenantBuckets {
  /** Charges the global bucket, then the endpoint's. */
  charge(group: BucketGroup, now: number): ChargeResult;
  /** Keeps the content of each bucket, up to its new size. */
  updateLimits(limits: RateLimits, now: number): void;
}

/** The tenant's token buckets, initially full. */
export function createTenantBuckets(initialLimits: RateLimits): TenantBuckets {
  const buckets = new Map<string, TenantBucket>();
  let limits = initialLimits;

  function chargeBucket(name: string, limit: BucketLimit, now: number): { allowed: boolean; level: BucketLevel } {
    const bucket = buckets.get(name) ?? { limit, units: limit.size * unitsPerRequest, refilledAt: now };
    buckets.set(name, bucket);
    refillBucket(bucket, now);
    const allowed = bucket.units >= unitsPerRequest;
    if (allowed) bucket.units -= unitsPerRequest;
    return { allowed, level: readBucketLevel(bucket, now) };
  }

  function findLimit(name: string): BucketLimit | undefined {
    return name === 'global' ? limits.global : limits.groups?.[name as BucketGroup];
  }

  return {
    updateLimits(changed, now) {
      limits = changed;
      for (const [name, bucket] of buckets) {
        refillBucket(bucket, now);
        const limit = findLimit(name);
        if (limit)
          buckets.set(name, { limit, units: Math.min(bucket.units, limit.size * unitsPerRequest), refilledAt: now });
        else buckets.delete(name);
      }
    },
    charge(group, now) {
      const names = group === 'token' ? [group] : ['global', group];
      const levels: BucketLevel[] = [];
      for (const name of names) {
        const limit = findLimit(name);
        if (!limit) continue;
        const { allowed, level } = chargeBucket(name, limit, now);
        if (!allowed) return { allowed, level };
        levels.push(level);
      }
      const [scarcest] = levels.sort((one, other) => one.remaining - other.remaining);
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
