import type { JsonObject } from '../../json';
import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';
import { computeFingerprint, type PageStep } from './page-step';
import { advanceBlock, type BlockCursor, buildBlockRequest, startBlock } from './user-block';
import {
  buildSearchRequest,
  maxSearchRows,
  readTotal,
  searchLabel,
  searchPageSize,
  type SearchScope,
} from './user-search';

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
  if (Number.isNaN(time)) throw new UnexpectedAnswer(searchLabel, `a user without ${key} in a search by ${key}`);
  return new Date(time).toISOString();
}

export type RangeStep =
  | { kind: 'continue'; cursor: RangeCursor; fresh: JsonObject[] }
  /** `missed`: rows that a total announced and that did not come. */
  | { kind: 'end'; cursor: RangeCursor; fresh: JsonObject[]; missed: number }
  /** The page has fewer rows than there are: whether any are left out up to `hi` must be seen. `known`: its fingerprints. */
  | { kind: 'shortPage'; hi: string; known: string[]; fresh: JsonObject[] }
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
  const rows = page.rows
    .map((row) => ({ row, key: readSearchKey(row, key) }))
    .filter((entry) => to === '*' || entry.key <= to);
  rows.forEach((entry, place) => {
    const least = rows[place - 1]?.key ?? low ?? entry.key;
    if (entry.key < least || (cursor.after && entry.key === cursor.lo)) {
      throw new UnexpectedAnswer(searchLabel, `rows out of order by ${key}, or outside the range`);
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
  const usual = cursor.acceptedPageRows === undefined ? {} : { acceptedPageRows: cursor.acceptedPageRows };
  if (ended) {
    const missed = announced ? Math.max(0, announced.total - announced.read) : 0;
    return {
      kind: 'end',
      cursor: last === undefined ? cursor : { lo: last, after: true, deliveredAtLo: [] },
      fresh,
      missed,
    };
  }
  const end = rows.at(-1)?.key;
  if (end === undefined) throw new UnexpectedAnswer(searchLabel, 'a page with only users outside the range');
  // A server may hold itself to a smaller page than it was asked for, and say so or not.
  const { limit = 0 } = page;
  const size = Math.min(limit > 0 ? limit : searchPageSize, searchPageSize, total);
  if (page.rows.length < size && page.rows.length !== cursor.acceptedPageRows) {
    return { kind: 'shortPage', hi: end, known: [...delivered], fresh };
  }
  if (end === cursor.lo || (cursor.lo === undefined && rows[0]?.key === end)) {
    return { kind: 'tie', lo: end, at: cursor.deliveredAtLo };
  }
  const deliveredAtLo = rows.filter((entry) => entry.key === end).map(({ row }) => computeFingerprint(row, 'user_id'));
  return {
    kind: 'continue',
    cursor: { lo: end, after: false, deliveredAtLo, ...usual, ...(announced && { announced }) },
    fresh,
  };
}

/** A total of 1,000 may stand for more, and owes nothing; no total says anything of a range that has been cut since. */
function updateAnnounced(
  { announced }: RangeCursor,
  to: string,
  rows: number,
  total: number,
  fresh: number,
): RangeCursor['announced'] {
  if (announced?.to === to) return { ...announced, read: announced.read + fresh };
  return total < maxSearchRows ? { total: total - (rows - fresh), read: fresh, to } : undefined;
}

/** Where the reading of a search stands. Small, JSON, and without anybody's data. */
export type KeysetCursor =
  | { phase: 'range'; range: RangeCursor }
  /**
   * All users whose key lies from `lo` (or after it) to `hi`: those of one instant, or of a page that was short. `short`:
   * its rows, while it may be whole because the server sends no larger pages; half of what was asked for, then, or less.
   */
  | { phase: 'block'; lo: string; after: boolean; hi: string; block: BlockCursor; shortPageRows?: number }
  /** The users without the key; `last` is the greatest key delivered before. */
  | { phase: 'missing'; block: BlockCursor; last?: string }
  | { phase: 'done'; last?: string };

export interface UsersKeyset {
  start(): KeysetCursor;
  next(cursor: KeysetCursor): ListRequest | undefined;
  /** Takes the answer to `next(cursor)`. Throws UnexpectedAnswer or UnsplittableBlock. */
  advance(cursor: KeysetCursor, page: Page): PageStep<KeysetCursor>;
  /** Up to here, inclusive, every user has been delivered; undefined when that cannot be said of any time yet. */
  frontier(cursor: KeysetCursor): string | undefined;
}

/**
 * Reads any number of users through a search that shows 1,000 at a time and has no checkpoint. Every page starts where
 * the last one ended, by the key's value. Users that share a key and are more than a page holds are read as a block of
 * their own; those that lack the key, which no range finds, at the end.
 */
export function createUsersKeyset(scope: SearchScope): UsersKeyset {
  const { key, to, missing } = scope;
  const lacking = `NOT _exists_:${key}`;

  function afterRange(last: string | undefined): KeysetCursor {
    const end = last === undefined ? {} : { last };
    return missing ? { phase: 'missing', block: startBlock([]), ...end } : { phase: 'done', ...end };
  }

  function advanceInRange(range: RangeCursor, page: Page): PageStep<KeysetCursor> {
    const step = advanceRange(scope, range, page);
    if (step.kind === 'tie') {
      const cursor = { phase: 'block', lo: step.lo, after: false, hi: step.lo, block: startBlock(step.at) } as const;
      return { cursor, fresh: [], repeated: page.rows.length, notes: { ties: 1 } };
    }
    const { fresh } = step;
    const repeated = page.rows.length - fresh.length;
    switch (step.kind) {
      case 'shortPage': {
        const lo = range.lo ?? scope.from ?? '*';
        const block = startBlock(step.known);
        const short = page.rows.length <= searchPageSize / 2 ? { shortPageRows: page.rows.length } : {};
        return { cursor: { phase: 'block', lo, after: range.after, hi: step.hi, block, ...short }, fresh, repeated };
      }
      case 'continue':
        return { cursor: { phase: 'range', range: step.cursor }, fresh, repeated };
      case 'end':
        return { cursor: afterRange(step.cursor.lo), fresh, repeated, notes: { missed: step.missed } };
    }
  }

  function advanceInBlock(cursor: KeysetCursor & { phase: 'block' }, page: Page): PageStep<KeysetCursor> {
    const { shortPageRows, ...place } = cursor;
    const { lo, after, hi } = place;
    const belongs = (row: JsonObject): boolean => {
      const value = readSearchKey(row, key);
      return (lo === '*' || value > lo || (value === lo && !after)) && value <= hi;
    };
    const { cursor: block, ...rows } = advanceBlock(cursor.block, page, belongs, describeBlock(key, lo, hi));
    const isWhole = shortPageRows !== undefined && rows.fresh.length === 0;
    if (block.parts.length > 0) return { cursor: { ...place, block, ...(isWhole ? { shortPageRows } : {}) }, ...rows };
    if (to !== undefined && hi >= to) return { cursor: afterRange(hi), ...rows };
    const range = { lo: hi, after: true, deliveredAtLo: [], ...(isWhole ? { acceptedPageRows: shortPageRows } : {}) };
    return { cursor: { phase: 'range', range }, ...rows };
  }

  return {
    start: () => ({ phase: 'range', range: initialRangeCursor }),
    next(cursor) {
      switch (cursor.phase) {
        case 'range':
          return buildRangeRequest(scope, cursor.range);
        case 'block':
          return buildBlockRequest(scope, formatRange(key, cursor.lo, cursor.after, cursor.hi), cursor.block);
        case 'missing':
          return buildBlockRequest(scope, lacking, cursor.block);
        case 'done':
          return undefined;
      }
    },
    advance(cursor, page) {
      switch (cursor.phase) {
        case 'range':
          return advanceInRange(cursor.range, page);
        case 'block':
          return advanceInBlock(cursor, page);
        case 'missing': {
          const { block: before, ...ended } = cursor;
          const name = `the users without ${key}`;
          const { cursor: block, ...rows } = advanceBlock(before, page, (row) => row[key] == null, name);
          return { cursor: block.parts.length > 0 ? { ...cursor, block } : { ...ended, phase: 'done' }, ...rows };
        }
        case 'done':
          throw new Error('the search has already been read to the end');
      }
    },
    frontier(cursor) {
      switch (cursor.phase) {
        case 'range':
          return cursor.range.after ? cursor.range.lo : subtractMillisecond(cursor.range.lo);
        case 'block':
          return cursor.lo === '*' ? undefined : cursor.after ? cursor.lo : subtractMillisecond(cursor.lo);
        case 'missing':
        case 'done':
          return to ?? cursor.last;
      }
    },
  };
}

function describeBlock(key: string, lo: string, hi: string): string {
  return lo === hi ? `the users with ${key} ${hi}` : `the users with ${key} from ${lo} to ${hi}`;
}

/** Keys have a resolution of one millisecond. */
function subtractMillisecond(time: string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(Date.parse(time) - 1).toISOString();
}
