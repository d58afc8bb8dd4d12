import type { JsonObject } from '../../json';
import type { ListRequest, Page } from '../request';
import { advanceBlock, type BlockCursor, buildBlockRequest, startBlock } from './block';
import type { PageStep } from './progress';
import { advanceRange, formatRange, readSearchKey, buildRangeRequest, type RangeCursor, initialRangeCursor } from './range';
import { searchPageSize, type SearchScope } from './search';

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
      case 'short': {
        const lo = range.lo ?? scope.from ?? '*';
        const block = startBlock(step.known);
        const short = page.rows.length <= searchPageSize / 2 ? { short: page.rows.length } : {};
        return { cursor: { phase: 'block', lo, after: range.after, hi: step.hi, block, ...short }, fresh, repeated };
      }
      case 'on':
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
    const range = { lo: hi, after: true, at: [], ...(isWhole ? { usual: shortPageRows } : {}) };
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
          const name = `the block of users without ${key}`;
          const { cursor: block, ...rows } = advanceBlock(before, page, (row) => row[key] == null, name);
          return { cursor: block.parts.length > 0 ? { ...cursor, block } : { ...ended, phase: 'done' }, ...rows };
        }
        case 'done':
          throw new Error('the search has been read to its end');
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
  return lo === hi ? `the block of users with ${key} ${hi}` : `the users with ${key} from ${lo} to ${hi}`;
}

/** Keys have a resolution of one millisecond. */
function subtractMillisecond(time: string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(Date.parse(time) - 1).toISOString();
}
