import { defined } from '../../json';

/** The `x-ratelimit-*` headers of one response. */
export interface RateLimitHeaders {
  /** Size of the bucket in requests; an integer of at least 1. */
  limit: number;
  /** Requests left after this one was counted. */
  remaining: number;
  /**
   * Time from the response until the bucket is full, ms, by the server's clock. Up to 2 s too long, because both times are
   * whole seconds, and too short, even negative, by the time from counting the request to answering it. Absent when
   * implausible.
   */
  fullInMs?: number;
}

/** The headers of a 429. */
export interface RateLimitRefusal {
  headers?: RateLimitHeaders;
  /** Requested wait (`Retry-After`), ms, above 0. */
  retryAfterMs?: number;
  /** Time until the bucket is full, ms, above 0. */
  resetMs?: number;
}

/** Longest plausible wait: some quotas are per day. */
const maxDelayMs = 24 * 3600 * 1000;
/** Auth0's buckets fill within seconds, a fixed window within a minute. A longer time means a wrong clock. */
const maxFillMs = 60_000;

type HeaderMap = Readonly<Record<string, string | undefined>>;

function parseNonNegative(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The server's time (`Date` header), epoch ms; `fallback` when the header is missing. */
export function readServerTime(headers: HeaderMap, fallback: number): number {
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? fallback : time;
}

/** Time until `x-ratelimit-reset` (UNIX seconds), ms; undefined outside the bounds. */
function readResetDelay(headers: HeaderMap, now: number, min: number, max: number): number | undefined {
  const reset = parseNonNegative(headers['x-ratelimit-reset']);
  if (reset === undefined) return undefined;
  const delay = reset * 1000 - readServerTime(headers, now);
  return delay >= min && delay <= max ? delay : undefined;
}

/** Returns undefined when the response does not report a limit. */
export function readRateLimitHeaders(headers: HeaderMap, now: number): RateLimitHeaders | undefined {
  const limit = Math.floor(parseNonNegative(headers['x-ratelimit-limit']) ?? 0);
  const remaining = parseNonNegative(headers['x-ratelimit-remaining']);
  if (limit < 1 || remaining === undefined) return undefined;
  const fullInMs = readResetDelay(headers, now, -maxFillMs, maxFillMs);
  return { limit, remaining: Math.min(remaining, limit), ...defined({ fullInMs }) };
}

/** `Retry-After` is seconds or a date. Without a `Date` header, a reset is accepted only within a minute. */
export function readRateLimitRefusal(headers: HeaderMap, now: number): RateLimitRefusal {
  const retryAfter = headers['retry-after'];
  const seconds = parseNonNegative(retryAfter);
  const delay = seconds === undefined ? Date.parse(retryAfter ?? '') - readServerTime(headers, now) : seconds * 1000;
  return defined({
    headers: readRateLimitHeaders(headers, now),
    retryAfterMs: delay > 0 ? Math.min(delay, maxDelayMs) : undefined,
    resetMs: readResetDelay(headers, now, 1, headers['date'] ? maxDelayMs : maxFillMs),
  });
}
