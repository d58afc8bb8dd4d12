import { z } from 'zod';
import type { JsonObject } from '../../json';
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
export type RangeCursor = z.infer<typeof rangeCursorSchema>;

export const initialRangeCursor: RangeCursor = { after: false, deliveredAtLo: [] };

/** Lucene condition for users whose key is from `lo` (exclusive when `after`) to `hi`; `*` is an open end. */
export function formatRange(key: string, lo: string, after: boolean, hi: string): string {
  return `${key}:${after ? '{' : '['}${lo} TO ${hi}]`;
}

/** The row's key as ISO 8601 with milliseconds. Throws UnexpectedAnswer when the row has none. */
export function readSearchKey(row: JsonObject, key: string): string {
  const value = row[key];
  const time = typeof value === 'string' ? Date.parse(value) : NaN;
  if (Number.isNaN(time)) throw new UnexpectedAnswer(searchLabel, `a user without ${key} in a search by ${key}`);
  return new Date(time).toISOString();
}

export type RangeStep =
  | { kind: 'continue'; cursor: RangeCursor; fresh: JsonObject[] }
  /** `missed`: rows that a total announced and no page returned. */
  | { kind: 'end'; cursor: RangeCursor; fresh: JsonObject[]; missed: number }
  /** The page has fewer rows than expected, so some may be missing up to `hi`. `known`: fingerprints of the rows up to there. */
  | { kind: 'shortPage'; hi: string; known: string[]; fresh: JsonObject[] }
  /** More rows share the key `lo` than a page can return. No row of this page is delivered. */
  | { kind: 'tie'; lo: string; deliveredAtLo: string[] };

interface KeyedRow {
  row: JsonObject;
  key: string;
}

/**
 * Reads one page of a range. The next page starts at the last row's key, inclusive, so rows that are created, deleted or
 * updated between two pages cannot shift it; the rows at that key are returned again and recognized by fingerprint.
 * Rows above the range (updated after the search index read them) are left to the next run.
 * Throws UnexpectedAnswer for rows out of order or below the range.
 */
export function advanceRange(scope: SearchScope, cursor: RangeCursor, page: Page): RangeStep {
  const { key, to = '*' } = scope;
  const total = readTotal(page);
  const rows = page.rows
    .map((row) => ({ row, key: readSearchKey(row, key) }))
    .filter((entry) => to === '*' || entry.key <= to);
  checkOrder(scope, cursor, rows);
  const delivered = new Set(cursor.deliveredAtLo);
  const fresh = selectFresh(
    rows.map(({ row }) => row),
    'user_id',
    delivered,
  );
  const announced = updateAnnounced(cursor.announced, { to, total, rows: page.rows.length, fresh: fresh.length });
  const hi = rows.at(-1)?.key;
  if (page.rows.length === total && total < maxSearchRows) {
    const last = hi ?? cursor.lo;
    const missed = announced ? Math.max(0, announced.total - announced.read) : 0;
    const atEnd = last === undefined ? cursor : { lo: last, after: true, deliveredAtLo: [] };
    return { kind: 'end', cursor: atEnd, fresh, missed };
  }
  if (hi === undefined) throw new UnexpectedAnswer(searchLabel, 'a page with only users outside the range');
  if (page.rows.length < getExpectedRows(page, total) && page.rows.length !== cursor.acceptedPageRows) {
    return { kind: 'shortPage', hi, known: [...delivered], fresh };
  }
  if (hi === cursor.lo || (cursor.lo === undefined && rows[0]?.key === hi)) {
    return { kind: 'tie', lo: hi, deliveredAtLo: cursor.deliveredAtLo };
  }
  const deliveredAtLo = rows.filter((entry) => entry.key === hi).map(({ row }) => computeFingerprint(row, 'user_id'));
  const { acceptedPageRows } = cursor;
  return {
    kind: 'continue',
    cursor: {
      lo: hi,
      after: false,
      deliveredAtLo,
      ...(acceptedPageRows !== undefined && { acceptedPageRows }),
      ...(announced && { announced }),
    },
    fresh,
  };
}

