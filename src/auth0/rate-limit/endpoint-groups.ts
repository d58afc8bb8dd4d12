/** Endpoints that Auth0 limits together where it limits endpoints at all. By path template; the rest are `others`. */
const endpointGroups: Readonly<Record<string, string>> = {
  organizations: 'organizations',
  'organizations/{id}': 'organization',
  'organizations/{id}/members': 'members',
  'organizations/{id}/members/{id}/roles': 'memberRoles',
  'organizations/{id}/enabled_connections': 'enabledConnections',
  users: 'users',
  clients: 'clients',
  connections: 'connections',
};

/** Sizes of the groups' own buckets on plans that limit each of them; what is not here is limited so on every plan. */
const groupBucketSizes: Readonly<Record<string, number>> = { users: 40, clients: 5, connections: 5, others: 10 };

/** The Free plan's one bucket. */
export const freePlanBucketSize = 2;

/** `users` → `users`: see `groups`. */
export function findEndpointGroup(route: string): string {
  return endpointGroups[route] ?? 'others';
}

/**
 * Whether a bucket of this size, named by an answer of this group, is by Auth0's tables the group's own. Such buckets
 * are refilled once a second rather than evenly. A first guess: what another group's answers name is shared after all.
 * Source: Auth0's "Rate Limit Configurations", mid-2026.
 */
export function isGroupBucket(group: string, limit: number): boolean {
  return limit > freePlanBucketSize && (groupBucketSizes[group] ?? limit) === limit;
}

/** Refill to begin with, requests per second, where nothing is measured yet: no table has a bucket that takes over 6 s. */
export function getDocumentedRefill(limit: number): number {
  return limit <= freePlanBucketSize ? limit : limit / 6;
}
