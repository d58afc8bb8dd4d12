import { Bucket } from './bucket';
import type { Reading } from './rate-limit';

/** A bucket that no answer has named for this long no longer holds a route back, ms. */
const forgottenAfterMs = 120_000;

/** A request that may be sent, and is out until it is given back. */
export interface Permit {
  readonly route: string;
  /** Buckets it was charged to. */
  readonly buckets: readonly Bucket[];
}

interface Route {
  /** Buckets whose limit answers of this route have shown, and when last. A route may be charged to several. */
  seen: Map<Bucket, number>;
  /** False until an answer has taught what limits there are; until then one request is out at a time. */
  known: boolean;
  inflight: number;
  blockedUntil: number;
  /** 429 answers in a row. */
  refusals: number;
}

/**
 * What is known of a tenant's limits: pure, with time as an argument (epoch ms). Auth0 limits some routes one by one and
 * others together and never says which; routes that report a bucket of the same size are taken to share it, so a small
 * bucket does not slow the routes of a large one.
 */
export class Limits {
  private readonly buckets = new Map<number, Bucket>();
  private readonly routes = new Map<string, Route>();
  private latest: Bucket | undefined;
  /** Requests out, of all routes. */
  private out = 0;
  /** True once any request has been answered. */
  private tenantKnown = false;

  /** @param reserve part of every bucket that is left to others, 0 to 1 */
  constructor(private readonly reserve: number) {}

  /** ms until a request of this route may be sent; Infinity: not before one that is out is answered. */
  waitFor(name: string, now: number): number {
    const route = this.routeOf(name);
    // What nothing is known of is tried by a single request: of the tenant at first, of the route later.
    if (!route.known && (this.tenantKnown ? route.inflight : this.out) > 0) return Infinity;
    const waits = this.bucketsOf(route, now).map((bucket) => bucket.waitFor(now));
    return Math.max(0, route.blockedUntil - now, ...waits);
  }

  take(name: string, now: number): Permit {
    const route = this.routeOf(name);
    const buckets = this.bucketsOf(route, now);
    for (const bucket of buckets) bucket.take(now);
    route.inflight += 1;
    this.out += 1;
    return { route: name, buckets };
  }

  /** An answer other than 429 came; `reading` is absent when it says nothing of limits. */
  answered(permit: Permit, reading: Reading | undefined, now: number): void {
    const route = this.giveBack(permit);
    route.known = true;
    this.tenantKnown = true;
    route.refusals = 0;
    if (reading) this.observe(route, reading, now, true);
  }

  /**
   * A 429 came.
   * @param delayMs how long it asks to wait; absent when it does not say
   * @param random 0 to 1, spreads the back-off of those that were not told how long
   * @returns when another try makes sense
   */
  refused(
    permit: Permit,
    reading: Reading | undefined,
    delayMs: number | undefined,
    now: number,
    random: number,
  ): number {
    const route = this.giveBack(permit);
    route.known = true;
    this.tenantKnown = true;
    route.refusals += 1;
    const backOff = Math.min(60_000, 1000 * 2 ** (route.refusals - 1)) * (0.5 + random / 2);
    const until = now + (delayMs ?? backOff);
    if (reading) this.observe(route, { ...reading, remaining: 0 }, now, false).block(until);
    else route.blockedUntil = Math.max(route.blockedUntil, until);
    return until;
  }

  /** No answer came. */
  failed(permit: Permit): void {
    this.giveBack(permit);
  }

  /** The bucket that an answer has named last. */
  snapshot(now: number): ReturnType<Bucket['snapshot']> | undefined {
    return this.latest?.snapshot(now);
  }

  private observe(route: Route, reading: Reading, now: number, charged: boolean): Bucket {
    const bucket = this.buckets.get(reading.limit) ?? new Bucket(reading.limit, this.reserve, now);
    this.buckets.set(reading.limit, bucket);
    route.seen.set(bucket, now);
    bucket.observe(reading, now, charged);
    this.latest = bucket;
    return bucket;
  }

  private giveBack(permit: Permit): Route {
    const route = this.routeOf(permit.route);
    route.inflight -= 1;
    this.out -= 1;
    for (const bucket of permit.buckets) bucket.settle();
    return route;
  }

  private bucketsOf(route: Route, now: number): Bucket[] {
    for (const [bucket, at] of route.seen) {
      if (route.seen.size > 1 && now - at > forgottenAfterMs) route.seen.delete(bucket);
    }
    if (route.known) return [...route.seen.keys()];
    // Until its own answer says otherwise, a route is taken to draw on what most do: the largest bucket.
    const largest = [...this.buckets.values()].reduce<Bucket | undefined>(
      (most, bucket) => (most && most.limit >= bucket.limit ? most : bucket),
      undefined,
    );
    return largest ? [largest] : [];
  }

  private routeOf(name: string): Route {
    const route = this.routes.get(name) ?? {
      seen: new Map<Bucket, number>(),
      known: false,
      inflight: 0,
      blockedUntil: 0,
      refusals: 0,
    };
    this.routes.set(name, route);
    return route;
  }
}
