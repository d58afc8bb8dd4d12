import { readRateLimitHeaders, readRateLimitRefusal } from '../../../src/auth0/rate-limit/rate-limit-headers';

describe('rate limit headers', () => {
  const date = 'Tue, 24 Nov 2026 10:00:00 GMT';
  const seconds = Date.parse(date) / 1000;

  test("the time until the bucket is full is computed with the server's clock alone", () => {
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
  ])('are ignored when they are invalid: %j', (headers) => {
    expect(readRateLimitHeaders(headers, 0)).toBeUndefined();
  });

  test('the wait of a 429 is read from Retry-After, in seconds or as a date, and from the reset', () => {
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
    ['in the past', `${seconds - 300}`, { date }],
    ['in another unit', `${seconds * 1000}`, { date }],
    ['far away and no Date header confirms the clock', `${seconds + 300}`, {}],
  ])('a reset is ignored when it is %s', (_, reset, headers) => {
    const given = { ...headers, 'x-ratelimit-reset': reset, 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '3' };
    const rateLimit = { limit: 10, remaining: 3 };
    expect(readRateLimitRefusal(given, seconds * 1000)).toEqual({ headers: rateLimit });
    expect(readRateLimitRefusal({ ...given, 'retry-after': '0' }, seconds * 1000)).toEqual({ headers: rateLimit });
  });

  test('a reset minutes away is a valid wait for a 429 but not a time to fill a bucket', () => {
    const headers = {
      date,
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': `${seconds + 300}`,
    };
    expect(readRateLimitRefusal(headers, 0)).toEqual({ headers: { limit: 10, remaining: 3 }, resetMs: 300_000 });
  });
});
