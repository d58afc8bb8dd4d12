import { around, bound, enterprise, free, perMinute, run } from './pacing-runs';
import { type BucketSpec, createBucket, type Outcome, simulate } from './simulated-tenant';

describe('a single client uses its bucket without a 429 and in close to the shortest time', () => {
  test.each<[string, BucketSpec, number, number]>([
    ['50 + 16/s, 20 ms', enterprise, 1_000, 20],
    ['50 + 16/s, 100 ms', enterprise, 1_000, 100],
    ['50 + 16/s, 500 ms', enterprise, 1_000, 500],
    ['2 + 2/s, 20 ms', free, 100, 20],
    ['2 + 2/s, 500 ms', free, 100, 500],
    ['10 + 2/s, 100 ms', { size: 10, perSecond: 2 }, 130, 100],
    ['20 + 20/s, 50 ms', { size: 20, perSecond: 20 }, 500, 50],
    ['20 and 200 a minute', perMinute(20, 200), 220, 50],
    ['40 and 500 a minute', perMinute(40, 500), 500, 50],
    ['10 and 100 a minute', perMinute(10, 100), 110, 50],
    ['5 and 50 a minute', perMinute(5, 50), 55, 50],
  ])('%s', (_, spec, requests, ms) => {
    for (const reserve of [0, 0.1]) {
      const { total, refused } = run(spec, requests, ms, { reserve });
      expect(refused).toBe(0);
      expect(total / bound(spec, requests)).toBeLessThan(1.05);
    }
  });

  test('the throughput differs by less than 5 % between latencies of 20, 100 and 500 ms', () => {
    const ratios = [20, 100, 500].map((ms) => run(enterprise, 1_000, ms).total / bound(enterprise, 1_000));
    expect(Math.max(...ratios) - Math.min(...ratios)).toBeLessThan(0.05);
  });
});

describe('several processes on one tenant', () => {
  test.each([2, 4])('%i processes together use the full limit with less than 1 %% of 429', (clients) => {
    for (const ms of [20, 50, 500]) {
      const { total, refused, requests } = run(enterprise, 1_200 / clients, ms, { clients });
      expect(total / bound(enterprise, 1_200)).toBeLessThan(1.1);
      expect(refused / requests).toBeLessThanOrEqual(0.01);
    }
  });

  test('a process that starts later gets its share', () => {
    const bucket = createBucket(enterprise);
    const client = { route: 'users', requests: 600, latency: around(50) };
    const { seconds, total } = simulate({
      clients: [client, { ...client, begin: 10_000, requests: 100, latency: around(50, 9) }],
      buckets: () => [bucket],
    });
    expect(seconds[1]).toBeLessThan(30);
    expect(total).toBeLessThan(bound(enterprise, 700) * 1.1);
  });
});

describe('other clients of the tenant', () => {
  const half = (from: number, together: number): number[] =>
    Array.from({ length: 80 }, (_, nth) => from + Math.floor(nth / together) * together * 125);

  test.each([1, 4])(
    'that take half for 10 s, %i at a time, see no 429, nor do we; then we take all again',
    (together) => {
      for (const ms of [20, 100, 500]) {
        const { total, refused, othersRefused } = run(enterprise, 800, ms, { others: half(15_000, together) });
        expect(othersRefused).toBe(0);
        expect(refused).toBe(0);
        expect(total / bound(enterprise, 880)).toBeLessThan(1.05);
      }
    },
  );

  test('are detected only while they send requests', () => {
    const seen: number[] = [];
    run(enterprise, 500, 50, {
      others: half(10_000, 1),
      watch(now, [limits]) {
        const second = Math.floor((now - 1_700_000_000_333) / 1000);
        seen[second] = Math.max(seen[second] ?? 0, limits?.snapshot(now)[0]?.foreignPerSecond ?? 0);
      },
    });
    expect(Math.max(...seen.slice(3, 10))).toBe(0);
    expect(seen[15]).toBeGreaterThan(3);
    expect(Math.max(...seen.slice(25))).toBe(0);
  });
});

test.each<[string, BucketSpec, BucketSpec]>([
  ['halves', enterprise, { size: 25, perSecond: 8 }],
  ['doubles', { size: 25, perSecond: 8 }, enterprise],
  ['fills half as fast', enterprise, { size: 50, perSecond: 8 }],
])('follows a bucket that %s during the run, without a 429', (_, before, after) => {
  const bucket = createBucket(before);
  const { refused, total } = simulate({
    clients: [{ route: 'users', requests: 800, latency: around(50) }],
    buckets: () => [bucket],
    at: [[15_000, (now) => bucket.change(after, now)]],
  });
  const left = 800 - before.size - before.perSecond * 15;
  expect(refused).toBe(0);
  expect(total).toBeLessThan((15 + left / after.perSecond) * 1.05);
});

describe('routes and their buckets', () => {
  test('uses two buckets of the same size separately', () => {
    const buckets: Record<string, ReturnType<typeof createBucket>> = {
      clients: createBucket(perMinute(5, 50)),
      organizations: createBucket(perMinute(5, 50)),
    };
    const both = simulateRoutes(['clients', 'organizations'], 40, (route) => [buckets[route]]);
    expect(both.refused).toBe(0);
    expect(both.total).toBeLessThan(bound(perMinute(5, 50), 40) * 1.05);
  });

  test("recognizes one bucket of all routes, even with the size of an endpoint's own bucket", () => {
    const bucket = createBucket({ size: 20, perSecond: 5 });
    const routes = ['users', 'organizations', 'organizations/{id}/members', 'clients'];
    const { refused, total } = simulateRoutes(routes, 50, () => [bucket]);
    expect(refused).toBe(0);
    expect(total).toBeLessThan(bound(bucket.spec, 200) * 1.05);
  });

  test("uses an endpoint's bucket and the bucket of all routes fully, without exceeding either", () => {
    const all = createBucket(enterprise);
    const members = createBucket(perMinute(40, 500));
    const { refused, total } = simulateRoutes(['users', 'organizations/{id}/members'], 400, (route) =>
      route === 'users' ? [all] : [all, members],
    );
    expect(refused).toBe(0);
    expect(total).toBeLessThan(bound(enterprise, 800) * 1.05);
  });
});

/** One process with `requests` for each of the routes. */
function simulateRoutes(
  routes: string[],
  requests: number,
  bucketsOf: (route: string) => (ReturnType<typeof createBucket> | undefined)[],
): Outcome {
  return simulate({
    clients: routes.map((route, seed) => ({ route, requests, latency: around(50, seed) })),
    together: true,
    buckets: (route) => bucketsOf(route).filter((bucket) => bucket !== undefined),
    epoch: 333,
  });
}
