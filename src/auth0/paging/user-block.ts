import type { JsonObject } from '../../json';
import { UnexpectedAnswer, UnsplittableBlock } from '../errors';
import type { ListRequest, Page } from '../request';
import { computeFingerprint, type PageStep } from './page-step';
import {
  buildSearchRequest,
  maxSearchRows,
  readTotal,
  searchLabel,
  searchPageSize,
  type SearchScope,
} from './user-search';

/** Values as Auth0's user search reads them (https://auth0.com/docs/manage-users/user-search/user-search-query-syntax). */

/** `"…"` */
export function formatPhrase(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** `value*`, every character of the value literal. A single `|`, as in every user id, means nothing and stays. */
export function formatPrefix(value: string): string {
  return `${value.replace(/[^\p{L}\p{N}_.@|]|\|(?=\|)|(?<=\|)\|/gu, '\\$&')}*`;
}

/** A condition that divides users: a connection among their identities, or the beginning of their user id. */
export type PartCondition = { connection: string } | { prefix: string };

/**
 * A part of a block: its rows meet all of `has` and none of `not`. Prefixes are never longer than what all rows of a
 * page have in common and one character: they name a group, nobody in person.
 */
export type Part = { connection?: string; prefix?: string; not: PartCondition[] };

export const wholeBlock: Part = { not: [] };

function formatCondition(term: PartCondition): string {
  return 'prefix' in term
    ? `user_id:${formatPrefix(term.prefix)}`
    : `identities.connection:${formatPhrase(term.connection)}`;
}

/** ` AND …` for each condition of the part. */
export function formatPartConditions({ connection, prefix: start, not }: Part): string {
  const has: PartCondition[] = [
    ...(connection === undefined ? [] : [{ connection }]),
    ...(start === undefined ? [] : [{ prefix: start }]),
  ];
  return [
    ...has.map((term) => ` AND ${formatCondition(term)}`),
    ...not.map((term) => ` AND NOT ${formatCondition(term)}`),
  ].join('');
}

/**
 * Divides a part into smaller ones without overlap, the last one being all that is left; `rows` are some of its rows.
 * Undefined when nothing tells these rows apart, or when they do not meet the part's conditions: the server then does
 * not search as it should.
 */
export function splitPart(part: Part, rows: JsonObject[]): Part[] | undefined {
  const terms = findConnectionConditions(part, rows) ?? findPrefixConditions(part, rows);
  if (!terms) return undefined;
  const parts = terms.map((term, place) => narrowPart(part, term, terms.slice(0, place)));
  return [...parts, { ...part, not: [...part.not, ...terms] }];
}

function narrowPart(part: Part, term: PartCondition, before: PartCondition[]): Part {
  const not = [...part.not, ...before];
  if ('connection' in term) return { ...part, ...term, not };
  // What excludes another beginning goes without saying.
  return { ...part, ...term, not: not.filter((other) => !('prefix' in other) || other.prefix.startsWith(term.prefix)) };
}

function findConnectionConditions(part: Part, rows: JsonObject[]): PartCondition[] | undefined {
  if (part.connection !== undefined || part.prefix !== undefined) return undefined;
  const excluded = new Set(part.not.map((term) => ('connection' in term ? term.connection : undefined)));
  const seen = new Set(rows.flatMap(readConnections).filter((connection) => !excluded.has(connection)));
  return seen.size < 2 ? undefined : [...seen].map((connection) => ({ connection }));
}

function readConnections(row: JsonObject): string[] {
  const identities = Array.isArray(row['identities']) ? row['identities'] : [];
  return identities.flatMap((identity) => {
    const connection = identity && typeof identity === 'object' && !Array.isArray(identity) && identity['connection'];
    return typeof connection === 'string' && connection !== '' ? [connection] : [];
  });
}

function findPrefixConditions(part: Part, rows: JsonObject[]): PartCondition[] | undefined {
  // By code points: half a surrogate pair is no prefix.
  const ids = [...new Set(rows.map((row) => row['user_id'] as string))];
  const [first, ...others] = ids;
  if (first === undefined || others.length === 0) return undefined;
  const astray = ids.some(
    (id) =>
      !id.startsWith(part.prefix ?? '') || part.not.some((term) => 'prefix' in term && id.startsWith(term.prefix)),
  );
  if (astray) return undefined;
  const letters = [...first];
  let shared = letters.findIndex((_, place) => {
    const start = letters.slice(0, place + 1).join('');
    return others.some((id) => !id.startsWith(start));
  });
  if (shared === -1) shared = letters.length;
  const common = letters.slice(0, shared).join('');
  const starts = new Set(ids.flatMap((id) => [...id.slice(common.length)].slice(0, 1)));
  return [...starts].map((letter) => ({ prefix: common + letter }));
}

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

const emptyPass = { page: 0, read: 0, pass: [], unstable: false };

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
  throw new UnexpectedAnswer(searchLabel, `repeatedly fewer users than its total for ${name}`);
}
