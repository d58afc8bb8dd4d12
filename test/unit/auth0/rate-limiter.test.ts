import fc from 'fast-check';
import { RateLimiter, type Permit } from '../../../src/auth0/rate-limit/rate-limiter';
import type { RateLimitHeaders, RateLimitRefusal } from '../../../src/auth0/rate-limit/rate-limit-headers';

const headers: fc.Arbitrary<RateLimitHeaders | undefined> = fc.option(
  fc.record(
    {
      limit: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 1e9 })),
      remaining: fc.integer({ min: 0, max: 100 }),
      fullInMs: fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.constant(86_400_000)),
    },
    { requiredKeys: ['limit', 'remaining'] },
  ),
  { nil: undefined },
);
const bounded = (given: RateLimitHeaders | undefined): RateLimitHeaders | undefined =>
  given && { ...given, remaining: Math.min(given.remaining, given.limit) };

const routes = ['users', 'organizations', 'organizations/{id}'];

type Event =
  | { kind: 'ask'; route: string }
  | { kind: 'answer' | 'fail'; which: number }
  | { kind: 'answer' | 'refuse'; which: number; headers: RateLimitHeaders | undefined; delay?: number | undefined }
  | { kind: 'pass'; ms: number };
const which = fc.nat(20);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), route: fc.constantFrom(...routes) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const), which, headers: headers.map(bounded) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('refuse' as const),
      which,
      headers: headers.map(bounded),
      delay: fc.option(fc.integer({ min: 0, max: 30_000 }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 20_000 }) }) },
);

const refusal = (seen: RateLimitHeaders | undefined, retryAfterMs: number | undefined): RateLimitRefusal => ({
  ...(seen && { headers: seen }),
  ...(retryAfterMs !== undefined && retryAfterMs > 0 && { retryAfterMs }),
});

/** Plays events against the model; calls `check` whenever a request is let out. */
function play(
  events: Event[],
  reserve: number,
  check: (permit: Permit) => void,
): { limits: RateLimiter; out: Permit[]; now: number } {
  const limits = new RateLimiter(reserve);
  const out: Permit[] = [];
  let now = 1_000_000;
  for (const step of events) {
    if (step.kind === 'pass') now += step.ms;
    else if (step.kind === 'ask') {
      if (limits.getWaitMs(step.route, now) > 0) continue;
      const permit = limits.acquire(step.route, now);
      out.push(permit);
      check(permit);
    } else {
      const [permit] = out.splice(step.which % Math.max(1, out.length), 1);
      if (!permit) continue;
      if (step.kind === 'fail') limits.recordFailure(permit, now);
      else if (step.kind === 'refuse') limits.recordRefusal(permit, refusal(step.headers, step.delay), now, 0.5);
      else limits.recordResponse(permit, 'headers' in step ? step.headers : undefined, now);
    }
  }
  return { limits, out, now };
}

test('allows one request before the first response, and then never more than the bucket has', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.double({ min: 0, max: 0.9, noNaN: true }), (events, reserve) => {
      play(events, reserve, (permit) => {
        for (const bucket of permit.charges.keys()) expect(bucket.inflight).toBeLessThanOrEqual(bucket.limit);
      });
    }),
  );
});

test('always allows a request in finite time while none is in flight, whatever the headers report', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.double({ min: 0, max: 0.9, noNaN: true }), (events, reserve) => {
      const { limits, out, now } = play(events, reserve, () => {});
      for (const permit of out) limits.recordFailure(permit, now);
      for (const route of routes) {
        const wait = limits.getWaitMs(route, now);
        expect(wait).toBeLessThanOrEqual(60_000);
        // Blocks end and probes come: after the wait there may be another, but not many.
        let time = now + wait;
        for (let i = 0; i < 4 && limits.getWaitMs(route, time) > 0; i += 1) time += limits.getWaitMs(route, time);
        expect(limits.getWaitMs(route, time)).toBe(0);
      }
    }),
  );
});

