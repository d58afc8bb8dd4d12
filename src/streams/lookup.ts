import type { JsonObject } from '../json';

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
