import type { JsonObject } from '../json';
import type { Segment } from '../staging/segment';

/** Index of the ids of the organizations listed, one line an organization. Written while listing, read by `members`. */
export const organizationIndexName = 'organization-ids';

/** Index of the tenant's roles with their descriptions. */
export const roleIndexName = 'roles';

/**
 * Index of the rows that a list has delivered and that it would deliver again, were it begun again: a hash of each.
 * Checkpoint tokens are good for 24 h. Its first line names the segment before it, so that a list of any length takes
 * one reference.
 */
export const deliveredIndexName = 'delivered-rows';

/** The newest segment of a slice's index of delivered rows; undefined when it has none. */
export function findLastDelivered(segments: readonly Segment[]): Segment | undefined {
  return segments.filter(({ stream }) => stream === deliveredIndexName).at(-1);
}

/**
 * What a chain of slices reads, as the workflow hands it to an activity: references and names, never rows or secrets.
 */
export type FetchTask =
  ListTask | { kind: 'organizations'; emit: boolean } | SearchTask | SearchEndTask | { kind: 'roles' } | MembersTask;

/** A whole list of the tenant. */
export interface ListTask {
  kind: 'list';
  stream: string;
}

/** Timestamps that the search can walk by. */
export type SearchKey = 'created_at' | 'updated_at';

/** All rows of a search whose `key` lies in a range, and perhaps those that have no `key`. */
export interface SearchTask {
  kind: 'search';
  stream: string;
  key: SearchKey;
  /** Inclusive lower bound, ISO 8601 with milliseconds; absent: from the beginning. */
  from?: string;
  /**
   * Inclusive upper bound; absent: open, for a key that never changes. A lag: so many seconds before the tenant's own
   * time at the first answer, so that rows that get a later key while the search runs are left to the next run.
   */
  to?: string | { lagSeconds: number };
  /** Whether to read the rows without `key` as well. */
  missing: boolean;
}

/** The greatest key of a search, from one request; nothing is emitted. */
export interface SearchEndTask {
  kind: 'search-end';
  key: SearchKey;
  /** Inclusive bounds. */
  from?: string;
  to?: string;
}

/** The members of some organizations, and their roles, from one reading of each member list. */
export interface MembersTask {
  kind: 'members';
  /** Which of the member streams to fill. */
  streams: string[];
  /** Lines of an index segment. */
  organizations: { segment: Segment; first: number; count: number };
  rolesSource: RolesSource;
  /** Index segments of the roles; null when the token may not read roles, so that descriptions are unknown. */
  roles: Segment[] | null;
}

/** Something that a page's records lack, and that takes a request of its own. */
export type Lookup =
  /** The description of a role that the list of roles does not show: those that an organization owns. */
  | { kind: 'role'; organization: string; role: string }
  /** What a member may do in an organization. */
  | { kind: 'member-roles'; organization: string; user: string };

/** The answers to a page's lookups. */
export interface LookupResults {
  /** By role id; null when it has none. Absent: the role is gone. */
  descriptions: ReadonlyMap<string, string | null>;
  /** By user id. Absent: the member is gone. */
  memberRoles: ReadonlyMap<string, JsonObject[]>;
}

export const emptyLookupResults: LookupResults = { descriptions: new Map(), memberRoles: new Map() };

/** Where a member's roles are taken from. */
export type RolesSource = 'inline' | 'per_member';

/** How a tenant is read, as its connection is configured; the same for every run until somebody changes it. */
export interface ReadOptions {
  /**
   * Seconds that an incremental search starts before the saved cursor, for rows that the tenant's search index showed
   * late.
   */
  lookbackSeconds: number;
  /** Seconds before the tenant's own time at which an incremental search ends; what is newer is the next run's. */
  lagSeconds: number;
  /**
   * `inline`: with the member list, at no further cost. `per_member`: one request for each member, for tenants whose
   * lists leave roles out.
   */
  rolesSource: RolesSource;
}

export const defaultReadOptions: Readonly<ReadOptions> = { lookbackSeconds: 180, lagSeconds: 0, rolesSource: 'inline' };
