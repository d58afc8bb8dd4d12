import { readRateLimitHeaders, readRateLimitRefusal } from '../../../src/auth0/rate-limit/rate-limit-headers';

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
    expect(readRateLimitHeaders(headers, 0)).toEqual({ limit: 10, remaining: 3, fullInMs: 4_000 });
  });

  test.each<Record<string, string>>([
    {},
    { 'x-ratelimit-limit': '10' },
    { 'x-ratelimit-limit': '0', 'x-ratelimit-remaining': '0' },
    { 'x-ratelimit-limit': 'many', 'x-ratelimit-remaining': '1' },
    { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '-1' },
    { 'x-ratelimit-limit': '', 'x-ratelimit-remaining': '' },
  ])('that say nothing usable count as missing: %j', (headers) => {
    expect(readRateLimitHeaders(headers, 0)).toBeUndefined();
  });

  test('a 429 says when to come again, by Retry-After in seconds or as a date, and by the reset', () => {
    const reset = `${seconds + 9}`;
    expect(readRateLimitRefusal({ 'retry-after': '3', 'x-ratelimit-reset': reset, date }, 0)).toEqual({
      retryAfterMs: 3_000,
      resetMs: 9_000,
    });
    expect(readRateLimitRefusal({ 'retry-after': 'Tue, 24 Nov 2026 10:00:05 GMT', date }, 0)).toEqual({
      retryAfterMs: 5_000,
    });
    expect(readRateLimitRefusal({ 'x-ratelimit-reset': reset, date }, 0)).toEqual({ resetMs: 9_000 });
    expect(readRateLimitRefusal({ date }, 0)).toEqual({});
  });

  test.each<[string, string, Record<string, string>]>([
    ['past', `${seconds - 300}`, { date }],
    ['in another unit', `${seconds * 1000}`, { date }],
    ['far off by a clock that may not be that of the server', `${seconds + 300}`, {}],
  ])('a reset that is %s is not believed', (_, reset, headers) => {
    const given = { ...headers, 'x-ratelimit-reset': reset, 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '3' };
    const rateLimit = { limit: 10, remaining: 3 };
    expect(readRateLimitRefusal(given, seconds * 1000)).toEqual({ headers: rateLimit });
    expect(readRateLimitRefusal({ ...given, 'retry-after': '0' }, seconds * 1000)).toEqual({ headers: rateLimit });
  });

  test('no bucket takes minutes to fill, though a 429 may ask to wait for them', () => {
    const headers = {
      date,
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': `${seconds + 300}`,
    };
    expect(readRateLimitRefusal(headers, 0)).toEqual({ headers: { limit: 10, remaining: 3 }, resetMs: 300_000 });
  });
});
