import type { EmulatedTenant } from 'auth0-emulator';
import { maxSearchRows } from '../../src/auth0/paging/user-search';

/** Rows on a full page. */
const maxPageRows = 100;

/** The sizes on which the number of requests depends. */
export interface TenantSize {
  clients: number;
  /** Users that have the timestamp by which they are read. */
  users: number;
  /** Users without it; a search of their own finds them. */
  usersWithoutTimestamp: number;
  /** Sizes of the blocks of users that share one timestamp and exceed the rows of a search. */
  ties: number[];
  organizations: number;
  /** Members of each organization. */
  members: number[];
  /** Roles of the tenant. */
  roles: number;
  /** For each organization with roles of its own, which the list of roles omits: how many are assigned, of how many. */
  organizationRoles: { assigned: number; owned: number }[];
}

/** Numbers of requests. Members and their roles come from the same requests. */
export type RequestCounts = Record<'clients' | 'users' | 'organizations' | 'members' | 'roles', number>;

/**
 * The minimum number of requests of a full refresh. Page sizes and limits are Auth0's:
 * https://auth0.com/docs/manage-users/user-search/view-search-results-by-page
 *
 * - A list takes one request per page, at least one.
 * - Users take one request per page, where each further search of 1,000 rows repeats the last row of the one before; one
 *   request that finds no more rows; and at least one for the users without a timestamp. A block that exceeds a search is
 *   read in parts, each of which has a last page of its own.
 * - Roles of an organization take one request each, or those of their list, whichever are fewer.
 */
export function countLeastRequests(size: TenantSize): RequestCounts {
  const overlap = Math.ceil(size.users / maxSearchRows) - 1;
  const parts = sum(size.ties.map((rows) => Math.ceil(rows / maxSearchRows)));
  return {
    clients: countPages(size.clients),
    users:
      Math.ceil((size.users + Math.max(0, overlap)) / maxPageRows) + parts + 1 + countPages(size.usersWithoutTimestamp),
    organizations: countPages(size.organizations),
    members: sum(size.members.map(countPages)),
    roles:
      countPages(size.roles) +
      sum(size.organizationRoles.map(({ assigned, owned }) => Math.min(assigned, countPages(owned)))),
  };
}

function countPages(rows: number): number {
  return Math.max(1, Math.ceil(rows / maxPageRows));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

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
