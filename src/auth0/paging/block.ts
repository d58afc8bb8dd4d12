import type { JsonObject } from '../../json';
import { UnexpectedAnswer, UnsplittableBlock } from '../errors';
import type { ListRequest, Page } from '../request';
import { computeFingerprint } from './fingerprint';
import { formatPartConditions, type Part, splitPart, wholeBlock } from './part';
import type { PageStep } from './progress';
import { searchLabel, maxSearchRows, searchPageSize, buildSearchRequest, type SearchScope, readTotal } from './search';

/**
 * Where the reading of a block stands: all users that share one key, or lack it. A part is read by offset, and counts
 * as read when one pass over it found as many users as its total, and the total stayed the same. A part that is too
 * large, or did not hold still, is split; one that fits into a single page cannot move while it is read.
 */
export type BlockCursor = {
  /** Parts still to be read, the current one last. */
  parts: Part[];
  page: number;
  /** Rows that this pass over the current part has brought. */
  read: number;
  /** What the pages of this pass said there are. */
  total?: number;
  /** Fingerprints of the rows of this pass. */
  pass: string[];
  /** True when an earlier pass over the current part did not find all. */
  unstable: boolean;
  /** Fingerprints of the block's rows that were delivered before the block was begun. */
  deliveredBefore: string[];
  /** Fingerprints of what restless parts have delivered. */
  carriedOver: string[];
  /** `kept` cannot come again once no more than so many parts are left. */
  carriedOverFloor: number;
};

const emptyPass = { page: 0, read: 0, pass: [], restless: false };

/** @param deliveredBefore fingerprints of the block's rows that have been delivered */
export function startBlock(deliveredBefore: string[]): BlockCursor {
  return { ...emptyPass, parts: [wholeBlock], deliveredBefore, carriedOver: [], carriedOverFloor: 0 };
}

/** @param predicate the block's condition in Lucene */
export function buildBlockRequest(scope: SearchScope, predicate: string, cursor: BlockCursor): ListRequest | undefined {
  const part = cursor.parts.at(-1);
  return part && buildSearchRequest(scope, predicate + formatPartConditions(part), cursor.page);
}

/**
 * @param belongs whether a row is still in the block: one that has moved on is counted but not delivered
 * @param name the block in words, for the error
 */
export function advanceBlock(
  cursor: BlockCursor,
  page: Page,
  belongs: (row: JsonObject) => boolean,
  name: string,
): PageStep<BlockCursor> {
  const total = readTotal(page);
  const pass = new Set(cursor.pass);
  const delivered = new Set([...cursor.deliveredBefore, ...cursor.carriedOver, ...cursor.pass]);
  const news: JsonObject[] = [];
  for (const row of page.rows) {
    const print = computeFingerprint(row, 'user_id');
    pass.add(print);
    if (!delivered.has(print)) news.push(row);
    delivered.add(print);
  }
  if (cursor.page === 0 && (total >= maxSearchRows || (cursor.unstable && pass.size < total))) {
    const pieces = splitCurrentPart(cursor, page.rows, total, name);
    const parts = [...cursor.parts.slice(0, -1), ...pieces.reverse()];
    const divided = { ...cursor, ...emptyPass, parts };
    return { cursor: divided, fresh: [], repeated: page.rows.length, notes: { splits: pieces.length } };
  }
  const fresh = news.filter(belongs);
  return {
    cursor: continuePass(cursor, page.rows.length, total, [...pass]),
    fresh,
    repeated: page.rows.length - fresh.length,
  };
}

function continuePass(cursor: BlockCursor, rows: number, total: number, pass: string[]): BlockCursor {
  const { total: before, ...rest } = cursor;
  const read = cursor.read + rows;
  const page = cursor.page + 1;
  if (total === (before ?? total)) {
    if (read >= total && pass.length >= total) return finishPart(rest);
    if (read < total && rows > 0 && page * searchPageSize < maxSearchRows) return { ...rest, page, read, total, pass };
  }
  return {
    ...rest,
    ...emptyPass,
    unstable: true,
    carriedOver: [...new Set([...cursor.carriedOver, ...pass])],
    carriedOverFloor: cursor.carriedOver.length > 0 ? cursor.carriedOverFloor : cursor.parts.length - 1,
  };
}

/** Parts do not overlap: what one brought concerns no other, unless it was split after it had brought something. */
function finishPart(cursor: BlockCursor): BlockCursor {
  const parts = cursor.parts.slice(0, -1);
  const { carriedOver, carriedOverFloor } = cursor;
  return { ...cursor, ...emptyPass, parts, carriedOver: parts.length <= carriedOverFloor ? [] : carriedOver };
}

function splitCurrentPart(cursor: BlockCursor, rows: JsonObject[], total: number, name: string): Part[] {
  const current = cursor.parts.at(-1);
  const pieces = current && splitPart(current, rows);
  if (pieces) return pieces;
  if (total >= maxSearchRows) throw new UnsplittableBlock(name);
  throw new UnexpectedAnswer(searchLabel, `fewer users than its total, again and again, for ${name}`);
}
