import { setTimeout as sleep } from 'node:timers/promises';
import { measureLoop, measureSync } from '../../../bench/support/rate-limit-cost';
import { type RateLimitScenario, runOtherClient } from '../../../bench/support/rate-limit-scenarios';

jest.setTimeout(120_000);

/** About 110 requests, 25 of them at once. */
const scenario: RateLimitScenario = {
  name: 'a bucket of 25, and 20 a second',
  tenant: {
    scenario: {
      users: { count: 5_000 },
      organizations: { count: 50, members: 10 },
      clients: { count: 40 },
      roles: { count: 10 },
    },
    latencyMs: 50,
  },
  limits: { global: { size: 25, perSecond: 20 } },
  reserve: 0,
  refused: 0,
};

it('a sync gets no 429 and takes little more than the minimum time', async () => {
  const { seconds, minimumSeconds, ...cost } = await measureSync(scenario);
  expect(cost).toMatchObject({ refused: 0, requests: expect.any(Number) as number });
  expect(cost.failure).toBeUndefined();
  expect(minimumSeconds).toBeGreaterThan(4);
  expect(seconds / minimumSeconds).toBeLessThan(2);
});

it('two workers use the whole rate limit and get few 429s', async () => {
  const { seconds, minimumSeconds, requests, refused, failure } = await measureSync({
    ...scenario,
    reserve: 0.1,
    workers: 2,
  });
  expect(failure).toBeUndefined();
  expect(refused).toBeLessThan(0.1 * requests);
  expect(seconds / minimumSeconds).toBeLessThan(2.5);
});

it('neither a sync nor another client that takes half of the rate limit gets a 429', async () => {
  const cost = await measureSync({
    ...scenario,
    reserve: 0.1,
    meanwhile: (tenant) => runOtherClient(tenant, { afterMs: 1_500, forMs: 2_500, everyMs: 100 }),
  });
  expect(cost.failure).toBeUndefined();
  expect(cost.othersRefused).toBe(0);
  expect(cost.refused).toBeLessThan(0.05 * cost.requests);
});

it('a smaller rate limit during the sync, a wrong clock and late headers cause few 429s', async () => {
  const cost = await measureSync({
    ...scenario,
    tenant: { ...scenario.tenant, clockAheadMs: -300_000 },
    reserve: 0.1,
    async meanwhile(tenant) {
      await sleep(1_500);
      tenant.updateSettings({ rateLimits: { global: { size: 12, perSecond: 10 } }, rateLimitHeaders: 'stale' });
      return 0;
    },
  });
  expect(cost.failure).toBeUndefined();
  expect(cost.refused).toBeLessThan(0.1 * cost.requests);
});

it('a loop of the SDK makes the same requests and gets 429s', async () => {
  const { failure, refused, requests } = await measureLoop(
    { ...scenario, limits: { global: { size: 25, perSecond: 40 } } },
    'sdk',
    20,
  );
  expect(failure).toBeUndefined();
  expect(requests).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(0);
});
