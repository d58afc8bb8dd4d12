import type { StreamProgress } from '../../workflows/contract';

/** The requests of a sync at one time. */
export interface RequestSample {
  /** Epoch ms. */
  at: number;
  requests: number;
}

/** Fetches report their requests when they end, so shorter windows mislead. */
const rateWindowMs = 10_000;

/** Adds a sample with new requests, and drops those older than the window. */
export function addSample(samples: readonly RequestSample[], sample: RequestSample): RequestSample[] {
  if (samples.at(-1)?.requests === sample.requests) return [...samples];
  const first = samples.findLastIndex(({ at }) => sample.at - at >= rateWindowMs);
  return [...samples.slice(Math.max(0, first)), sample];
}

/** Requests per second; undefined before the first requests. */
export function estimateRequestRate(samples: readonly RequestSample[]): number | undefined {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (!first || !last || last.requests <= first.requests) return undefined;
  return ((last.requests - first.requests) * 1_000) / (last.at - first.at);
}

/** The request rate, the rate limit and the time left, as far as known. Rate and limit are omitted when all streams wait. */
export function formatPace(streams: readonly StreamProgress[], requestsPerSecond: number | undefined): string[] {
  const open = streams.filter(({ status }) => status === 'waiting' || status === 'running');
  if (open.length === 0 || open.every(({ pauseReason }) => pauseReason !== undefined)) return [];
  const [limit] = open
    .flatMap(({ pace }) => pace ?? [])
    .sort((one, other) => one.remaining / one.limit - other.remaining / other.limit);
  const requestsLeft = open.reduce((sum, { requestsLeft = NaN }) => sum + requestsLeft, 0);
  const allWait = open.every(({ waitingUntil }) => waitingUntil !== undefined);
  return [
    ...(allWait || requestsPerSecond === undefined ? [] : [`${Number(requestsPerSecond.toPrecision(2))} requests/s`]),
    ...(allWait || !limit ? [] : [`rate limit ${limit.remaining}/${limit.limit} left`]),
    ...(requestsPerSecond === undefined || !(requestsLeft > 0)
      ? []
      : [`about ${formatTimeLeft(requestsLeft / requestsPerSecond)} left`]),
  ];
}

/** With the precision of an estimate. */
function formatTimeLeft(seconds: number): string {
  if (seconds < 55) return `${Math.ceil(seconds / 10) * 10} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${Number((seconds / 3_600).toPrecision(2))} h`;
}
