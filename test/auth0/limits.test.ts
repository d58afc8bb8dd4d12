import fc from 'fast-check';
import { Limits, type Permit } from '../../src/auth0/limits';
import { readRateLimit, type Reading, retryDelay } from '../../src/auth0/rate-limit';

const reading: fc.Arbitrary<Reading | undefined> = fc.option(
  fc.record(
    {
      limit: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.double({ min: 1, max: 1e9, noNaN: true })),
      remaining: fc.integer({ min: 0, max: 100 }),
      fullInMs: fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.constant(86_400_000)),
    },
    { requiredKeys: ['limit', 'remaining'] },
  ),
  { nil: undefined },
);
const bounded = (given: Reading | undefined): Reading | undefined =>
  given && { ...given, remaining: Math.min(given.remaining, Math.floor(given.limit)) };

type Event =
  | { kind: 'ask'; route: 'a' | 'b' }
  | { kind: 'answer' | 'fail'; which: number }
  | { kind: 'answer' | 'refuse'; which: number; reading: Reading | undefined; delay?: number | undefined }
  | { kind: 'pass'; ms: number };
const which = fc.nat(20);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), route: fc.constantFrom('a' as const, 'b' as const) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const), which, reading: reading.map(bounded) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('refuse' as const),
      which,
      reading: reading.map(bounded),
      delay: fc.option(fc.integer({ min: 0, max: 30_000 }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 20_000 }) }) },
);

/** Plays events against the model; calls `check` whenever a request is let out. */
function play(
  events: Event[],
  reserve: number,
  check: (permit: Permit) => void,
): { limits: Limits; out: Permit[]; now: number } {
  const limits = new Limits(reserve);
  const out: Permit[] = [];
  let now = 1_000_000;
  for (const step of events) {
    if (step.kind === 'pass') now += step.ms;
    else if (step.kind === 'ask') {
      if (limits.waitFor(step.route, now) > 0) continue;
      const permit = limits.take(step.route, now);
      out.push(permit);
      check(permit);
    } else {
      const [permit] = out.splice(step.which % Math.max(1, out.length), 1);
      if (!permit) continue;
      if (step.kind === 'fail') limits.failed(permit);
      else if (step.kind === 'refuse') limits.refused(permit, step.reading, step.delay, now, 0.5);
      else limits.answered(permit, 'reading' in step ? step.reading : undefined, now);
    }
  }
  return { limits, out, now };
}

test('never more requests are out than a bucket holds, and none before the first answer but one', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.double({ min: 0, max: 1, noNaN: true }), (events, reserve) => {
      play(events, reserve, (permit) => {
        for (const bucket of permit.buckets) expect(bucket.inflight).toBeLessThanOrEqual(bucket.limit);
      });
    }),
  );
});

test('whatever the headers say, a request is let out in time once nothing is out: it never waits for ever', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.double({ min: 0, max: 1, noNaN: true }), (events, reserve) => {
      const { limits, out, now } = play(events, reserve, () => {});
      for (const permit of out) limits.failed(permit);
      for (const route of ['a', 'b']) {
        const wait = limits.waitFor(route, now);
        expect(wait).toBeLessThanOrEqual(60_000);
        // Blocks end and probes come: after the wait there may be another, but not many.
        let time = now + wait;
        for (let i = 0; i < 3 && limits.waitFor(route, time) > 0; i += 1) time += limits.waitFor(route, time);
        expect(limits.waitFor(route, time)).toBe(0);
      }
    }),
  );
});

test('it waits for ever only for an answer that is still out', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const { limits, out, now } = play(events, 0.1, () => {});
      if (limits.waitFor('a', now) === Infinity) expect(out.length).toBeGreaterThan(0);
    }),
  );
});