test('waits indefinitely only for a response to a request in flight', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const { limits, out, now } = play(events, 0.1, () => {});
      if (routes.some((route) => limits.getWaitMs(route, now) === Infinity)) expect(out.length).toBeGreaterThan(0);
    }),
  );
});

test("does not slow a route by another route's small bucket", () => {
  const limits = new RateLimiter(0);
  limits.recordResponse(limits.acquire('organizations', 0), { limit: 5, remaining: 0 }, 0);
  limits.recordResponse(limits.acquire('users', 0), { limit: 40, remaining: 39 }, 0);
  expect(limits.getWaitMs('organizations', 1)).toBeGreaterThan(0);
  expect(limits.getWaitMs('users', 1)).toBe(0);
});

test('allows one request to an unknown tenant, whatever its route', () => {
  const limits = new RateLimiter(0);
  const first = limits.acquire('clients', 0);
  expect(limits.getWaitMs('users', 0)).toBe(Infinity);
  limits.recordResponse(first, { limit: 2, remaining: 1 }, 0);
  expect(limits.getWaitMs('users', 0)).toBe(0);
});

test('charges the shared bucket for a new route until its first response', () => {
  const limits = new RateLimiter(0);
  limits.recordResponse(limits.acquire('users', 0), { limit: 50, remaining: 1 }, 0);
  limits.recordResponse(limits.acquire('organizations', 0), { limit: 10, remaining: 9 }, 0);
  limits.acquire('users', 0);
  expect(limits.getWaitMs('clients', 0)).toBeGreaterThan(0);
  expect(limits.getWaitMs('organizations', 0)).toBe(0);
});

describe('the bucket that a response names', () => {
  /** Whether the second route is held back when the first has left nothing in a bucket of this size. */
  function share(first: string, second: string, limit: number): boolean {
    const limits = new RateLimiter(0);
    limits.recordResponse(limits.acquire(second, 0), { limit, remaining: limit - 1 }, 0);
    limits.recordResponse(limits.acquire(first, 0), { limit, remaining: 0 }, 1);
    return limits.getWaitMs(second, 2) > 0;
  }

  test.each([
    ['users', 'clients', 50, true],
    ['users', 'organizations', 50, true],
    ['organizations', 'users', 2, true],
    ['organizations', 'organizations/{id}/members', 20, false],
    ['organizations', 'clients', 5, false],
    ['roles', 'resource-servers', 10, true],
    ['roles', 'organizations', 10, false],
    ['users', 'organizations', 10, true],
  ])('%s and %s of size %i: the same is %s', (first, second, limit, same) => {
    expect(share(first, second, limit)).toBe(same);
    expect(share(second, first, limit)).toBe(same);
  });
});

test('subtracts requests in flight from the remaining requests of a response', () => {
  const limits = new RateLimiter(0);
  limits.recordResponse(limits.acquire('users', 0), { limit: 10, remaining: 9 }, 0);
  const out = Array.from({ length: 4 }, () => limits.acquire('users', 0));
  limits.recordResponse(out[0] as Permit, { limit: 10, remaining: 5 }, 0);
  for (const left of [2, 1]) {
    expect(limits.snapshot(0)[0]?.remaining).toBe(left);
    limits.acquire('users', 0);
  }
  expect(limits.getWaitMs('users', 0)).toBeGreaterThan(0);
});

test("raises a route's other buckets to the remaining requests of the scarcest one", () => {
  const limits = new RateLimiter(0);
  limits.recordResponse(limits.acquire('users', 0), { limit: 25, remaining: 0 }, 0);
  limits.recordResponse(limits.acquire('users', 3_000), { limit: 50, remaining: 40 }, 3_000);
  limits.recordResponse(limits.acquire('users', 3_000), { limit: 50, remaining: 39 }, 3_000);
  expect(limits.snapshot(3_000).map(({ limit, remaining }) => [limit, remaining])).toEqual([
    [25, 25],
    [50, 39],
  ]);
});

