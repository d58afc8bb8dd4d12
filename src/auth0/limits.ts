import { Bucket, type BucketSnapshot } from './bucket';
import { Ceiling } from './ceiling';
import { groupOf, isOwnBucket } from './rate-group';
import type { Reading, Refusal } from './rate-limit';
import type { Charge } from './refill';

/** A bucket that no answer has named for this long no longer holds a route back, ms. */
const forgottenAfterMs = 120_000;
/** Buckets of single endpoints are refilled once in so many ms. */
const refillStepMs = 1_000;
const backOffMs = { first: 1_000, longest: 60_000 };
/** Requests per second beyond which a guess does not go: more is found out by trying. */
const boldestGuess = 50;

/** A request that may be sent, and is out until it is given back. */
export interface Permit {
  readonly route: string;
  readonly at: number;
  /** Buckets that it draws on, by what is known. */
  readonly charges: ReadonlyMap<Bucket, Charge>;
}

/** A group of endpoints: see rate-group.ts. */
interface Group {
  name: string;
  /** Sizes of the buckets that its answers have named, and when last. A request may draw on several. */
  seen: Map<number, number>;
  /** False until an answer has taught what limits there are; until then one request is out at a time. */
  known: boolean;
  inflight: number;
  blockedUntil: number;
  /** For 429s that name no bucket. */
  ceiling: Ceiling;
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
export class Limits {
  private readonly buckets = new Map<string, Bucket>();
  private readonly groups = new Map<string, Group>();
  /** Sizes of buckets that all routes share. */
  private readonly shared = new Set<number>();
  /** Requests out, of all routes. */
  private out = 0;
  /** True once any request has been answered. */
  private tenantKnown = false;

  /** @param reserve part of every bucket that is left to others, 0 to 0.9 */
  constructor(private readonly reserve: number) {}

  /** ms until a request of this route may be sent; Infinity: not before one that is out is answered. */
  waitFor(route: string, now: number): number {
    const group = this.groupOf(route);
    // What nothing is known of is tried by a single request: of the tenant at first, of the route later.
    if (!group.known && (this.tenantKnown ? group.inflight : this.out) > 0) return Infinity;
    const waits = this.bucketsOf(group, now).map((bucket) => bucket.waitFor(now));
    return Math.max(0, group.blockedUntil - now, group.ceiling.waitFor(now), ...waits);
  }

  take(route: string, now: number): Permit {
    const group = this.groupOf(route);
    const charges = new Map(this.bucketsOf(group, now).map((bucket) => [bucket, bucket.take(now)]));
    group.ceiling.take(now);
    group.inflight += 1;
    this.out += 1;
    return { route, at: now, charges };
  }

  /** An answer other than 429 came; `reading` is absent when it says nothing of limits. */
  answered(permit: Permit, reading: Reading | undefined, now: number): void {
    const group = this.giveBack(permit, now);
    this.learnOf(group);
    group.refusals = 0;
    group.ceiling.answered(now);
    if (!reading) return;
    const named = this.bucketNamed(group, reading, now);
    named.observe(reading, permit.charges.get(named) ?? named.adopt(permit.at, this.out), now);
    for (const [bucket, charge] of permit.charges) {
      // Answers name the scarcest: of another that this route is known to draw on, at least as much is left.
      if (bucket !== named && group.seen.has(bucket.limit)) bucket.pass(reading, charge, now);
    }
    group.seen.set(reading.limit, now);
  }

  /**
   * A 429 came.
   * @param random 0 to 1, spreads the back-off of those that were not told how long
   * @returns when another try makes sense
   */
  refused(permit: Permit, { reading, retryAfterMs, resetMs }: Refusal, now: number, random: number): number {
    const group = this.giveBack(permit, now);
    this.learnOf(group);
    if (permit.at >= group.refusedAt) {
      group.refusals += 1;
      group.refusedAt = now;
    }
    const backOff = Math.min(backOffMs.longest, backOffMs.first * 2 ** (group.refusals - 1)) * (0.5 + random / 2);
    if (!reading) {
      group.ceiling.refused(permit.at, 0, now);
      group.blockedUntil = Math.max(group.blockedUntil, now + (retryAfterMs ?? resetMs ?? backOff));
      return group.blockedUntil;
    }
    const bucket = this.bucketNamed(group, { ...reading, remaining: 0 }, now);
    group.seen.set(reading.limit, now);
    bucket.refuse(permit.at, now);
    // Where it is known how fast it fills, that tells; the reset would be when it is full.
    const until = now + (retryAfterMs ?? (bucket.isMeasured() ? 0 : (resetMs ?? backOff)));
    bucket.block(until);
    return until;
  }

  /** No answer came. */
  failed(permit: Permit, now: number): void {
    this.giveBack(permit, now);
  }

  /** Requests per second that the buckets surely give together; 0 while nothing is known. */
  gives(): number {
    return [...this.buckets.values()].reduce((sum, bucket) => sum + bucket.gives(), 0);
  }

  /** Requests per second that the buckets give together, as measured or at a guess; 0 while none is known. */
  mayGive(): number {
    const guess = [...this.buckets.values()].reduce((sum, bucket) => sum + bucket.mayGive(), 0);
    return Math.min(guess, boldestGuess);
  }

  /** Requests per second that use up all of the buckets; Infinity while one of them, or all there is, does not run short. */
  takes(): number {
    return [...this.buckets.values()].reduce((sum, bucket) => sum + bucket.takes(), 0) || Infinity;
  }

  /** All buckets; `name` is the group of endpoints that it belongs to, or `tenant`. */
  snapshot(now: number): (BucketSnapshot & { name: string })[] {
    return [...this.buckets].map(([key, bucket]) => ({ name: key.split(' ')[0] ?? key, ...bucket.snapshot(now) }));
  }

  private learnOf(group: Group): void {
    group.known = true;
    this.tenantKnown = true;
  }

  private bucketNamed({ name }: Group, reading: Reading, now: number): Bucket {
    const { limit } = reading;
    if (!isOwnBucket(name, limit)) this.shared.add(limit);
    const own = !this.shared.has(limit);
    const key = `${own ? name : 'tenant'} ${limit}`;
    const bucket = this.buckets.get(key) ?? new Bucket(reading, this.out, this.reserve, own ? refillStepMs : 0, now);
    this.buckets.set(key, bucket);
    return bucket;
  }

  private giveBack(permit: Permit, now: number): Group {
    const group = this.groupOf(permit.route);
    group.inflight -= 1;
    this.out -= 1;
    for (const bucket of permit.charges.keys()) bucket.settle(now);
    return group;
  }

  private bucketsOf(group: Group, now: number): Bucket[] {
    for (const [limit, at] of group.seen) {
      if (group.seen.size > 1 && now - at > forgottenAfterMs) group.seen.delete(limit);
    }
    const limits = group.known ? [...group.seen.keys()] : [Math.max(...this.shared)];
    return limits.flatMap((limit) => {
      const key = `${this.shared.has(limit) ? 'tenant' : group.name} ${limit}`;
      return this.buckets.get(key) ?? [];
    });
  }

  private groupOf(route: string): Group {
    const name = groupOf(route);
    const group = this.groups.get(name) ?? {
      name,
      seen: new Map<number, number>(),
      known: false,
      inflight: 0,
      blockedUntil: 0,
      ceiling: new Ceiling(0),
      refusals: 0,
      refusedAt: 0,
    };
    this.groups.set(name, group);
    return group;
  }
}
