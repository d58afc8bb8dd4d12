/** What the `x-ratelimit-*` headers of one answer say. */
export interface Reading {
  /** Size of the bucket, requests; at least 1. */
  limit: number;
  /** Requests left in it when this one was counted. */
  remaining: number;
  /** Until the bucket is full again, ms after the answer; both ends are of the server's clock. */
  fullInMs?: number;
}

/** Nothing of Auth0's takes longer to refill; a header that says so is in another unit. */
const longestMs = 24 * 3600 * 1000;

type Headers = Readonly<Record<string, string | undefined>>;

/** Non-negative, finite; anything else is as if the header were missing. */
function number(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The server's clock when it answered, epoch ms; `fallback` when it does not say. */
export function serverTime(headers: Headers, fallback: number): number {
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? fallback : time;
}

/** From the answer until the time in `x-ratelimit-reset` (UNIX seconds), ms. */
function resetDelay(headers: Headers, now: number): number | undefined {
  const reset = number(headers['x-ratelimit-reset']);
  if (reset === undefined) return undefined;
  const delay = reset * 1000 - serverTime(headers, now);
  return delay > longestMs ? undefined : Math.max(0, delay);
}

/** Undefined when the answer says nothing of limits. */
export function readRateLimit(headers: Headers, now: number): Reading | undefined {
  const limit = number(headers['x-ratelimit-limit']);
  const remaining = number(headers['x-ratelimit-remaining']);
  if (limit === undefined || limit < 1 || remaining === undefined) return undefined;
  const fullInMs = resetDelay(headers, now);
  return { limit, remaining: Math.min(remaining, limit), ...(fullInMs === undefined ? {} : { fullInMs }) };
}

/**
 * How long a 429 asks to wait, ms: `Retry-After` (seconds or a date), else until the bucket is full. Undefined when it
 * does not say.
 */
export function retryDelay(headers: Headers, now: number): number | undefined {
  const after = headers['retry-after'];
  const seconds = number(after);
  const asked = seconds === undefined ? Date.parse(after ?? '') - serverTime(headers, now) : seconds * 1000;
  if (!Number.isNaN(asked)) return Math.min(Math.max(0, asked), longestMs);
  return resetDelay(headers, now);
}
