import fc from 'fast-check';
import { RefillEstimator, type RefillSample } from '../../../src/auth0/rate-limit/refill-estimator';

/** A request alone on a bucket: sent and answered then, counted `counted` of the way; `nth` counts from 1. */
interface Sent {
  nth: number;
  at: number;
  ms: number;
  remaining: number;
  fullInMs?: number;
}

function seen({ nth, at, ms, remaining, fullInMs }: Sent, limit = 50): RefillSample {
  return {
    headers: { limit, remaining, ...(fullInMs !== undefined && { fullInMs }) },
    charge: { at, sent: nth, inflight: 0, resolved: nth - 1, confirmed: nth - 1 },
    now: { at: at + ms, sent: nth, inflight: 0, resolved: nth, confirmed: nth },
  };
}

/** One request each `everyMs`, from a full bucket that others take `foreign` a second of. */
function learn(
  perSecond: number,
  everyMs: number,
  seconds: number,
  foreign: (second: number) => number,
): RefillEstimator {
  const refill = new RefillEstimator(0);
  let content = 50;
  for (let nth = 1; nth * everyMs < seconds * 1_000; nth += 1) {
    const at = nth * everyMs;
    content = Math.min(50, content + ((perSecond - foreign(at / 1_000)) * everyMs) / 1_000) - 1;
    refill.addSample(seen({ nth, at, ms: 50, remaining: Math.floor(content) }), 0);
  }
  return refill;
}

test('estimates the refill from the headers, never too high, and more precisely with time', () => {
  const soon = learn(16, 40, 4, () => 0);
  const later = learn(16, 60, 40, () => 0);
  for (const { minPerSecond } of [soon, later]) expect(minPerSecond).toBeLessThanOrEqual(16);
  expect(soon.minPerSecond).toBeGreaterThan(14);
  expect(later.minPerSecond).toBeGreaterThan(15.7);
  expect(later.likelyPerSecond).toBeCloseTo(16, 0);
});

test('detects foreign use while it lasts', () => {
  const alone = learn(16, 50, 10, () => 0);
  expect([alone.ownShare, alone.foreignPerSecond]).toEqual([1, 0]);
  const half = (second: number): number => (second > 10 ? 8 : 0);
  const beside = learn(16, 62.5, 14, half);
  expect(beside.foreignPerSecond).toBeGreaterThan(6);
  expect(beside.ownShare).toBeGreaterThan(0.55);
  expect(beside.ownShare).toBeLessThan(0.75);
});

test('derives a lower bound from the time until the bucket is full, whatever the latency', () => {
  fc.assert(
    fc.property(
      fc.record({
        perSecond: fc.integer({ min: 5, max: 100 }),
        missing: fc.integer({ min: 1, max: 49 }),
        part: fc.integer({ min: 0, max: 99 }),
        at: fc.nat(5_000),
        ms: fc.nat(3_000),
      }),
      ({ perSecond, missing, part, at, ms }) => {
        const refill = new RefillEstimator(0);
        const content = 50 - missing - part / 100;
        const full = Math.ceil((at + ((50 - content) / perSecond) * 1_000) / 1_000) * 1_000;
        const date = Math.floor((at + ms) / 1_000) * 1_000;
        refill.addSample(seen({ nth: 1, at, ms, remaining: Math.floor(content), fullInMs: full - date }), 0);
        expect(refill.minPerSecond).toBeLessThanOrEqual(perSecond + 1e-9);
      },
    ),
  );
});
