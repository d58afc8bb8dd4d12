import { compareJson, type Json, type JsonObject } from '../json';
import type { EntityCollection } from '../data/entity-collection';
import { type IndexEntry, type KeyBounds, type KeyIndex, unbounded } from '../data/key-index';
import type { Memberships } from '../data/memberships';
import { userKeys, type UserKey, type UserStore } from '../data/user-store';
import { hash } from '../random';
import {
  compileQuery,
  computeDateBounds,
  type MembershipTest,
  parseQuery,
  type RangeCondition,
  type SearchQuery,
} from './query';

/** Maximum number of users that a search returns and counts. */
export const searchLimit = 1_000;

export interface UserSort {
  field: string;
  descending: boolean;
}

export interface UserSearchRequest {
  q?: string;
  sort?: UserSort;
  start: number;
  limit: number;
  /** Whether to count the matches, up to `searchLimit`. Otherwise `total` is the number of users examined. */
  count: boolean;
  /** Determines the order of users with the same sort value. Default: their index. */
  shuffle?: number;
}

export interface UserSearchResult {
  users: JsonObject[];
  total: number;
}

/** Users that may match, and the conditions that remain to be checked. */
interface SearchCandidates {
  entries: Iterable<IndexEntry>;
  /** The key that the entries are ordered by, in the requested direction. Absent: no order. */
  sortedBy?: UserKey;
  residual: SearchQuery[];
}

export interface UserSearchOptions {
  users: UserStore;
  memberships: Memberships;
  organizations: EntityCollection;
  now: () => number;
  readLagMs: () => number;
}

/** The tenant's users as the search index sees them: `readLagMs()` behind the tenant's data. */
export class UserSearch {
  private readonly indexes: Record<UserKey, KeyIndex>;
  private readonly visible = new Map<number, JsonObject | undefined>();
  private pendingWrites: { due: number; handle: number; record: JsonObject | undefined }[] = [];

  constructor(private readonly options: UserSearchOptions) {
    const { users, now, readLagMs } = options;
    this.indexes = { created_at: users.createIndex('created_at'), updated_at: users.createIndex('updated_at') };
    users.onWrite((handle, record) => this.pendingWrites.push({ due: now() + readLagMs(), handle, record }));
  }

  /** Throws ApiError (400) for a query that user search rejects. */
  search(request: UserSearchRequest): UserSearchResult {
    this.applyDueWrites();
    const needed = request.count ? searchLimit : Math.min(searchLimit, request.start + request.limit);
    const users: JsonObject[] = [];
    let total = 0;
    for (const handle of this.findMatches(request)) {
      if (total >= request.start && users.length < request.limit) users.push(this.readVisible(handle) as JsonObject);
      total += 1;
      if (total >= needed) break;
    }
    return { users, total };
  }

  /** Handles of the matches in the requested order. Generates a record only when the query needs it. */
  private *findMatches({ q, sort, shuffle }: UserSearchRequest): Generator<number> {
    const query = q === undefined ? undefined : parseQuery(q);
    const { entries, sortedBy, residual } = this.chooseCandidates(query, sort);
    const isMember: MembershipTest = (organizationId, userId) =>
      this.options.organizations.get(organizationId) !== undefined &&
      this.options.memberships.find(organizationId, userId) !== undefined;
    const tests = residual.map((part) => compileQuery(part, isMember));
    const isMatch = ({ handle }: IndexEntry): boolean => {
      if (tests.length === 0) return true;
      const user = this.readVisible(handle);
      return user !== undefined && tests.every((test) => test(user));
    };
    const inOrder = !sort || sortedBy === sort.field ? entries : this.sortEntries(entries, isMatch, sort);
    for (const entry of shuffle === undefined ? inOrder : shuffleTies(inOrder, shuffle)) {
      if (isMatch(entry)) yield entry.handle;
    }
  }

