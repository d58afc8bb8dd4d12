import type { JsonObject } from '../../json';
import { formatPhrase, formatPrefix } from './lucene';

/** A condition that divides users: a connection among their identities, or the beginning of their user id. */
export type PartCondition = { connection: string } | { prefix: string };

/**
 * A part of a block: its rows meet all of `has` and none of `not`. Prefixes are never longer than what all rows of a
 * page have in common and one character: they name a group, nobody in person.
 */
export type Part = { connection?: string; prefix?: string; not: PartCondition[] };

export const wholeBlock: Part = { not: [] };

function formatCondition(term: PartCondition): string {
  return 'prefix' in term ? `user_id:${formatPrefix(term.prefix)}` : `identities.connection:${formatPhrase(term.connection)}`;
}

/** ` AND …` for each condition of the part. */
export function formatPartConditions({ connection, prefix: start, not }: Part): string {
  const has: PartCondition[] = [
    ...(connection === undefined ? [] : [{ connection }]),
    ...(start === undefined ? [] : [{ prefix: start }]),
  ];
  return [...has.map((term) => ` AND ${formatCondition(term)}`), ...not.map((term) => ` AND NOT ${formatCondition(term)}`)].join('');
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