describe('against a token bucket as Auth0 runs it', () => {
  interface Tenant {
    size: number;
    perSecond: number;
    tokens: number;
    at: number;
  }
  /** Spends one token if there is one. */
  function charge(tenant: Tenant, now: number): { ok: boolean; reading: Reading } {
    tenant.tokens = Math.min(tenant.size, tenant.tokens + ((now - tenant.at) / 1000) * tenant.perSecond);
    tenant.at = now;
    const ok = tenant.tokens >= 1;
    if (ok) tenant.tokens -= 1;
    const full = now + ((tenant.size - tenant.tokens) / tenant.perSecond) * 1000;
    const fullInMs = Math.ceil(full / 1000) * 1000 - Math.floor(now / 1000) * 1000;
    return { ok, reading: { limit: tenant.size, remaining: Math.floor(tenant.tokens), fullInMs } };
  }

  /** Sends `requests` with up to `workers` out at a time, each taking `latency` ms; steps of 1 ms. */
  function run(tenant: Tenant, requests: number, workers: number, latency: number, others: (now: number) => boolean) {
    const limits = new Limits(0.1);
    const out: { permit: Permit; at: number; ok: boolean; reading: Reading }[] = [];
    let done = 0;
    let refused = 0;
    let now = 1_700_000_000_000;
    const begun = now;
    tenant.at = now;
    for (; done < requests; now += 1) {
      if (others(now - begun)) charge(tenant, now);
      while (out[0] && out[0].at <= now) {
        const { permit, ok, reading: seen } = out.shift() as (typeof out)[number];
        if (ok) {
          limits.answered(permit, seen, now);
          done += 1;
        } else {
          limits.refused(permit, seen, seen.fullInMs, now, 0.5);
          refused += 1;
        }
      }
      while (out.length < workers && done + out.length < requests && limits.waitFor('users', now) <= 0) {
        const permit = limits.take('users', now);
        out.push({ permit, at: now + latency, ...charge(tenant, now + latency / 2) });
      }
      if (now - begun > 3_600_000) throw new Error('it takes too long');
    }
    return { seconds: (now - begun) / 1000, refused, rate: limits.snapshot(now)?.ratePerSecond ?? 0 };
  }

  test.each([
    [50, 16, 400],
    [10, 2, 60],
    [2, 2, 60],
    [40, 500 / 60, 300],
    [5, 50 / 60, 30],
  ])(
    'of %i with %d a second, %i requests take little longer than they must, without a 429',
    (size, perSecond, requests) => {
      const { seconds, refused } = run({ size, perSecond, tokens: size, at: 0 }, requests, 8, 50, () => false);
      const bound = (requests - size) / perSecond;
      expect(refused).toBe(0);
      // The reserve is left in the bucket, and a token at each end; that costs their refill once.
      expect(seconds).toBeLessThan(bound * 1.05 + (size * 0.1 + 2) / perSecond + 1);
    },
  );

  test('that others draw on as well, it yields to them', () => {
    const others = (ms: number): boolean => ms % 125 === 0;
    const { refused, rate } = run({ size: 50, perSecond: 16, tokens: 50, at: 0 }, 400, 8, 50, others);
    expect(refused).toBe(0);
    expect(rate).toBeGreaterThan(6);
    expect(rate).toBeLessThan(10.5);
  });
});

test('a small bucket of one route does not slow another route', () => {
  const limits = new Limits(0);
  limits.answered(limits.take('organizations', 0), { limit: 5, remaining: 0 }, 0);
  limits.answered(limits.take('users', 0), { limit: 40, remaining: 39 }, 0);
  expect(limits.waitFor('organizations', 1)).toBeGreaterThan(0);
  expect(limits.waitFor('users', 1)).toBe(0);
});

test('of a tenant that nothing is known of, one request is out, whatever its route', () => {
  const limits = new Limits(0);
  const first = limits.take('clients', 0);
  expect(limits.waitFor('users', 0)).toBe(Infinity);
  limits.answered(first, { limit: 2, remaining: 1 }, 0);
  expect(limits.waitFor('users', 0)).toBe(0);
});

