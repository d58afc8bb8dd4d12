/** Groups of endpoints that share a bucket where Auth0 limits endpoints, by path template. The rest are `others`. */
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

/** Bucket sizes of the groups that only some plans limit. The other groups have a bucket of their own on every plan. */
const groupBucketSizes: Readonly<Record<string, number>> = { users: 40, clients: 5, connections: 5, others: 10 };

/** Size of the Free plan's only bucket. */
export const freePlanBucketSize = 2;

export function findEndpointGroup(route: string): string {
  return endpointGroups[route] ?? 'others';
}

/**
 * Whether a bucket of this size, reported by a response of this group, belongs to the group alone by Auth0's tables. Such
 * buckets refill once a second instead of evenly. Only a first assumption: a bucket that other groups report is shared.
 * Source: Auth0's "Rate Limit Configurations", mid-2026.
 */
export function isGroupBucket(group: string, limit: number): boolean {
  return limit > freePlanBucketSize && (groupBucketSizes[group] ?? limit) === limit;
}

/** Initial refill before the first measurement, requests per second: no documented bucket takes more than 6 s to fill. */
export function getDocumentedRefill(limit: number): number {
  return limit <= freePlanBucketSize ? limit : limit / 6;
}
