import type { PacerSnapshot } from '../auth0/pacer';
import type { Pace } from './slice';

/**
 * How the tenant's limits stand, by the scarcest of them: a bucket that nobody draws on fills up, so the emptiest is one in
 * use. Undefined when the tenant has named no limit yet.
 */
export function selectScarcestLimit(buckets: PacerSnapshot['buckets']): Pace | undefined {
  const [bucket] = [...buckets].sort((one, other) => one.remaining / one.limit - other.remaining / other.limit);
  if (!bucket) return undefined;
  const { remaining, limit, perSecond } = bucket;
  return { remaining, limit, ...(perSecond > 0 && { perSecond: Math.round(perSecond * 100) / 100 }) };
}
