import type { StreamProgress } from '../workflows/contract';

/** The requests of a sync when it was looked at. */
export interface RequestSample {
  /** Epoch ms. */
  at: number;
  requests: number;
}

/** What the rate is told from, ms: slices tell of their requests when they end. */
const rateWindowMs = 10_000;

/** The looks at which requests had been added, back to the newest that is old enough to tell a rate from. */
export function addSample(samples: readonly RequestSample[], sample: RequestSample): RequestSample[] {
  if (samples.at(-1)?.requests === sample.requests) return [...samples];
  const first = samples.findLastIndex(({ at }) => sample.at - at >= rateWindowMs);
  return [...samples.slice(Math.max(0, first)), sample];
}

/** Requests per second; undefined before any were seen to be made. */
export function estimateRequestRate(samples: readonly RequestSample[]): number | undefined {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (!first || !last || last.requests <= first.requests) return undefined;
  return ((last.requests - first.requests) * 1_000) / (last.at - first.at);
}

/**
 * Pace, budget and the time that is left, in words, as far as there is something left to do. Of pace and budget there is
 * nothing to say while all wait.
 * @param rate requests per second
 */
export function formatPace(streams: readonly StreamProgress[], rate: number | undefined): string[] {
  const open = streams.filter(({ status }) => status === 'waiting' || status === 'running');
  if (open.length === 0 || open.every(({ pauseReason }) => pauseReason !== undefined)) return [];
  const [budget] = open
    .flatMap(({ pace }) => pace ?? [])
    .sort((one, other) => one.remaining / one.limit - other.remaining / other.limit);
  const left = open.reduce((sum, { requestsLeft = NaN }) => sum + requestsLeft, 0);
  const pace = open.every(({ waitingUntil }) => waitingUntil !== undefined)
    ? []
    : [
        ...(rate === undefined ? [] : [`${Number(rate.toPrecision(2))} requests/s`]),
        ...(budget ? [`budget ${budget.remaining}/${budget.limit}`] : []),
      ];
  return rate === undefined || !(left > 0) ? pace : [...pace, `about ${formatTimeLeft(left / rate)} left`];
}

/** As exact as a guess deserves. */
function formatTimeLeft(seconds: number): string {
  if (seconds < 55) return `${Math.ceil(seconds / 10) * 10} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${Number((seconds / 3_600).toPrecision(2))} h`;
}

/** The time of the day here, `12:34:56`. */
export function formatClockTime(at: number): string {
  return new Date(Math.ceil(at / 1_000) * 1_000).toTimeString().slice(0, 8);
}
