import { AdaptiveRate } from '../../../src/auth0/rate-limit/adaptive-rate';

/** Answers and 429s as they come: how many requests a second go through, over the last of `seconds`. */
function pace(ceiling: AdaptiveRate, from: number, seconds: number): number {
  let sent = 0;
  for (let now = from; now < from + seconds * 1_000; now += 10) {
    if (ceiling.getWaitMs(now) > 0) continue;
    ceiling.acquire(now);
    ceiling.recordResponse(now);
    if (now >= from + (seconds - 1) * 1_000) sent += 1;
  }
  return sent;
}

test('there is none until there was a 429', () => {
  expect(pace(new AdaptiveRate(0), 0, 10)).toBe(100);
});

test('a 429 brings it below what went through before, and from there it rises', () => {
  const ceiling = new AdaptiveRate(0);
  pace(ceiling, 0, 30);
  ceiling.recordRefusal(30_000, 0, 30_000);
  const soon = pace(ceiling, 30_000, 2);
  const later = pace(ceiling, 32_000, 15);
  expect(soon).toBeLessThan(85);
  expect(soon).toBeGreaterThanOrEqual(50);
  expect(later).toBeGreaterThan(soon);
});

test('429s to requests that were out together are one', () => {
  const [once, often] = [1, 8].map((times) => {
    const ceiling = new AdaptiveRate(0);
    pace(ceiling, 0, 30);
    for (let nth = 0; nth < times; nth += 1) ceiling.recordRefusal(29_990, 0, 30_000 + nth);
    return pace(ceiling, 30_010, 2);
  });
  expect(often).toBe(once);
});

test('rare ones are forgiven where some may come, frequent ones are not', () => {
  const ceiling = new AdaptiveRate(1);
  pace(ceiling, 0, 30);
  ceiling.recordRefusal(30_000, 0, 30_000);
  expect(pace(ceiling, 30_000, 30)).toBe(100);
  ceiling.recordRefusal(60_000, 0, 60_000);
  ceiling.recordRefusal(60_001, 0, 60_001);
  expect(pace(ceiling, 60_010, 2)).toBeLessThan(85);
});

test('it stays above a part of what the bucket is known to give', () => {
  const ceiling = new AdaptiveRate(0);
  pace(ceiling, 0, 30);
  for (let now = 30_000; now < 60_000; now += 1_000) ceiling.recordRefusal(now, 80, now);
  expect(pace(ceiling, 60_000, 2)).toBeGreaterThanOrEqual(19);
});
