import { z } from 'zod';
import { defined, type JsonObject } from '../../json';
import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';
import { computeFingerprint, countSchema, type PageStep, selectFresh, timeSchema } from './page-step';
import { advanceBlock, blockCursorSchema, buildBlockRequest, startBlock } from './user-block';
import {
  buildSearchRequest,
  maxSearchRows,
  readTotal,
  searchLabel,
  searchPageSize,
  type SearchScope,
} from './user-search';

/** Position in a range of keys. */
const rangeCursorSchema = z.object({
  /** Key of the last row delivered. The next page starts there. Absent at the beginning. */
  lo: timeSchema.exactOptional(),
  /** Whether all rows at `lo` are delivered. */
  after: z.boolean(),
  /** Fingerprints of the rows at `lo` that are delivered; at most one page. */
  deliveredAtLo: z.array(z.string()),
  /** The number of rows up to `to` that the first exact total announced, and the number read since. */
  announced: z.object({ total: countSchema, read: countSchema, to: z.string() }).exactOptional(),
  /** Size of a page that was smaller than requested and proved to be complete. */
  acceptedPageRows: countSchema.exactOptional(),
});
type RangeCursor = z.infer<typeof rangeCursorSchema>;

/** Position in a search. Small, JSON, and free of personal data. */
export const keysetCursorSchema = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('range'), range: rangeCursorSchema }),
  /** All users whose key is from `lo` (exclusive when `after`) to `hi`: those at one timestamp, or those of a short page. */
  z.object({
    phase: z.literal('block'),
    /** `*` before the first key. */
    lo: z.union([timeSchema, z.literal('*')]),
    after: z.boolean(),
    hi: timeSchema,
    block: blockCursorSchema,
    /** Size of the short page while it may be complete, because the server sends no larger pages; at most half of what was requested. */
    shortPageRows: countSchema.exactOptional(),
  }),
  /** The users without the key. `last`: the greatest key delivered before. */
  z.object({ phase: z.literal('missing'), block: blockCursorSchema, last: timeSchema.exactOptional() }),
  z.object({ phase: z.literal('done'), last: timeSchema.exactOptional() }),
]);
export type KeysetCursor = z.infer<typeof keysetCursorSchema>;

export interface UsersKeyset {
  start(): KeysetCursor;
  /** Returns the next request, or undefined at the end. */
  next(cursor: KeysetCursor): ListRequest | undefined;
  /** Reads the response to `next(cursor)`. Throws UnexpectedAnswer or UnsplittableBlock. */
  advance(cursor: KeysetCursor, page: Page): PageStep<KeysetCursor>;
  /** The key up to which, inclusive, every user is delivered. Undefined while there is none. */
  frontier(cursor: KeysetCursor): string | undefined;
}

/**
 * Reads any number of users through a search that returns at most 1,000 and has no checkpoint. Each page starts at the
 * key where the previous page ended. Users that share a key and do not fit in a page are read as a block. Users without
 * the key, which no range finds, are read at the end.
 */
export function createUsersKeyset(scope: SearchScope): UsersKeyset {
  const { key, from = '*', to } = scope;
  return {
    start: () => ({ phase: 'range', range: { after: false, deliveredAtLo: [] } }),
    next(cursor) {
      switch (cursor.phase) {
        case 'range': {
          const q = formatRange(key, cursor.range.lo ?? from, cursor.range.after, to ?? '*');
          return buildSearchRequest(scope, { q, page: 0, sort: `${key}:1` });
        }
        case 'block':
          return buildBlockRequest(scope, formatRange(key, cursor.lo, cursor.after, cursor.hi), cursor.block);
        case 'missing':
          return buildBlockRequest(scope, `NOT _exists_:${key}`, cursor.block);
        case 'done':
          return undefined;
      }
    },
    advance(cursor, page) {
      switch (cursor.phase) {
        case 'range':
          return advanceRange(scope, cursor.range, page);
        case 'block':
          return advanceKeys(scope, cursor, page);
        case 'missing':
          return advanceMissing(scope, cursor, page);
        case 'done':
          throw new Error('the search has already been read to the end');
      }
    },
    frontier(cursor) {
      if (cursor.phase === 'missing' || cursor.phase === 'done') return to ?? cursor.last;
      const { lo, after } = cursor.phase === 'range' ? cursor.range : cursor;
      if (lo === undefined || lo === '*') return undefined;
      // Keys have a resolution of one millisecond.
      return after ? lo : new Date(Date.parse(lo) - 1).toISOString();
    },
  };
}

/** The row's key as ISO 8601 with milliseconds. Throws UnexpectedAnswer when the row has none. */
export function readSearchKey(row: JsonObject, key: string): string {
  const value = row[key];
  const time = typeof value === 'string' ? Date.parse(value) : NaN;
  if (Number.isNaN(time)) throw new UnexpectedAnswer(searchLabel, `a user without ${key} in a search by ${key}`);
  return new Date(time).toISOString();
}

/** Lucene condition for users whose key is from `lo` (exclusive when `after`) to `hi`; `*` is an open end. */
function formatRange(key: string, lo: string, after: boolean, hi: string): string {
  return `${key}:${after ? '{' : '['}${lo} TO ${hi}]`;
}

/**
 * Reads one page of a range. The next page starts at the last row's key, inclusive, so rows that are created, deleted or
 * updated between two pages cannot shift it; the rows at that key are returned again and recognized by fingerprint.
 * Rows above the range (updated after the search index read them) are left to the next run.
 */
