import type { JsonObject } from '../../json';
import { phrase, prefix } from './lucene';

/** A condition that divides users: a connection among their identities, or the beginning of their user id. */
export type Term = { connection: string } | { prefix: string };

/**
 * A part of a block: its rows meet all of `has` and none of `not`. Prefixes are never longer than what all rows of a
 * page have in common and one character: they name a group, nobody in person.
 */
export type Part = { connection?: string; prefix?: string; not: Term[] };

export const whole: Part = { not: [] };

function clause(term: Term): string {
  return 'prefix' in term ? `user_id:${prefix(term.prefix)}` : `identities.connection:${phrase(term.connection)}`;
}

/** ` AND …` for each condition of the part. */
export function conditionsOf({ connection, prefix: start, not }: Part): string {
  const has: Term[] = [
    ...(connection === undefined ? [] : [{ connection }]),
    ...(start === undefined ? [] : [{ prefix: start }]),
  ];
  return [...has.map((term) => ` AND ${clause(term)}`), ...not.map((term) => ` AND NOT ${clause(term)}`)].join('');
}

/**
 * Divides a part into smaller ones without overlap, the last one being all that is left; `rows` are some of its rows.
 * Undefined when nothing tells these rows apart, or when they do not meet the part's conditions: the server then does
 * not search as it should.
 */
export function split(part: Part, rows: JsonObject[]): Part[] | undefined {
  const terms = connectionTerms(part, rows) ?? prefixTerms(part, rows);
  if (!terms) return undefined;
  const parts = terms.map((term, place) => narrowed(part, term, terms.slice(0, place)));
  return [...parts, { ...part, not: [...part.not, ...terms] }];
}

function narrowed(part: Part, term: Term, before: Term[]): Part {
  const not = [...part.not, ...before];
  if ('connection' in term) return { ...part, ...term, not };
  // What excludes another beginning goes without saying.
  return { ...part, ...term, not: not.filter((other) => !('prefix' in other) || other.prefix.startsWith(term.prefix)) };
}

function connectionTerms(part: Part, rows: JsonObject[]): Term[] | undefined {
  if (part.connection !== undefined || part.prefix !== undefined) return undefined;
  const excluded = new Set(part.not.map((term) => ('connection' in term ? term.connection : undefined)));
  const seen = new Set(rows.flatMap(connectionsOf).filter((connection) => !excluded.has(connection)));
  return seen.size < 2 ? undefined : [...seen].map((connection) => ({ connection }));
}

function connectionsOf(row: JsonObject): string[] {
  const identities = Array.isArray(row['identities']) ? row['identities'] : [];
  return identities.flatMap((identity) => {
    const connection = identity && typeof identity === 'object' && !Array.isArray(identity) && identity['connection'];
    return typeof connection === 'string' && connection !== '' ? [connection] : [];
  });
}

function prefixTerms(part: Part, rows: JsonObject[]): Term[] | undefined {
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
