import { setTimeout as sleep } from 'node:timers/promises';
import { leastSeconds } from '../../../bench/limit-bound';
import { measureLoop, measureSync } from '../../../bench/limit-cost';
import type { LimitScenario } from '../../../bench/limit-scenarios';
import { useTenant } from '../../../bench/other-client';
import { rateLimitPresets } from 'auth0-emulator';

jest.setTimeout(120_000);

/** About 110 requests, of which the bucket gives 25 at once. */
const scenario: LimitScenario = {
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

it('a sync meets no 429, and takes hardly more time than there must be', async () => {
  const { seconds, bound, ...cost } = await measureSync(scenario);
  expect(cost).toMatchObject({ refused: 0, requests: expect.any(Number) as number });
  expect(cost.failure).toBeUndefined();
  expect(bound).toBeGreaterThan(4);
  expect(seconds / bound).toBeLessThan(2);
});

it('two workers have the whole limit between them, and hardly meet a 429', async () => {
  const { seconds, bound, requests, refused, failure } = await measureSync({ ...scenario, reserve: 0.1, workers: 2 });
  expect(failure).toBeUndefined();
  expect(refused).toBeLessThan(0.1 * requests);
  expect(seconds / bound).toBeLessThan(2.5);
});

it('another client that takes half for a while meets no 429, nor does the sync', async () => {
  const cost = await measureSync({
    ...scenario,
    reserve: 0.1,
    meanwhile: (tenant) => useTenant(tenant, { afterMs: 1_500, forMs: 2_500, everyMs: 100 }),
  });
  expect(cost.failure).toBeUndefined();
  expect(cost.othersRefused).toBe(0);
  expect(cost.refused).toBeLessThan(0.05 * cost.requests);
});

it('a limit that is halved on the way, a clock that is off, and headers that are late cost at most a few requests', async () => {
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

it('a loop of the SDK does the same work, and runs into the limit', async () => {
  const { failure, refused, requests } = await measureLoop(
    { ...scenario, limits: { global: { size: 25, perSecond: 40 } } },
    'sdk',
    20,
  );
  expect(failure).toBeUndefined();
  expect(requests).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(0);
});

it('the least time is that of the bucket that needs the most', () => {
  const byRoute = { users: { 200: 30, 429: 50 }, members: { 200: 55 }, clients: { 200: 1 } };
  expect(leastSeconds({ byRoute }, { global: { size: 50, perSecond: 16 } })).toBeCloseTo(36 / 16);
  expect(leastSeconds({ byRoute }, rateLimitPresets.essentials)).toBeCloseTo(35 / (200 / 60));
  expect(leastSeconds({ byRoute }, rateLimitPresets.enterprise)).toBeCloseTo(36 / 16);
  expect(leastSeconds({ byRoute: { users: { 200: 2 } } }, { global: { size: 50, perSecond: 16 } })).toBe(0);
});
