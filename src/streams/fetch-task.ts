import type { JsonObject } from '../json';
import type { Segment } from '../staging/segment';

/** Index of the ids of listed parents, one line each. Written while the parent list is read, read by `children` tasks. */
export const parentIndexName = 'parent-ids';

/** Index of the rows that complete the records of a child stream; see SideIndex. */
export const sideIndexName = 'side-index';

/**
 * Index of delivered rows, as hashes. A list whose checkpoint has expired (after 24 hours) restarts and skips them. The
 * first line of a segment names the segment before it, so one reference covers a list of any length.
 */
export const deliveredIndexName = 'delivered-rows';

/** The newest index segment of delivered rows among the segments of a fetch; undefined when there is none. */
export function findLastDelivered(segments: readonly Segment[]): Segment | undefined {
  return segments.filter(({ stream }) => stream === deliveredIndexName).at(-1);
}

/** What a sequence of fetches reads. The workflow passes it to an activity: references and names, never rows or secrets. */
export type FetchTask = ListTask | ParentsTask | SearchTask | SearchEndTask | SideIndexTask | ChildrenTask;

/** A whole list of the tenant. */
export interface ListTask {
  kind: 'list';
  stream: string;
}

/** The list of a parent stream, together with the index of its ids. */
export interface ParentsTask {
  kind: 'parents';
  stream: string;
  /** Whether the parent stream itself is synced; without it only the index is written. */
  emit: boolean;
}

/** The side index that a child stream declares. */
export interface SideIndexTask {
  kind: 'side-index';
  stream: string;
}

/** The child lists of some parents. */
export interface ChildrenTask {
  kind: 'children';
  /** Child streams to fill. All have the same parent and the same reading. */
  streams: string[];
  /** Lines of an index segment. */
  parents: { segment: Segment; first: number; count: number };
  /** Segments of the side index; null when it is not needed, or when the token may not read it. */
  sideIndex: Segment[] | null;
  readOptions: ReadOptions;
}

/** Timestamps by which a search can be ordered. */
export type SearchKey = 'created_at' | 'updated_at';

/** All rows of a search whose `key` is in a range, optionally with the rows that have no `key`. */
export interface SearchTask {
  kind: 'search';
  stream: string;
  key: SearchKey;
  /** Inclusive lower bound, ISO 8601 with milliseconds; absent: from the beginning. */
  from?: string;
  /**
   * Inclusive upper bound; absent: open, for a key that never changes. With a lag, the bound is that many seconds before
   * the tenant's time at the first response: rows that change during the search belong to the next run.
   */
  to?: string | { lagSeconds: number };
  /** Whether to include the rows without `key`. */
  missing: boolean;
}

/** The greatest key of a search. Takes one request and emits nothing. */
export interface SearchEndTask {
  kind: 'search-end';
  stream: string;
  key: SearchKey;
  /** Inclusive bounds. */
  from?: string;
  to?: string;
}

/** Data that the records of a page lack and that takes a request of its own. */
export type Lookup =
  /** The description of a role that the list of roles does not include because an organization owns it. */
  | { kind: 'role'; organization: string; role: string }
  /** The roles of a member in an organization. */
  | { kind: 'member-roles'; organization: string; user: string };

/** The results of a page's lookups. */
export interface LookupResults {
  /** By role id; null when the role has no description. Absent: the role was deleted. */
  descriptions: ReadonlyMap<string, string | null>;
  /** By user id. Absent: the member was deleted. */
  memberRoles: ReadonlyMap<string, JsonObject[]>;
}

export const emptyLookupResults: LookupResults = { descriptions: new Map(), memberRoles: new Map() };

/** Where a member's roles are taken from. */
export type RolesSource = 'inline' | 'per_member';

/** How a connection is configured to read its tenant. */
export interface ReadOptions {
  /** Seconds before the saved cursor at which an incremental search starts: the search index may show rows late. */
  lookbackSeconds: number;
  /** Seconds before the tenant's time at which an incremental search ends. Newer rows belong to the next run. */
  lagSeconds: number;
  /** `inline`: with the member list, without extra requests. `per_member`: one request a member, for tenants whose lists omit roles. */
  rolesSource: RolesSource;
}

export const defaultReadOptions: Readonly<ReadOptions> = { lookbackSeconds: 180, lagSeconds: 0, rolesSource: 'inline' };

/** Whether a setting that depends on read options applies; without a condition it always does. */
export function matchesReadOptions(when: Partial<ReadOptions> | undefined, options: ReadOptions): boolean {
  return Object.entries(when ?? {}).every(([name, value]) => options[name as keyof ReadOptions] === value);
}