function checkOrder({ key, from }: SearchScope, cursor: RangeCursor, rows: readonly KeyedRow[]): void {
  let least = cursor.lo ?? from;
  for (const entry of rows) {
    if (entry.key < (least ?? entry.key) || (cursor.after && entry.key === cursor.lo)) {
      throw new UnexpectedAnswer(searchLabel, `rows out of order by ${key}, or outside the range`);
    }
    least = entry.key;
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

type PhaseName = KeysetCursor['phase'];
type PhaseCursor<Name extends PhaseName> = Extract<KeysetCursor, { phase: Name }>;

/** How one phase of the search is read. */
interface Phase<Cursor> {
  next(cursor: Cursor): ListRequest | undefined;
  advance(cursor: Cursor, page: Page): PageStep<KeysetCursor>;
  frontier(cursor: Cursor): string | undefined;
}

/**
 * Reads any number of users through a search that returns at most 1,000 and has no checkpoint. Each page starts at the
 * key where the previous page ended. Users that share a key and do not fit in a page are read as a block. Users without
 * the key, which no range finds, are read at the end.
 */
export function createUsersKeyset(scope: SearchScope): UsersKeyset {
  const phases: { [Name in PhaseName]: Phase<PhaseCursor<Name>> } = {
    range: createRangePhase(scope),
    block: createBlockPhase(scope),
    missing: createMissingPhase(scope),
    done: {
      next: () => undefined,
      advance() {
        throw new Error('the search has already been read to the end');
      },
      frontier: ({ last }) => scope.to ?? last,
    },
  };
  const getPhase = ({ phase }: KeysetCursor): Phase<KeysetCursor> => phases[phase];
  return {
    start: () => ({ phase: 'range', range: initialRangeCursor }),
    next: (cursor) => getPhase(cursor).next(cursor),
    advance: (cursor, page) => getPhase(cursor).advance(cursor, page),
    frontier: (cursor) => getPhase(cursor).frontier(cursor),
  };
}

function createRangePhase(scope: SearchScope): Phase<PhaseCursor<'range'>> {
  const { key, from = '*', to = '*' } = scope;
  return {
    next({ range }) {
      const q = formatRange(key, range.lo ?? from, range.after, to);
      return buildSearchRequest(scope, { q, page: 0, sort: `${key}:1` });
    },
    advance({ range }, page) {
      const step = advanceRange(scope, range, page);
      if (step.kind === 'tie') {
        const block = startBlock(step.deliveredAtLo);
        const cursor = { phase: 'block', lo: step.lo, after: false, hi: step.lo, block } as const;
        return { cursor, fresh: [], repeated: page.rows.length, notes: { ties: 1 } };
      }
      const rows = { fresh: step.fresh, repeated: page.rows.length - step.fresh.length };
      if (step.kind === 'continue') return { cursor: { phase: 'range', range: step.cursor }, ...rows };
      if (step.kind === 'end')
        return { cursor: endRange(scope, step.cursor.lo), ...rows, notes: { missed: step.missed } };
      const shortPageRows = page.rows.length <= searchPageSize / 2 ? { shortPageRows: page.rows.length } : {};
      const bounds = { lo: range.lo ?? from, after: range.after, hi: step.hi };
      return { cursor: { phase: 'block', ...bounds, block: startBlock(step.known), ...shortPageRows }, ...rows };
    },
    frontier: ({ range }) => (range.after ? range.lo : subtractMillisecond(range.lo)),
  };
}

function createBlockPhase(scope: SearchScope): Phase<PhaseCursor<'block'>> {
  const { key, to } = scope;
  return {
    next: ({ lo, after, hi, block }) => buildBlockRequest(scope, formatRange(key, lo, after, hi), block),
    advance(cursor, page) {
      const { shortPageRows, ...position } = cursor;
      const { lo, after, hi } = position;
      const { cursor: block, ...rows } = advanceBlock(cursor.block, page, {
        name: lo === hi ? `the users with ${key} ${hi}` : `the users with ${key} from ${lo} to ${hi}`,
        includes(row) {
          const value = readSearchKey(row, key);
          return (lo === '*' || value > lo || (value === lo && !after)) && value <= hi;
        },
      });
      const isComplete = shortPageRows !== undefined && rows.fresh.length === 0;
      if (block.parts.length > 0)
        return { cursor: { ...position, block, ...(isComplete && { shortPageRows }) }, ...rows };
      if (to !== undefined && hi >= to) return { cursor: endRange(scope, hi), ...rows };
      const accepted = isComplete ? { acceptedPageRows: shortPageRows } : {};
      return { cursor: { phase: 'range', range: { lo: hi, after: true, deliveredAtLo: [], ...accepted } }, ...rows };
    },
    frontier: ({ lo, after }) => (lo === '*' ? undefined : after ? lo : subtractMillisecond(lo)),
  };
}

function createMissingPhase(scope: SearchScope): Phase<PhaseCursor<'missing'>> {
  const { key, to } = scope;
  return {
    next: ({ block }) => buildBlockRequest(scope, `NOT _exists_:${key}`, block),
    advance({ block: before, ...rest }, page) {
      const name = `the users without ${key}`;
      const { cursor: block, ...rows } = advanceBlock(before, page, { name, includes: (row) => row[key] == null });
      return { cursor: block.parts.length > 0 ? { ...rest, block } : { ...rest, phase: 'done' }, ...rows };
    },
    frontier: ({ last }) => to ?? last,
  };
}

function endRange({ missing }: SearchScope, last: string | undefined): KeysetCursor {
  const end = last === undefined ? {} : { last };
  return missing ? { phase: 'missing', block: startBlock([]), ...end } : { phase: 'done', ...end };
}

/** Keys have a resolution of one millisecond. */
function subtractMillisecond(time: string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(Date.parse(time) - 1).toISOString();
}
