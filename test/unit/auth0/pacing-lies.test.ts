import type { RateLimitHeaders } from '../../../src/auth0/rate-limit/rate-limit-headers';
import { bound, chance, enterprise, run } from './pacing-runs';
import { honest, type HeaderFilter } from './simulated-tenant';

describe('wrong headers', () => {
  const past: RateLimitHeaders[] = [];
  let nth = 0;
  beforeEach(() => {
    past.length = 0;
    nth = 0;
  });
  const cases: [string, HeaderFilter][] = [
    ['no headers are sent', () => ({})],
    ['only Retry-After is sent', ({ ok }) => (ok ? {} : { retryAfterMs: 1_000 })],
    [
      'headers are those of ten responses ago',
      ({ headers }) => {
        past.push(headers);
        const old = past[Math.max(0, past.length - 11)];
        return old ? { headers: old } : {};
      },
    ],
    ['headers never change', () => ({ headers: { limit: 50, remaining: 49, fullInMs: 1_000 } })],
    ['the reset is missing', ({ headers: { limit, remaining } }) => ({ headers: { limit, remaining } })],
    ['the reset is always close', ({ headers }) => ({ headers: { ...headers, fullInMs: 1_000 }, resetMs: 1_000 })],
    [
      'the reset is always minutes away',
      ({ headers }) => ({ headers: { ...headers, fullInMs: 55_000 }, resetMs: 300_000 }),
    ],
    [
      'the remaining requests are inaccurate',
      ({ headers }) => {
        const off = Math.round(chance(3, (nth += 1)) * 20 - 10);
        return { headers: { ...headers, remaining: Math.max(0, Math.min(50, headers.remaining + off)) } };
      },
    ],
    ['only every third response has headers', (answer) => ((nth += 1) % 3 === 0 ? honest(answer, 0) : {})],
  ];
  test.each(cases)('%s: all requests succeed with at most 2 %% of 429 and without busy waiting', (_, veil) => {
    const { total, refused, requests, alarms } = run(enterprise, 3_000, 50, { veil });
    expect(refused / requests).toBeLessThanOrEqual(0.02);
    expect(total / bound(enterprise, 3_000)).toBeLessThan(2);
    expect(alarms).toBeLessThan(requests * 2);
  });

  test('an always empty bucket: requests continue slowly', () => {
    const { refused, requests } = run(enterprise, 200, 50, { veil: () => ({ headers: { limit: 50, remaining: 0 } }) });
    expect({ refused, requests }).toEqual({ refused: 0, requests: 200 });
  });
});
