import type { EmulatedTenant } from 'auth0-emulator';
import { maxSearchRows } from '../../src/auth0/paging/user-search';
import { countPages, maxPageRows, type TenantSize } from '../../src/preflight/estimate';

export { countLeastRequests, type RequestCounts } from '../../src/preflight/estimate';

/**
 * The minimum number of requests for the users of an incremental sync: one per page of changed users, and one per page of
 * users without the timestamp.
 */
export function countLeastRequestsForChanges(changed: number, without: number): number {
  return Math.ceil(changed / maxPageRows) + countPages(without);
}

/** Counts the current contents of a tenant, as a full refresh reads them: users by their creation. */
export function countHoldings({ clients, users, organizations, memberships, roles }: EmulatedTenant): TenantSize {
  const sizes = new Map<unknown, number>();
  for (const { created_at: at = null } of users.iterateUsers()) sizes.set(at, (sizes.get(at) ?? 0) + 1);
  const usersWithoutTimestamp = sizes.get(null) ?? 0;
  sizes.delete(null);
  const ownerOf = new Map(roles.rows.map(({ id, record }) => [id, record['owner_id']]));
  const owners = organizations.rows.map(({ id }) => {
    const assigned = new Set(memberships.list(id).flatMap((member) => member.roles));
    return {
      assigned: [...assigned].filter((role) => ownerOf.get(role) === id).length,
      owned: [...ownerOf.values()].filter((owner) => owner === id).length,
    };
  });
  return {
    clients: clients.rows.length,
    users: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    usersWithoutTimestamp,
    ties: [...sizes.values()].filter((size) => size >= maxSearchRows),
    organizations: organizations.rows.length,
    members: organizations.rows.map(({ id }) => memberships.list(id).length),
    roles: [...ownerOf.values()].filter((owner) => owner === undefined).length,
    organizationRoles: owners.filter(({ assigned }) => assigned > 0),
  };
}

/** The requests that a sync may make: 3 % and five more than the minimum. */
export function allowance(least: number): number {
  return Math.floor(least * 1.03) + 5;
}
