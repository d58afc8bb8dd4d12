import { AdaptiveRate } from '../../../src/auth0/rate-limit/adaptive-rate';

/** Sends requests for `seconds`; returns the number sent in the last second. */
function pace(rate: AdaptiveRate, from: number, seconds: number): number {
  let sent = 0;
  for (let now = from; now < from + seconds * 1_000; now += 10) {
    if (rate.getWaitMs(now) > 0) continue;
    rate.acquire(now);
    rate.recordResponse(now);
    if (now >= from + (seconds - 1) * 1_000) sent += 1;
  }
  return sent;
}

test('is unlimited before the first 429', () => {
  expect(pace(new AdaptiveRate(0), 0, 10)).toBe(100);
});

test('falls below the measured throughput after a 429, and then rises', () => {
  const rate = new AdaptiveRate(0);
  pace(rate, 0, 30);
  rate.recordRefusal(30_000, 0, 30_000);
  const soon = pace(rate, 30_000, 2);
  const later = pace(rate, 32_000, 15);
  expect(soon).toBeLessThan(85);
  expect(soon).toBeGreaterThanOrEqual(50);
  expect(later).toBeGreaterThan(soon);
});

test('counts 429s for requests that were in flight together once', () => {
  const [once, often] = [1, 8].map((times) => {
    const rate = new AdaptiveRate(0);
    pace(rate, 0, 30);
    for (let nth = 0; nth < times; nth += 1) rate.recordRefusal(29_990, 0, 30_000 + nth);
    return pace(rate, 30_010, 2);
  });
  expect(often).toBe(once);
});

test('ignores rare 429s if it tolerates some, but not frequent ones', () => {
  const rate = new AdaptiveRate(1);
  pace(rate, 0, 30);
  rate.recordRefusal(30_000, 0, 30_000);
  expect(pace(rate, 30_000, 30)).toBe(100);
  rate.recordRefusal(60_000, 0, 60_000);
  rate.recordRefusal(60_001, 0, 60_001);
  expect(pace(rate, 60_010, 2)).toBeLessThan(85);
});

test("stays above a share of the bucket's known refill", () => {
  const rate = new AdaptiveRate(0);
  pace(rate, 0, 30);
  for (let now = 30_000; now < 60_000; now += 1_000) rate.recordRefusal(now, 80, now);
  expect(pace(rate, 60_000, 2)).toBeGreaterThanOrEqual(19);
});