test('a route that nothing is known of draws on the largest bucket until its own answer', () => {
  const limits = new Limits(0);
  limits.answered(limits.take('clients', 0), { limit: 50, remaining: 1 }, 0);
  limits.answered(limits.take('organizations', 0), { limit: 10, remaining: 9 }, 0);
  limits.take('clients', 0);
  expect(limits.waitFor('users', 0)).toBeGreaterThan(0);
  expect(limits.waitFor('organizations', 0)).toBe(0);
});

test('routes that report the same bucket share it', () => {
  const limits = new Limits(0);
  limits.answered(limits.take('clients', 0), { limit: 10, remaining: 9 }, 0);
  limits.answered(limits.take('users', 0), { limit: 10, remaining: 0 }, 0);
  expect(limits.waitFor('clients', 1)).toBeGreaterThan(0);
});

test('requests still out are taken to be missing from what an answer says is left', () => {
  const limits = new Limits(0);
  limits.answered(limits.take('users', 0), { limit: 10, remaining: 9 }, 0);
  const out = Array.from({ length: 4 }, () => limits.take('users', 0));
  limits.answered(out[0] as Permit, { limit: 10, remaining: 5 }, 0);
  for (const left of [2, 1]) {
    expect(limits.snapshot(0)?.remaining).toBe(left);
    limits.take('users', 0);
  }
  expect(limits.waitFor('users', 0)).toBeGreaterThan(0);
});

test('a bucket that will be full soon is tried then, however slow it was reckoned to be', () => {
  const limits = new Limits(0);
  limits.answered(limits.take('users', 0), { limit: 60, remaining: 0 }, 0);
  limits.refused(limits.take('users', 0), { limit: 60, remaining: 0 }, 500, 0, 0);
  expect(limits.waitFor('users', 0)).toBe(500);
  expect(limits.waitFor('users', 500)).toBe(0);
  limits.failed(limits.take('users', 500));
  expect(limits.waitFor('users', 500)).toBeGreaterThan(100);
});

test('a tenant without limits is not paced', () => {
  const limits = new Limits(0.1);
  limits.answered(limits.take('users', 0), undefined, 0);
  for (let i = 0; i < 1000; i += 1) {
    expect(limits.waitFor('users', 1)).toBe(0);
    limits.take('users', 1);
  }
});

describe('headers', () => {
  const date = 'Tue, 24 Nov 2026 10:00:00 GMT';
  const seconds = Date.parse(date) / 1000;

  test('time until the bucket is full is reckoned by the clock of the server alone', () => {
    const headers = {
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': `${seconds + 4}`,
      date,
    };
    expect(readRateLimit(headers, 0)).toEqual({ limit: 10, remaining: 3, fullInMs: 4_000 });
  });

  test.each<Record<string, string>>([
    {},
    { 'x-ratelimit-limit': '10' },
    { 'x-ratelimit-limit': '0', 'x-ratelimit-remaining': '0' },
    { 'x-ratelimit-limit': 'many', 'x-ratelimit-remaining': '1' },
    { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '-1' },
    { 'x-ratelimit-limit': '', 'x-ratelimit-remaining': '' },
  ])('that say nothing usable count as missing: %j', (headers) => {
    expect(readRateLimit(headers, 0)).toBeUndefined();
  });

  test('a 429 is waited for by Retry-After in seconds or as a date, else until the reset; times beyond reason are not believed', () => {
    expect(retryDelay({ 'retry-after': '3', 'x-ratelimit-reset': `${seconds + 9}`, date }, 0)).toBe(3_000);
    expect(retryDelay({ 'retry-after': 'Tue, 24 Nov 2026 10:00:05 GMT', date }, 0)).toBe(5_000);
    expect(retryDelay({ 'x-ratelimit-reset': `${seconds + 9}`, date }, 0)).toBe(9_000);
    expect(retryDelay({ 'x-ratelimit-reset': `${seconds * 1000}`, date }, 0)).toBeUndefined();
    expect(retryDelay({ date }, 0)).toBeUndefined();
  });
});