function advanceRange(scope: SearchScope, cursor: RangeCursor, page: Page): PageStep<KeysetCursor> {
  const { key, from = '*', to = '*' } = scope;
  const total = readTotal(page);
  const count = page.rows.length;
  const keyed = page.rows.map((row) => ({ row, key: readSearchKey(row, key) }));
  const inRange = keyed.filter((entry) => to === '*' || entry.key <= to);
  const keys = inRange.map((entry) => entry.key);
  checkOrder(scope, cursor, keys);
  const delivered = new Set(cursor.deliveredAtLo);
  const fresh = selectFresh(
    inRange.map(({ row }) => row),
    'user_id',
    delivered,
  );
  const rows = { fresh, repeated: count - fresh.length };
  const announced = updateAnnounced(cursor.announced, { to, total, rows: count, fresh: fresh.length });
  const hi = keys.at(-1);
  if (count === total && total < maxSearchRows) {
    const missed = announced ? Math.max(0, announced.total - announced.read) : 0;
    return { cursor: endRange(scope, hi ?? cursor.lo), ...rows, notes: { missed } };
  }
  if (hi === undefined) throw new UnexpectedAnswer(searchLabel, 'a page with only users outside the range');
  const { acceptedPageRows } = cursor;
  if (count < getExpectedRows(page, total) && count !== acceptedPageRows) {
    // Users may be missing from the short page, so everything up to its last key is read as a block.
    const bounds = { lo: cursor.lo ?? from, after: cursor.after, hi };
    const shortPageRows = count <= searchPageSize / 2 ? count : undefined;
    const block = startBlock([...delivered]);
    return { cursor: { phase: 'block', ...bounds, block, ...defined({ shortPageRows }) }, ...rows };
  }
  if (hi === (cursor.lo ?? keys[0])) {
    // More users share this key than a page can return.
    const block = startBlock(cursor.deliveredAtLo);
    const tie = { phase: 'block', lo: hi, after: false, hi, block } as const;
    return { cursor: tie, fresh: [], repeated: count, notes: { ties: 1 } };
  }
  const deliveredAtLo = inRange
    .filter((entry) => entry.key === hi)
    .map(({ row }) => computeFingerprint(row, 'user_id'));
  const range = { lo: hi, after: false, deliveredAtLo, ...defined({ acceptedPageRows, announced }) };
  return { cursor: { phase: 'range', range }, ...rows };
}

function checkOrder({ key, from }: SearchScope, { lo, after }: RangeCursor, keys: readonly string[]): void {
  let least = lo ?? from;
  for (const each of keys) {
    if (each < (least ?? each) || (after && each === lo)) {
      throw new UnexpectedAnswer(searchLabel, `rows out of order by ${key}, or outside the range`);
    }
    least = each;
  }
}

/** A server may limit pages to a smaller size than requested, with or without reporting it. */
function getExpectedRows({ limit = 0 }: Page, total: number): number {
  return Math.min(limit > 0 ? limit : searchPageSize, searchPageSize, total);
}

/** Totals of 1,000 are capped and announce nothing. A range that was split since has a new upper bound and a new total. */
function updateAnnounced(
  announced: RangeCursor['announced'],
  { to, total, rows, fresh }: { to: string; total: number; rows: number; fresh: number },
): RangeCursor['announced'] {
  if (announced?.to === to) return { ...announced, read: announced.read + fresh };
  return total < maxSearchRows ? { total: total - (rows - fresh), read: fresh, to } : undefined;
}

type BlockPhase = Extract<KeysetCursor, { phase: 'block' }>;

function advanceKeys(
  scope: SearchScope,
  { shortPageRows, ...position }: BlockPhase,
  page: Page,
): PageStep<KeysetCursor> {
  const { key, to } = scope;
  const { lo, after, hi } = position;
  const { cursor: block, ...rows } = advanceBlock(position.block, page, {
    name: lo === hi ? `the users with ${key} ${hi}` : `the users with ${key} from ${lo} to ${hi}`,
    includes(row) {
      const value = readSearchKey(row, key);
      return (lo === '*' || value > lo || (value === lo && !after)) && value <= hi;
    },
  });
  // A short page was complete when the block finds no other user.
  const acceptedPageRows = rows.fresh.length === 0 ? shortPageRows : undefined;
  if (block.parts.length > 0)
    return { cursor: { ...position, block, ...defined({ shortPageRows: acceptedPageRows }) }, ...rows };
  if (to !== undefined && hi >= to) return { cursor: endRange(scope, hi), ...rows };
  const range = { lo: hi, after: true, deliveredAtLo: [], ...defined({ acceptedPageRows }) };
  return { cursor: { phase: 'range', range }, ...rows };
}

type MissingPhase = Extract<KeysetCursor, { phase: 'missing' }>;

function advanceMissing({ key }: SearchScope, { block, ...rest }: MissingPhase, page: Page): PageStep<KeysetCursor> {
  const name = `the users without ${key}`;
  const { cursor, ...rows } = advanceBlock(block, page, { name, includes: (row) => row[key] == null });
  return { cursor: cursor.parts.length > 0 ? { ...rest, block: cursor } : { ...rest, phase: 'done' }, ...rows };
}

function endRange({ missing }: SearchScope, last: string | undefined): KeysetCursor {
  const end = defined({ last });
  return missing ? { phase: 'missing', block: startBlock([]), ...end } : { phase: 'done', ...end };
}