describe('a 429', () => {
  const full: RateLimitHeaders = { limit: 10, remaining: 0 };
  const known = (): RateLimiter => {
    const limits = new RateLimiter(0);
    limits.recordResponse(limits.acquire('users', 0), { limit: 10, remaining: 9, fullInMs: 1_000 }, 0);
    return limits;
  };

  test('is followed by the wait of its Retry-After', () => {
    const limits = known();
    expect(limits.recordRefusal(limits.acquire('users', 0), { headers: full, retryAfterMs: 7_000 }, 0, 0.5)).toBe(
      7_000,
    );
    expect([limits.getWaitMs('users', 0), limits.getWaitMs('users', 6_999)]).toEqual([7_000, 1]);
    expect(limits.getWaitMs('users', 7_000)).toBe(0);
  });

  test('without Retry-After is followed by a wait for the next token if the refill is known', () => {
    const limits = known();
    limits.recordRefusal(limits.acquire('users', 0), { headers: full, resetMs: 10_000 }, 0, 0.5);
    expect(limits.getWaitMs('users', 0)).toBe(1_000);
    expect(limits.getWaitMs('users', 1_000)).toBe(0);
  });

  test('reports when to retry also while other requests are in flight', () => {
    const limits = known();
    const out = Array.from({ length: 9 }, () => limits.acquire('users', 0));
    const untils = out.map((permit) => limits.recordRefusal(permit, { headers: full }, 10, 1));
    for (const until of untils) expect(until).toBe(10);
  });

  test('is followed by a wait until the reset if the refill is unknown', () => {
    const limits = new RateLimiter(0);
    expect(limits.recordRefusal(limits.acquire('users', 0), { headers: full, resetMs: 4_000 }, 0, 0.5)).toBe(4_000);
  });

  test('without headers is followed by exponential backoff with jitter until a response succeeds', () => {
    const waits = (random: number): number[] => {
      const limits = new RateLimiter(0);
      let now = 0;
      return [1, 2, 3, 4, 5, 6, 7, 8].map((nth) => {
        if (nth === 8) limits.recordResponse(limits.acquire('users', now), undefined, now);
        const until = limits.recordRefusal(limits.acquire('users', now), {}, now, random);
        const wait = until - now;
        now = until;
        return wait;
      });
    };
    expect(waits(1)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 1_000]);
    expect(waits(0)[0]).toBe(500);
  });

  test('counts once for requests that were in flight together', () => {
    const limits = known();
    const out = [1, 2, 3, 4, 5].map(() => limits.acquire('users', 0));
    const untils = out.map((permit) => limits.recordRefusal(permit, {}, 10, 1));
    expect(untils).toEqual(untils.map(() => 1_010));
  });

  test.each([
    ['names a bucket', full],
    ['names none', undefined],
  ])('reduces the rate further when it follows every wait that it requested, and %s', (_, named) => {
    const limits = new RateLimiter(0);
    let now = 0;
    for (let nth = 0; nth < 8; nth += 1) {
      now += limits.getWaitMs('users', now);
      limits.recordRefusal(limits.acquire('users', now), { ...(named && { headers: named }), retryAfterMs: 1 }, now, 1);
    }
    expect(now).toBeGreaterThan(60_000);
  });
});

test('does not repeat a probe without a response at once', () => {
  const limits = new RateLimiter(0.9);
  limits.recordResponse(limits.acquire('users', 0), { limit: 10, remaining: 0, fullInMs: 60_000 }, 0);
  expect(limits.getWaitMs('users', 0)).toBe(60_000);
  expect(limits.getWaitMs('users', 60_000)).toBe(0);
  limits.recordFailure(limits.acquire('users', 60_000), 60_100);
  expect(limits.getWaitMs('users', 60_100)).toBeGreaterThan(5_000);
});

test('does not pace a tenant without limits', () => {
  const limits = new RateLimiter(0.1);
  limits.recordResponse(limits.acquire('users', 0), undefined, 0);
  for (let i = 0; i < 1000; i += 1) {
    expect(limits.getWaitMs('users', 1)).toBe(0);
    limits.acquire('users', 1);
  }
});
