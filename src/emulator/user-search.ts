import type { Json, JsonObject } from '../json';
import { type Bounds, type Entry, EVERYTHING, type KeyIndex } from './key-index';
import type { Collection } from './collection';
import type { Memberships } from './memberships';
import { compileQuery, dateBounds, type MembershipTest, type Range } from './predicate';
import { parseQuery, type Query } from './query';
import { hash } from './random';
import { USER_KEYS, type UserKey, type UserStore } from './user-store';
import { textOf } from './text';

/** User search finds at most this many users and counts no further. */
export const SEARCH_LIMIT = 1_000;

export interface Sort {
  field: string;
  descending: boolean;
}

export interface SearchRequest {
  q?: string;
  sort?: Sort;
  start: number;
  limit: number;
  /** Count the matches up to SEARCH_LIMIT; otherwise `total` only says how many were looked at. */
  count: boolean;
  /** Set: users with one sort value come in an order that follows from this number. */
  shuffle?: number;
}

export interface SearchAnswer {
  users: JsonObject[];
  total: number;
}

/** Users that may match, and what of the query remains to be asked of each. */
interface Candidates {
  entries: Iterable<Entry>;
  /** The key that the entries ascend or descend by, as the request's sort wants it; none when they are in no order. */
  sortedBy?: UserKey;
  residual: Query[];
}

/** The tenant's users as user search sees them: behind the truth by `lagMs`. */
export class UserSearch {
  private readonly indexes: Record<UserKey, KeyIndex>;
  private readonly seen = new Map<number, JsonObject | undefined>();
  private waiting: { due: number; handle: number; record: JsonObject | undefined }[] = [];

  constructor(
    private readonly users: UserStore,
    private readonly memberships: Memberships,
    private readonly organizations: Collection,
    private readonly now: () => number,
    private readonly lagMs: () => number,
  ) {
    this.indexes = { created_at: users.createIndex('created_at'), updated_at: users.createIndex('updated_at') };
    users.onWrite((handle, record) => this.waiting.push({ due: this.now() + this.lagMs(), handle, record }));
  }

  /** Throws the ApiError of a 400 for a query that user search refuses. */
  search(request: SearchRequest): SearchAnswer {
    this.catchUp();
    const needed = request.count ? SEARCH_LIMIT : Math.min(SEARCH_LIMIT, request.start + request.limit);
    const users: JsonObject[] = [];
    let total = 0;
    for (const handle of this.matches(request)) {
      if (total >= request.start && users.length < request.limit) users.push(this.read(handle) as JsonObject);
      total += 1;
      if (total >= needed) break;
    }
    return { users, total };
  }

  /** Handles of the matches in the order asked for. A record is only made where the query needs it. */
  private *matches({ q, sort, shuffle }: SearchRequest): Generator<number> {
    const query = q === undefined ? undefined : parseQuery(q);
    const { entries, sortedBy, residual } = this.chooseCandidates(query, sort);
    const isMember: MembershipTest = (organizationId, userId) =>
      this.organizations.get(organizationId) !== undefined &&
      this.memberships.find(organizationId, userId) !== undefined;
    const tests = residual.map((part) => compileQuery(part, isMember));
    const isMatch = ({ handle }: Entry): boolean => {
      if (tests.length === 0) return true;
      const user = this.read(handle);
      return user !== undefined && tests.every((test) => test(user));
    };
    const inOrder = !sort || sortedBy === sort.field ? entries : this.sortEntries(entries, isMatch, sort);
    for (const entry of shuffle === undefined ? inOrder : shuffleTies(inOrder, shuffle)) {
      if (isMatch(entry)) yield entry.handle;
    }
  }

