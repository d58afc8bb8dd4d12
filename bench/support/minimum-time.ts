import { type BucketGroup, type BucketLimit, type RateLimits, routes, type Statistics } from 'auth0-emulator';

/**
 * The minimum seconds from the first to the last of the granted requests: each bucket grants its burst, then its rate. The
 * slowest bucket decides.
 */
export function calculateMinimumSeconds({ byRoute }: Pick<Statistics, 'byRoute'>, limits: RateLimits): number {
  const granted = new Map<BucketGroup, number>();
  for (const { name, group } of routes) {
    granted.set(group, (granted.get(group) ?? 0) + countGranted(byRoute[name] ?? {}));
  }
  const all = [...granted.values()].reduce((sum, each) => sum + each, 0);
  const groups = Object.entries(limits.groups ?? {}) as [BucketGroup, BucketLimit][];
  return Math.max(
    limits.global ? toSeconds(all, limits.global) : 0,
    ...groups.map(([group, limit]) => toSeconds(granted.get(group) ?? 0, limit)),
  );
}

/** A request with a 429 takes nothing from its bucket. */
function countGranted(answers: Readonly<Record<string, number>>): number {
  return Object.entries(answers).reduce((sum, [status, count]) => (status === '429' ? sum : sum + count), 0);
}

function toSeconds(requests: number, limit: BucketLimit): number {
  const perSecond = 'perSecond' in limit ? limit.perSecond : limit.perMinute / 60;
  return Math.max(0, (requests - limit.size) / perSecond);
}
