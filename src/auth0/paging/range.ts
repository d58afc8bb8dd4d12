import type { JsonObject } from '../../json';
import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';
import { computeFingerprint } from './fingerprint';
import { searchLabel, maxSearchRows, searchPageSize, buildSearchRequest, type SearchScope, readTotal } from './search';

/** Where the walk through the range stands. */
export type RangeCursor = {
  /** Key of the last row delivered, from which the next page starts; absent at the beginning. */
  lo?: string;
  /** True when all rows at `lo` have been delivered. */
  after: boolean;
  /** Fingerprints of the rows at `lo` that have been delivered; at most a page of them. */
  deliveredAtLo: string[];
  /** What was left up to the bound `to` when a total first told it, and what has come since. */
  announced?: { total: number; read: number; to: string };
  /** Rows of a page that had fewer than it should, and was found to be whole all the same. */
  acceptedPageRows?: number;
};

export const initialRangeCursor: RangeCursor = { after: false, deliveredAtLo: [] };

export function buildRangeRequest(scope: SearchScope, { lo, after }: RangeCursor): ListRequest {
  const { key, from = '*', to = '*' } = scope;
  return buildSearchRequest(scope, formatRange(key, lo ?? from, after, to), 0, `${key}:1`);
}

/** Users whose key lies from `lo` (or after it) to `hi`, in Lucene; `*` is an open end. */
export function formatRange(key: string, lo: string, after: boolean, hi: string): string {
  return `${key}:${after ? '{' : '['}${lo} TO ${hi}]`;
}

/** The key of a row in the form of bounds. Throws UnexpectedAnswer when it has none. */
export function readSearchKey(row: JsonObject, key: string): string {
  const value = row[key];
  const time = typeof value === 'string' ? Date.parse(value) : NaN;
  if (Number.isNaN(time)) throw new UnexpectedAnswer(searchLabel, `a user of a search by ${key} without it`);
  return new Date(time).toISOString();
}

export type RangeStep =
  | { kind: 'on'; cursor: RangeCursor; fresh: JsonObject[] }
  /** `missed`: rows that a total announced and that did not come. */
  | { kind: 'end'; cursor: RangeCursor; fresh: JsonObject[]; missed: number }
  /** The page has fewer rows than there are: whether any are left out up to `hi` must be seen. `known`: its fingerprints. */
  | { kind: 'short'; hi: string; known: string[]; fresh: JsonObject[] }
  /** More rows share the key `lo` than a page holds. Nothing of this page was delivered. */
  | { kind: 'tie'; lo: string; at: string[] };

/**
 * Takes the page of `nextOfRange(scope, cursor)`. The next page starts at its last row's key, inclusive, so that it
 * does not matter what comes, goes or moves between the two; the rows at that key come again and are recognised.
 * Rows above the range (updated since the search index saw them) are left to the run whose range they are in.
 * Throws UnexpectedAnswer for rows out of order or below the range.
 */
export function advanceRange({ key, from, to = '*' }: SearchScope, cursor: RangeCursor, page: Page): RangeStep {
  const total = readTotal(page);
  const low = cursor.lo ?? from;
  const rows = page.rows.map((row) => ({ row, key: readSearchKey(row, key) })).filter((entry) => to === '*' || entry.key <= to);
  rows.forEach((entry, place) => {
    const least = rows[place - 1]?.key ?? low ?? entry.key;
    if (entry.key < least || (cursor.after && entry.key === cursor.lo)) {
      throw new UnexpectedAnswer(searchLabel, `rows that are not in the order of ${key}, or outside of the range`);
    }
  });
  const delivered = new Set(cursor.deliveredAtLo);
  const fresh: JsonObject[] = [];
  for (const { row } of rows) {
    const print = computeFingerprint(row, 'user_id');
    if (delivered.has(print)) continue;
    delivered.add(print);
    fresh.push(row);
  }
  const last = rows.at(-1)?.key ?? cursor.lo;
  const ended = page.rows.length === total && total < maxSearchRows;
  const announced = updateAnnounced(cursor, to, page.rows.length, total, fresh.length);
  const usual = cursor.acceptedPageRows === undefined ? {} : { usual: cursor.acceptedPageRows };
  if (ended) {
    const missed = announced ? Math.max(0, announced.total - announced.read) : 0;
    return { kind: 'end', cursor: last === undefined ? cursor : { lo: last, after: true, deliveredAtLo: [] }, fresh, missed };
  }
  const end = rows.at(-1)?.key;
  if (end === undefined) throw new UnexpectedAnswer(searchLabel, 'a page whose users are all outside of the range');
  // A server may hold itself to a smaller page than it was asked for, and say so or not.
  const { limit = 0 } = page;
  const size = Math.min(limit > 0 ? limit : searchPageSize, searchPageSize, total);
  if (page.rows.length < size && page.rows.length !== cursor.acceptedPageRows) {
    return { kind: 'short', hi: end, known: [...delivered], fresh };
  }
  if (end === cursor.lo || (cursor.lo === undefined && rows[0]?.key === end)) {
    return { kind: 'tie', lo: end, at: cursor.deliveredAtLo };
  }
  const deliveredAtLo = rows.filter((entry) => entry.key === end).map(({ row }) => computeFingerprint(row, 'user_id'));
  return { kind: 'on', cursor: { lo: end, after: false, deliveredAtLo, ...usual, ...(announced && { announced }) }, fresh };
}

/** A total of 1,000 may stand for more, and owes nothing; no total says anything of a range that has been cut since. */
function updateAnnounced({ announced }: RangeCursor, to: string, rows: number, total: number, fresh: number): RangeCursor['announced'] {
  if (announced?.to === to) return { ...announced, read: announced.read + fresh };
  return total < maxSearchRows ? { total: total - (rows - fresh), read: fresh, to } : undefined;
}
