import fc from 'fast-check';
import { bound, chance } from './pacing-runs';
import { type BucketSpec, createBucket, simulate } from './simulated-tenant';

const circumstances = fc.record({
  size: fc.integer({ min: 3, max: 100 }),
  fillSeconds: fc.integer({ min: 3, max: 10 }),
  stepped: fc.boolean(),
  reserve: fc.constantFrom(0, 0.1, 0.3),
  ms: fc.integer({ min: 5, max: 300 }),
  jitter: fc.integer({ min: 0, max: 100 }),
  loss: fc.constantFrom(0, 0, 0.05),
  seed: fc.nat(1_000),
  epoch: fc.nat(999),
});

function play({
  size,
  fillSeconds,
  stepped,
  reserve,
  ms,
  jitter,
  loss,
  seed,
  epoch,
}: ReturnTypeOf<typeof circumstances>) {
  const spec: BucketSpec = { size, perSecond: size / fillSeconds, ...(stepped && { stepMs: 1_000 }) };
  const bucket = createBucket(spec);
  const requests = size + Math.ceil(spec.perSecond * 60);
  const kept = Math.floor(size * reserve + 1e-9);
  let idle = 0;
  const outcome = simulate({
    clients: [
      {
        route: stepped ? 'organizations' : 'connections/{id}',
        requests,
        reserve,
        latency: (nth) => ({
          ms: ms * (1 + ((chance(seed, nth) * 2 - 1) * jitter) / 100),
          before: chance(seed + 1, nth),
        }),
        lost: (nth) => chance(seed + 2, nth) < loss,
      },
    ],
    buckets: () => [bucket],
    epoch,
    watch(now, _, out) {
      if (out[0] === 0 && now > 1_700_000_020_000) idle = Math.max(idle, bucket.tokens(now) - kept);
    },
  });
  return { ...outcome, spec, idle, bound: bound(spec, outcome.requests - outcome.refused) };
}
type ReturnTypeOf<T> = T extends fc.Arbitrary<infer U> ? U : never;

test('causes no 429 with an honest tenant, whatever the bucket, latency, loss and order of responses', () => {
  fc.assert(
    fc.property(circumstances, (given) => {
      expect(play(given).refused).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('once the refill is measured, is idle only while the bucket has no more than the reserve and one second of refill', () => {
  fc.assert(
    fc.property(circumstances, (given) => {
      const { idle, spec } = play(given);
      // Part of a token; the token to come; refills that come late, or while the last answer was on its way.
      const late = (spec.stepMs ? 2 : 0) + 0.5 + (given.ms * 2) / 1000;
      expect(idle).toBeLessThan(3 + spec.perSecond * late);
    }),
    { numRuns: 60 },
  );
});
