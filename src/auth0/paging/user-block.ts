import { z } from 'zod';
import { isObject, type JsonObject } from '../../json';
import { UnexpectedAnswer, UnsplittableBlock } from '../errors';
import type { ListRequest, Page } from '../request';
import { computeFingerprint, countSchema, type PageStep, selectFresh } from './page-step';
import {
  buildSearchRequest,
  maxSearchRows,
  readTotal,
  searchLabel,
  searchPageSize,
  type SearchScope,
} from './user-search';

// Lucene syntax of the user search: https://auth0.com/docs/manage-users/user-search/user-search-query-syntax

/** `"…"` */
export function formatPhrase(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** `value*`, with each character of the value literal. A single `|`, which every user id contains, needs no escape. */
export function formatPrefix(value: string): string {
  return `${value.replace(/[^\p{L}\p{N}_.@|]|\|(?=\|)|(?<=\|)\|/gu, '\\$&')}*`;
}

/** A condition that splits users: by a connection among their identities, or by a prefix of their user id. */
const partConditionSchema = z.union([z.object({ connection: z.string() }), z.object({ prefix: z.string() })]);
type PartCondition = z.infer<typeof partConditionSchema>;

/**
 * A part of a block: its users match the connection and the prefix and none of `not`. A prefix is at most one character
 * longer than what all rows of a page share, so it describes a group and identifies no user.
 */
const partSchema = z.object({
  connection: z.string().exactOptional(),
  prefix: z.string().exactOptional(),
  not: z.array(partConditionSchema),
});
type Part = z.infer<typeof partSchema>;

export const wholeBlock: Part = { not: [] };

/** ` AND …` for each condition of the part. */
export function formatPartConditions({ connection, prefix, not }: Part): string {
  return [
    ...(connection === undefined ? [] : [` AND ${formatCondition({ connection })}`]),
    ...(prefix === undefined ? [] : [` AND ${formatCondition({ prefix })}`]),
    ...not.map((condition) => ` AND NOT ${formatCondition(condition)}`),
  ].join('');
}

function formatCondition(condition: PartCondition): string {
  return 'prefix' in condition
    ? `user_id:${formatPrefix(condition.prefix)}`
    : `identities.connection:${formatPhrase(condition.connection)}`;
}

/**
 * Splits a part into parts that do not overlap; the last one contains everything the others do not.
 * @param rows some rows of the part
 * @returns undefined when no condition separates these rows, or when they do not match the part's conditions, because the
 *   server does not search as documented
 */
export function splitPart(part: Part, rows: readonly JsonObject[]): Part[] | undefined {
  const conditions = findConnectionConditions(part, rows) ?? findPrefixConditions(part, rows);
  if (!conditions) return undefined;
  const parts = conditions.map((condition, index) => narrowPart(part, condition, conditions.slice(0, index)));
  return [...parts, { ...part, not: [...part.not, ...conditions] }];
}

function narrowPart(part: Part, condition: PartCondition, earlier: readonly PartCondition[]): Part {
  const not = [...part.not, ...earlier];
  if ('connection' in condition) return { ...part, ...condition, not };
  // The prefix already excludes users with another prefix.
  const { prefix } = condition;
  return { ...part, prefix, not: not.filter((other) => !('prefix' in other) || other.prefix.startsWith(prefix)) };
}

function findConnectionConditions(part: Part, rows: readonly JsonObject[]): PartCondition[] | undefined {
  if (part.connection !== undefined || part.prefix !== undefined) return undefined;
  const excluded = new Set(part.not.map((condition) => ('connection' in condition ? condition.connection : undefined)));
  const found = new Set(rows.flatMap(listConnections).filter((connection) => !excluded.has(connection)));
  return found.size < 2 ? undefined : [...found].map((connection) => ({ connection }));
}

function listConnections({ identities }: JsonObject): string[] {
  if (!Array.isArray(identities)) return [];
  return identities.flatMap((identity) => {
    const connection = isObject(identity) && identity['connection'];
    return typeof connection === 'string' && connection !== '' ? [connection] : [];
  });
}

function findPrefixConditions({ prefix = '', not }: Part, rows: readonly JsonObject[]): PartCondition[] | undefined {
  const ids = [...new Set(rows.map((row) => row['user_id'] as string))];
  const [first, ...others] = ids;
  if (first === undefined || others.length === 0) return undefined;
  const isExcluded = (id: string): boolean => not.some((other) => 'prefix' in other && id.startsWith(other.prefix));
  if (ids.some((id) => !id.startsWith(prefix) || isExcluded(id))) return undefined;
  // By code points: half a surrogate pair is not a valid prefix.
  let shared = '';
  for (const character of first) {
    if (others.some((id) => !id.startsWith(shared + character))) break;
    shared += character;
  }
  const nextCharacters = new Set(ids.flatMap((id) => [...id.slice(shared.length)].slice(0, 1)));
  return [...nextCharacters].map((character) => ({ prefix: shared + character }));
}

/**
 * Position in a block: all users that share one key, or lack it. A part is read by offset. It is complete when one pass
 * finds as many users as its total and the total does not change. A part that is too large, or changes during a pass, is
 * split; a part that fits in a single page cannot change while it is read.
 */
export const blockCursorSchema = z.object({
  /** Parts still to be read, the current one last. */
  parts: z.array(partSchema).min(1),
  page: countSchema,
  /** Rows read in this pass over the current part. */
  read: countSchema,
  /** The part's total, as reported in this pass. */
  total: countSchema.exactOptional(),
  /** Fingerprints of the rows of this pass. */
  pass: z.array(z.string()),
  /** Whether an earlier pass over the current part was incomplete. */
  unstable: z.boolean(),
  /** Fingerprints of the block's rows that were delivered before the block started. */
  deliveredBefore: z.array(z.string()),
  /** Fingerprints of the rows that unstable parts delivered. */
  carriedOver: z.array(z.string()),
  /** `carriedOver` is no longer needed when at most this many parts remain. */
  carriedOverFloor: countSchema,
});
type BlockCursor = z.infer<typeof blockCursorSchema>;

interface Block {
  /** Describes the block in error messages. */
  name: string;
  /** Whether a row still belongs to the block. A row that does not is counted but not delivered. */
  includes(row: JsonObject): boolean;
}

const emptyPass = { page: 0, read: 0, pass: [], unstable: false };

/** @param deliveredBefore fingerprints of the block's rows that are already delivered */
export function startBlock(deliveredBefore: string[]): BlockCursor {
  return { ...emptyPass, parts: [wholeBlock], deliveredBefore, carriedOver: [], carriedOverFloor: 0 };
}

/** @param condition the block's condition in Lucene */
export function buildBlockRequest(scope: SearchScope, condition: string, cursor: BlockCursor): ListRequest | undefined {
  const part = cursor.parts.at(-1);
  return part && buildSearchRequest(scope, { q: condition + formatPartConditions(part), page: cursor.page });
}

/** Reads one page of a block. Throws UnexpectedAnswer or UnsplittableBlock. */
export function advanceBlock(cursor: BlockCursor, page: Page, block: Block): PageStep<BlockCursor> {
  const total = readTotal(page);
  const pass = new Set([...cursor.pass, ...page.rows.map((row) => computeFingerprint(row, 'user_id'))]);
  const delivered = new Set([...cursor.deliveredBefore, ...cursor.carriedOver, ...cursor.pass]);
  if (cursor.page === 0 && (total >= maxSearchRows || (cursor.unstable && pass.size < total))) {
    const pieces = splitCurrentPart(cursor, page.rows, total, block.name);
    const parts = [...cursor.parts.slice(0, -1), ...pieces.reverse()];
    const split = { ...cursor, ...emptyPass, parts };
    return { cursor: split, fresh: [], repeated: page.rows.length, notes: { splits: pieces.length } };
  }
  const fresh = selectFresh(page.rows, 'user_id', delivered).filter((row) => block.includes(row));
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

/** Parts do not overlap, so rows of a finished part matter only to the parts that it was split into after it delivered some. */
function finishPart(cursor: BlockCursor): BlockCursor {
  const parts = cursor.parts.slice(0, -1);
  const { carriedOver, carriedOverFloor } = cursor;
  return { ...cursor, ...emptyPass, parts, carriedOver: parts.length <= carriedOverFloor ? [] : carriedOver };
}

function splitCurrentPart(cursor: BlockCursor, rows: readonly JsonObject[], total: number, name: string): Part[] {
  const current = cursor.parts.at(-1);
  const pieces = current && splitPart(current, rows);
  if (pieces) return pieces;
  if (total >= maxSearchRows) throw new UnsplittableBlock(name);
  throw new UnexpectedAnswer(searchLabel, `repeatedly fewer users than its total for ${name}`);
}
