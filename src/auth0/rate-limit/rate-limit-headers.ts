/** What the `x-ratelimit-*` headers of one answer say. */
export interface RateLimitHeaders {
  /** Size of the bucket, requests; whole, at least 1. */
  limit: number;
  /** Requests left in it when this one was counted. */
  remaining: number;
  /**
   * From the answer until the bucket is full again, ms, by the server's clock alone: up to 2 s too long, since both ends
   * are whole seconds, and too short, even below 0, by the time from counting the request to answering it. Absent when it
   * cannot be true.
   */
  fullInMs?: number;
}

/** What a 429 says. */
export interface RateLimitRefusal {
  headers?: RateLimitHeaders;
  /** How long it asks to wait (`Retry-After`), ms, above 0. */
  retryAfterMs?: number;
  /** Until the bucket is full, ms, above 0. */
  resetMs?: number;
}

/** Longest wait that is believed: there are quotas by the day. */
const maxDelayMs = 24 * 3600 * 1000;
/** Auth0's buckets are full within seconds, a fixed window within a minute; more than that is a clock that is wrong. */
const maxFillMs = 60_000;

type HeaderMap = Readonly<Record<string, string | undefined>>;

/** Non-negative, finite; anything else is as if the header were missing. */
function parseNonNegative(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The server's clock when it answered, epoch ms; `fallback` when it does not say. */
export function readServerTime(headers: HeaderMap, fallback: number): number {
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? fallback : time;
}

/** From the answer until the time in `x-ratelimit-reset` (UNIX seconds), ms; undefined when it is not within the bounds. */
function readResetDelay(headers: HeaderMap, now: number, least: number, most: number): number | undefined {
  const reset = parseNonNegative(headers['x-ratelimit-reset']);
  if (reset === undefined) return undefined;
  const delay = reset * 1000 - readServerTime(headers, now);
  return delay >= least && delay <= most ? delay : undefined;
}

/** Undefined when the answer says nothing of limits. */
export function readRateLimitHeaders(headers: HeaderMap, now: number): RateLimitHeaders | undefined {
  const limit = Math.floor(parseNonNegative(headers['x-ratelimit-limit']) ?? 0);
  const remaining = parseNonNegative(headers['x-ratelimit-remaining']);
  if (limit < 1 || remaining === undefined) return undefined;
  const fullInMs = readResetDelay(headers, now, -maxFillMs, maxFillMs);
  return { limit, remaining: Math.min(remaining, limit), ...(fullInMs === undefined ? {} : { fullInMs }) };
}

/** `Retry-After` is seconds or a date. A reset without a `Date` beside it is believed only when it is near. */
export function readRateLimitRefusal(headers: HeaderMap, now: number): RateLimitRefusal {
  const reading = readRateLimitHeaders(headers, now);
  const after = headers['retry-after'];
  const seconds = parseNonNegative(after);
  const asked = seconds === undefined ? Date.parse(after ?? '') - readServerTime(headers, now) : seconds * 1000;
  const resetMs = readResetDelay(headers, now, 1, headers['date'] ? maxDelayMs : maxFillMs);
  return {
    ...(reading && { headers: reading }),
    ...(asked > 0 && { retryAfterMs: Math.min(asked, maxDelayMs) }),
    ...(resetMs !== undefined && { resetMs }),
  };
}
