import { type BucketGroup, type BucketLimit, type RateLimits, routes, type Statistics } from 'auth0-emulator';

/**
 * Least seconds from the first to the last of the requests that a tenant has granted: each of its buckets gives its burst,
 * then its rate, and the slowest of them decides.
 */
export function leastSeconds({ byRoute }: Pick<Statistics, 'byRoute'>, limits: RateLimits): number {
  const granted = new Map<BucketGroup, number>();
  for (const { name, group } of routes) {
    granted.set(group, (granted.get(group) ?? 0) + grantedOf(byRoute[name] ?? {}));
  }
  const all = [...granted.values()].reduce((sum, each) => sum + each, 0);
  const groups = Object.entries(limits.groups ?? {}) as [BucketGroup, BucketLimit][];
  return Math.max(
    limits.global ? secondsOf(all, limits.global) : 0,
    ...groups.map(([group, limit]) => secondsOf(granted.get(group) ?? 0, limit)),
  );
}

/** A 429 takes nothing from its bucket. */
function grantedOf(answers: Readonly<Record<string, number>>): number {
  return Object.entries(answers).reduce((sum, [status, count]) => (status === '429' ? sum : sum + count), 0);
}

function secondsOf(requests: number, limit: BucketLimit): number {
  const perSecond = 'perSecond' in limit ? limit.perSecond : limit.perMinute / 60;
  return Math.max(0, (requests - limit.size) / perSecond);
}
