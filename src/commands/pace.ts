import type { StreamProgress } from '../workflows/contract';

/** The requests of a sync when it was looked at. */
export interface Look {
  /** Epoch ms. */
  at: number;
  requests: number;
}

/** What the rate is told from, ms: slices tell of their requests when they end. */
const rateOverMs = 10_000;

/** The looks at which requests had been added, back to the newest that is old enough to tell a rate from. */
export function remember(looks: readonly Look[], now: Look): Look[] {
  if (looks.at(-1)?.requests === now.requests) return [...looks];
  const first = looks.findLastIndex(({ at }) => now.at - at >= rateOverMs);
  return [...looks.slice(Math.max(0, first)), now];
}

/** Requests per second; undefined before any were seen to be made. */
export function rateOf(looks: readonly Look[]): number | undefined {
  const [first, last] = [looks.at(0), looks.at(-1)];
  if (!first || !last || last.requests <= first.requests) return undefined;
  return ((last.requests - first.requests) * 1_000) / (last.at - first.at);
}

/**
 * Pace, budget and the time that is left, in words, as far as there is something left to do. Of pace and budget there is
 * nothing to say while all wait.
 * @param rate requests per second
 */
export function outlook(streams: readonly StreamProgress[], rate: number | undefined): string[] {
  const open = streams.filter(({ status }) => status === 'waiting' || status === 'running');
  if (open.length === 0 || open.every(({ paused }) => paused !== undefined)) return [];
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
  return rate === undefined || !(left > 0) ? pace : [...pace, `about ${duration(left / rate)} left`];
}

/** As exact as a guess deserves. */
function duration(seconds: number): string {
  if (seconds < 55) return `${Math.ceil(seconds / 10) * 10} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${Number((seconds / 3_600).toPrecision(2))} h`;
}

/** The time of the day here, `12:34:56`. */
export function clock(at: number): string {
  return new Date(Math.ceil(at / 1_000) * 1_000).toTimeString().slice(0, 8);
}
