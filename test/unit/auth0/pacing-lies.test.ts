import type { RateLimitHeaders } from '../../../src/auth0/rate-limit/rate-limit-headers';
import { bound, chance, enterprise, run } from './pacing-runs';
import { honest, type Veil } from './simulated-tenant';

describe('headers that lie', () => {
  const past: RateLimitHeaders[] = [];
  let nth = 0;
  beforeEach(() => {
    past.length = 0;
    nth = 0;
  });
  const lies: [string, Veil][] = [
    ['are missing', () => ({})],
    ['are missing but for Retry-After', ({ ok }) => (ok ? {} : { retryAfterMs: 1_000 })],
    [
      'are those of ten answers ago',
      ({ reading }) => {
        past.push(reading);
        const old = past[Math.max(0, past.length - 11)];
        return old ? { headers: old } : {};
      },
    ],
    ['never change', () => ({ headers: { limit: 50, remaining: 49, fullInMs: 1_000 } })],
    ['do not say when the bucket is full', ({ reading: { limit, remaining } }) => ({ headers: { limit, remaining } })],
    ['say that it is full at once', ({ reading }) => ({ headers: { ...reading, fullInMs: 1_000 }, resetMs: 1_000 })],
    ['say that it takes minutes', ({ reading }) => ({ headers: { ...reading, fullInMs: 55_000 }, resetMs: 300_000 })],
    [
      'go up and down',
      ({ reading }) => {
        const off = Math.round(chance(3, (nth += 1)) * 20 - 10);
        return { headers: { ...reading, remaining: Math.max(0, Math.min(50, reading.remaining + off)) } };
      },
    ],
    ['come with every third answer', (answer) => ((nth += 1) % 3 === 0 ? honest(answer, 0) : {})],
  ];
  test.each(lies)('%s: it finishes, with at most 2 %% of 429, and does not spin', (_, veil) => {
    const { total, refused, requests, alarms } = run(enterprise, 3_000, 50, { veil });
    expect(refused / requests).toBeLessThanOrEqual(0.02);
    expect(total / bound(enterprise, 3_000)).toBeLessThan(2);
    expect(alarms).toBeLessThan(requests * 2);
  });

  test('that call the bucket empty for ever: it goes on, slowly', () => {
    const { refused, requests } = run(enterprise, 200, 50, { veil: () => ({ headers: { limit: 50, remaining: 0 } }) });
    expect({ refused, requests }).toEqual({ refused: 0, requests: 200 });
  });
});
