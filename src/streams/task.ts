import type { Segment } from '../staging/segment';

/** Index of the ids of the organizations listed, one line an organization. Written while listing, read by `members`. */
export const organizationIndex = 'organization-ids';

/** Index of the tenant's roles with their descriptions. */
export const roleIndex = 'roles';

/**
 * What a chain of slices reads, as the workflow hands it to an activity: references and names, never rows or secrets.
 */
export type Task = ListTask | { kind: 'organizations'; emit: boolean } | SearchTask | { kind: 'roles' } | MembersTask;

/** A whole list of the tenant. */
export interface ListTask {
  kind: 'list';
  stream: string;
}

/** Timestamps that the search can walk by. */
export type SearchKey = 'created_at' | 'updated_at';

/** All rows of a search whose `key` lies in a range, and those that have no `key`. */
export interface SearchTask {
  kind: 'search';
  stream: string;
  key: SearchKey;
  /** Inclusive lower bound, ISO 8601 with milliseconds; absent: from the beginning. */
  from?: string;
  /**
   * True: rows that get a later key while the search runs are left to the next run (the upper bound is the server's
   * clock at the first answer). False: the range stays open, for a key that never changes.
   */
  frozen: boolean;
}

/** The members of some organizations, and their roles, from one reading of each member list. */
export interface MembersTask {
  kind: 'members';
  /** Which of the member streams to fill. */
  streams: string[];
  /** Lines of an index segment. */
  organizations: { segment: Segment; first: number; count: number };
  /** Index segments of the roles; null when the token may not read roles, so that descriptions are unknown. */
  roles: Segment[] | null;
}