  /** The narrowest way in: one user, an organization's members, users without a timestamp, a span of one, or everybody. */
  private chooseCandidates(query: Query | undefined, sort: Sort | undefined): Candidates {
    const parts = query === undefined ? [] : query.kind === 'all' ? query.of : [query];
    for (const part of parts) {
      const handles = this.handlesFor(part);
      if (handles) return { entries: handles.map((handle) => ({ handle, value: 0 })), residual: parts };
    }
    const key = USER_KEYS.find((one) => one === sort?.field && parts.some((part) => isRangeOver(part, one)));
    const ranged = key ?? USER_KEYS.find((one) => parts.some((part) => isRangeOver(part, one)));
    if (ranged) {
      const bounds = parts.filter((part) => isRangeOver(part, ranged)).map((part) => dateBounds(part as Range));
      const span = { from: Math.max(...bounds.map((b) => b.from)), to: Math.min(...bounds.map((b) => b.to)) };
      return {
        entries: this.walk(ranged, span, sort?.descending === true && sort.field === ranged),
        sortedBy: ranged,
        residual: parts.filter((part) => !isRangeOver(part, ranged)),
      };
    }
    const sortedBy = USER_KEYS.find((one) => one === sort?.field) ?? 'created_at';
    return { entries: this.walkAll(sortedBy, sort?.descending === true), sortedBy, residual: parts };
  }

  private handlesFor(part: Query): number[] | undefined {
    if (part.kind === 'equals' && part.field === 'user_id') {
      const handle = this.users.handleOf(part.text);
      return handle === undefined || this.read(handle) === undefined ? [] : [handle];
    }
    if (part.kind === 'equals' && part.field === 'organization_id') {
      if (!this.organizations.get(part.text)) return [];
      return this.memberships.of(part.text).flatMap(({ id }) => {
        const handle = this.users.handleOf(id);
        return handle === undefined || this.read(handle) === undefined ? [] : [handle];
      });
    }
    if (part.kind === 'not' && part.of.kind === 'exists') {
      const { field } = part.of;
      const key = USER_KEYS.find((one) => one === field);
      return key && [...this.indexes[key].missing].sort((one, other) => one - other);
    }
    return undefined;
  }

  private walk(key: UserKey, bounds: Bounds, descending: boolean): Iterable<Entry> {
    return descending ? this.indexes[key].descending(bounds) : this.indexes[key].ascending(bounds);
  }

  private *walkAll(key: UserKey, descending: boolean): Generator<Entry> {
    yield* this.walk(key, EVERYTHING, descending);
    for (const handle of this.indexes[key].missing) yield { handle, value: Infinity };
  }

  /** Matches in order of a field that no index keeps; users without it come last, whichever the direction. */
  private sortEntries(entries: Iterable<Entry>, isMatch: (entry: Entry) => boolean, sort: Sort): Entry[] {
    const keyed = [...entries].filter(isMatch).map(({ handle }) => {
      return { handle, value: handle, key: this.read(handle)?.[sort.field] ?? null };
    });
    const sign = sort.descending ? -1 : 1;
    keyed.sort((one, other) => {
      if (one.key === null || other.key === null) return Number(one.key === null) - Number(other.key === null);
      return sign * compare(one.key, other.key);
    });
    return keyed;
  }

  private read(handle: number): JsonObject | undefined {
    return this.seen.has(handle) ? this.seen.get(handle) : this.users.generate(handle);
  }

  private catchUp(): void {
    if (this.waiting.length === 0) return;
    const now = this.now();
    const due = this.waiting.filter((write) => write.due <= now);
    this.waiting = this.waiting.filter((write) => write.due > now);
    for (const { handle, record } of due) {
      this.seen.set(handle, record);
      for (const key of USER_KEYS) {
        if (record) this.indexes[key].put(handle, instantOf(record[key]));
        else this.indexes[key].remove(handle);
      }
    }
  }
}

function isRangeOver(part: Query, key: UserKey): boolean {
  return part.kind === 'range' && part.field === key;
}

function instantOf(value: Json | undefined): number | undefined {
  return typeof value === 'string' ? Date.parse(value) : undefined;
}

function compare(one: Json, other: Json): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [text, otherText] = [textOf(one), textOf(other)];
  return text < otherText ? -1 : text > otherText ? 1 : 0;
}

/** The same entries, those with one value in an order that follows from `seed` alone. */
function* shuffleTies(entries: Iterable<Entry>, seed: number): Generator<Entry> {
  let ties: Entry[] = [];
  const rank = ({ handle }: Entry): number => hash(seed, 60, handle);
  for (const entry of entries) {
    if (ties[0] && ties[0].value !== entry.value) {
      yield* ties.sort((one, other) => rank(one) - rank(other));
      ties = [];
    }
    ties.push(entry);
  }
  yield* ties.sort((one, other) => rank(one) - rank(other));
}
