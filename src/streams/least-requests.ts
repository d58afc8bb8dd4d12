/** Rows that Auth0 sends in one answer at most. */
const maxPageRows = 100;
/** Rows that a search shows; more of them take another search. */
export const maxSearchRows = 1_000;

/** What a tenant holds, as far as the number of requests depends on it. */
export interface TenantSize {
  clients: number;
  /** Users that have the timestamp they are read by. */
  users: number;
  /** Users that lack it: only a search of their own finds them. */
  usersWithoutTimestamp: number;
  /** Sizes of the blocks of users that share one instant and are more than a search shows. */
  ties: number[];
  organizations: number;
  /** Members of each organization. */
  members: number[];
  /** Roles of the tenant. */
  roles: number;
  /** Organizations whose members hold roles that it owns, which the list of roles does not show: how many are held, of how many. */
  organizationRoles: { assigned: number; owned: number }[];
}

/** Requests by what is asked for; members and their roles come from the same requests. */
export interface RequestCounts {
  clients: number;
  users: number;
  organizations: number;
  members: number;
  roles: number;
}

/**
 * The least number of requests that a full refresh can be made with. Page sizes and caps are Auth0's:
 * https://auth0.com/docs/manage-users/user-search/view-search-results-by-page
 *
 * - A list takes a request for each page, and one when it is empty.
 * - Users take a request for each page; a row for each further search of 1,000, which begins where the last one ended; one
 *   to see that nothing follows; and those for the users that no range finds, one at least. A tie that no search shows as
 *   a whole is read in parts, each with a last page of its own.
 * - Roles that an organization owns take a request each, or those for the list of them, whichever are fewer.
 */
export function countLeastRequests(size: TenantSize): RequestCounts {
  const overlap = Math.ceil(size.users / maxSearchRows) - 1;
  const parts = size.ties.reduce((sum, size) => sum + Math.ceil(size / maxSearchRows), 0);
  return {
    clients: countPages(size.clients),
    users: Math.ceil((size.users + Math.max(0, overlap)) / maxPageRows) + parts + 1 + countPages(size.usersWithoutTimestamp),
    organizations: countPages(size.organizations),
    members: size.members.reduce((sum, size) => sum + countPages(size), 0),
    roles: size.organizationRoles.reduce((sum, each) => sum + Math.min(each.assigned, countPages(each.owned)), countPages(size.roles)),
  };
}

/**
 * The least number of requests for the users of an incremental run: one for each page of those that have changed, and one
 * for each page of those that lack the timestamp.
 */
export function countLeastRequestsForChanges(changed: number, without: number): number {
  return Math.ceil(changed / maxPageRows) + countPages(without);
}

function countPages(rows: number): number {
  return Math.max(1, Math.ceil(rows / maxPageRows));
}
