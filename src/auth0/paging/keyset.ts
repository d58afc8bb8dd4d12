import type { ListRequest, Page } from '../request';
import { advanceBlock, type BlockCursor, nextOfBlock, startBlock } from './block';
import type { Progress } from './progress';
import { advanceRange, keyOf, nextOfRange, type RangeCursor, startRange } from './range';
import type { SearchScope } from './search';

/** Where the reading of a search stands. Small, JSON, and without anybody's data. */
export type KeysetCursor =
  | { phase: 'range'; range: RangeCursor }
  /** All users whose key is `at`. */
  | { phase: 'tie'; at: string; block: BlockCursor }
  /** The users without the key; `last` is the greatest key delivered before. */
  | { phase: 'missing'; block: BlockCursor; last?: string }
  | { phase: 'done'; last?: string };

export interface UsersKeyset {
  start(): KeysetCursor;
  next(cursor: KeysetCursor): ListRequest | undefined;
  /** Takes the answer to `next(cursor)`. Throws UnexpectedAnswer or UnsplittableBlock. */
  advance(cursor: KeysetCursor, page: Page): Progress<KeysetCursor>;
  /** Up to here, inclusive, every user has been delivered; undefined when that cannot be said of any time yet. */
  frontier(cursor: KeysetCursor): string | undefined;
}

/**
 * Reads any number of users through a search that shows 1,000 at a time and has no checkpoint. Every page starts where
 * the last one ended, by the key's value. Users that share a key and are more than a page holds are read as a block of
 * their own; those that lack the key, which no range finds, at the end.
 */
export function usersKeyset(scope: SearchScope): UsersKeyset {
  const { key, to, missing } = scope;
  const lacking = `NOT _exists_:${key}`;
  const tiePredicate = (at: string): string => `${key}:[${at} TO ${at}]`;

  function afterRange(last: string | undefined): KeysetCursor {
    const end = last === undefined ? {} : { last };
    return missing ? { phase: 'missing', block: startBlock([]), ...end } : { phase: 'done', ...end };
  }

  function advanceInRange(range: RangeCursor, page: Page): Progress<KeysetCursor> {
    const step = advanceRange(scope, range, page);
    if (step.kind === 'tie') {
      const cursor: KeysetCursor = { phase: 'tie', at: step.lo, block: startBlock(step.at) };
      return { cursor, fresh: [], repeated: page.rows.length };
    }
    const { fresh, cursor } = step;
    const repeated = page.rows.length - fresh.length;
    return { cursor: step.kind === 'on' ? { phase: 'range', range: cursor } : afterRange(cursor.lo), fresh, repeated };
  }

  return {
    start: () => ({ phase: 'range', range: startRange }),
    next(cursor) {
      switch (cursor.phase) {
        case 'range':
          return nextOfRange(scope, cursor.range);
        case 'tie':
          return nextOfBlock(scope, tiePredicate(cursor.at), cursor.block);
        case 'missing':
          return nextOfBlock(scope, lacking, cursor.block);
        case 'done':
          return undefined;
      }
    },
    advance(cursor, page) {
      switch (cursor.phase) {
        case 'range':
          return advanceInRange(cursor.range, page);
        case 'tie': {
          const { at } = cursor;
          const name = `the block of users with ${key} ${at}`;
          const { cursor: block, ...rows } = advanceBlock(cursor.block, page, (row) => keyOf(row, key) === at, name);
          if (block.parts.length > 0) return { cursor: { phase: 'tie', at, block }, ...rows };
          const ended = to !== undefined && at >= to;
          return {
            cursor: ended ? afterRange(at) : { phase: 'range', range: { lo: at, after: true, at: [] } },
            ...rows,
          };
        }
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
          return cursor.range.after ? cursor.range.lo : justBefore(cursor.range.lo);
        case 'tie':
          return justBefore(cursor.at);
        case 'missing':
        case 'done':
          return to ?? cursor.last;
      }
    },
  };
}

/** Keys have a resolution of one millisecond. */
function justBefore(time: string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(Date.parse(time) - 1).toISOString();
}
