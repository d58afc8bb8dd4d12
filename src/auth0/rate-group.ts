/** Endpoints that Auth0 limits together where it limits endpoints at all. By path template; the rest are `others`. */
const groups: Readonly<Record<string, string>> = {
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
const ownSizes: Readonly<Record<string, number>> = { users: 40, clients: 5, connections: 5, others: 10 };

/** The Free plan's one bucket. */
export const freeSize = 2;

/** `users` → `users`: see `groups`. */
export function groupOf(route: string): string {
  return groups[route] ?? 'others';
}

/**
 * Whether a bucket of this size, named by an answer of this group, is by Auth0's tables the group's own. Such buckets
 * are refilled once a second rather than evenly. A first guess: what another group's answers name is shared after all.
 * Source: Auth0's "Rate Limit Configurations", mid-2026.
 */
export function isOwnBucket(group: string, limit: number): boolean {
  return limit > freeSize && (ownSizes[group] ?? limit) === limit;
}

/** Refill to begin with, requests per second, where nothing is measured yet: no table has a bucket that takes over 6 s. */
export function documentedRefill(limit: number): number {
  return limit <= freeSize ? limit : limit / 6;
}