  /** Chooses the smallest set: one user, an organization's members, users without a timestamp, a range of one, or all. */
  private chooseCandidates(query: SearchQuery | undefined, sort: UserSort | undefined): SearchCandidates {
    const parts = query === undefined ? [] : query.kind === 'all' ? query.of : [query];
    for (const part of parts) {
      const handles = this.findHandles(part);
      if (handles) return { entries: handles.map((handle) => ({ handle, value: 0 })), residual: parts };
    }
    const key = userKeys.find((one) => one === sort?.field && parts.some((part) => isRangeOnKey(part, one)));
    const ranged = key ?? userKeys.find((one) => parts.some((part) => isRangeOnKey(part, one)));
    if (ranged) {
      const bounds = parts
        .filter((part) => isRangeOnKey(part, ranged))
        .map((part) => computeDateBounds(part as RangeCondition));
      const range = { from: Math.max(...bounds.map((b) => b.from)), to: Math.min(...bounds.map((b) => b.to)) };
      return {
        entries: this.iterateEntries(ranged, range, sort?.descending === true && sort.field === ranged),
        sortedBy: ranged,
        residual: parts.filter((part) => !isRangeOnKey(part, ranged)),
      };
    }
    const sortedBy = userKeys.find((one) => one === sort?.field) ?? 'created_at';
    return { entries: this.iterateAllEntries(sortedBy, sort?.descending === true), sortedBy, residual: parts };
  }

  private findHandles(part: SearchQuery): number[] | undefined {
    if (part.kind === 'equals' && part.field === 'user_id') {
      const handle = this.options.users.findHandle(part.text);
      return handle === undefined || this.readVisible(handle) === undefined ? [] : [handle];
    }
    if (part.kind === 'equals' && part.field === 'organization_id') {
      if (!this.options.organizations.get(part.text)) return [];
      return this.options.memberships.list(part.text).flatMap(({ id }) => {
        const handle = this.options.users.findHandle(id);
        return handle === undefined || this.readVisible(handle) === undefined ? [] : [handle];
      });
    }
    if (part.kind === 'not' && part.of.kind === 'exists') {
      const { field } = part.of;
      const key = userKeys.find((one) => one === field);
      return key && [...this.indexes[key].missing].sort((one, other) => one - other);
    }
    return undefined;
  }

  private iterateEntries(key: UserKey, bounds: KeyBounds, descending: boolean): Iterable<IndexEntry> {
    return descending ? this.indexes[key].iterateDescending(bounds) : this.indexes[key].iterateAscending(bounds);
  }

  private *iterateAllEntries(key: UserKey, descending: boolean): Generator<IndexEntry> {
    yield* this.iterateEntries(key, unbounded, descending);
    for (const handle of this.indexes[key].missing) yield { handle, value: Infinity };
  }

  /** Sorts the matches by a field without an index. Users without the field are last, in either direction. */
  private sortEntries(
    entries: Iterable<IndexEntry>,
    isMatch: (entry: IndexEntry) => boolean,
    sort: UserSort,
  ): IndexEntry[] {
    const keyed = [...entries].filter(isMatch).map(({ handle }) => {
      return { handle, value: handle, key: this.readVisible(handle)?.[sort.field] ?? null };
    });
    const sign = sort.descending ? -1 : 1;
    keyed.sort((one, other) => {
      if (one.key === null || other.key === null) return Number(one.key === null) - Number(other.key === null);
      return sign * compareJson(one.key, other.key);
    });
    return keyed;
  }

  private readVisible(handle: number): JsonObject | undefined {
    return this.visible.has(handle) ? this.visible.get(handle) : this.options.users.generate(handle);
  }

  private applyDueWrites(): void {
    if (this.pendingWrites.length === 0) return;
    const now = this.options.now();
    const due = this.pendingWrites.filter((write) => write.due <= now);
    this.pendingWrites = this.pendingWrites.filter((write) => write.due > now);
    for (const { handle, record } of due) {
      this.visible.set(handle, record);
      for (const key of userKeys) {
        if (record) this.indexes[key].set(handle, parseInstant(record[key]));
        else this.indexes[key].remove(handle);
      }
    }
  }
}

function isRangeOnKey(part: SearchQuery, key: UserKey): boolean {
  return part.kind === 'range' && part.field === key;
}

function parseInstant(value: Json | undefined): number | undefined {
  return typeof value === 'string' ? Date.parse(value) : undefined;
}

/** Orders entries with the same value by `seed` alone. */
function* shuffleTies(entries: Iterable<IndexEntry>, seed: number): Generator<IndexEntry> {
  let ties: IndexEntry[] = [];
  const rank = ({ handle }: IndexEntry): number => hash(seed, 60, handle);
  for (const entry of entries) {
    if (ties[0] && ties[0].value !== entry.value) {
      yield* ties.sort((one, other) => rank(one) - rank(other));
      ties = [];
    }
    ties.push(entry);
  }
  yield* ties.sort((one, other) => rank(one) - rank(other));
}
