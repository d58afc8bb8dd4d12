import { createHash } from 'node:crypto';
import { isObject, type Json } from '../../json';

/** Longest name that Postgres does not cut, bytes of UTF-8. */
export const maxNameBytes = 63;

/** Names that every table has already, or that Postgres keeps for itself. */
const reservedNamePattern = /^(?:_airbyte_.*|_rollcall_.*|ctid|xmin|xmax|cmin|cmax|tableoid|oid)$/;
const hashedNamePattern = /~[0-9a-f]{8}$/;
const invalidNamePattern = /^$|\0|[\ud800-\udfff]/u;

/** Any text as an SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name in a schema. */
export function quoteQualifiedName(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Any text as an SQL literal, for statements that take no parameters. */
export function quoteLiteral(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/**
 * The column of a field: of the same name, upper and lower case kept; where Postgres does not allow the name, one that
 * begins like it and ends in `~` and a part of its hash. Two fields never share a column.
 */
export function toColumnName(field: string): string {
  const plain = !invalidNamePattern.test(field) && !reservedNamePattern.test(field) && !hashedNamePattern.test(field);
  if (plain && (field.length <= maxNameBytes / 3 || Buffer.byteLength(field) <= maxNameBytes)) return field;
  const hash = createHash('sha256').update(JSON.stringify(field)).digest('hex').slice(0, 8);
  return `${truncateName(field)}~${hash}`;
}

function truncateName(field: string): string {
  let beginning = '';
  for (const character of field) {
    if (invalidNamePattern.test(character)) continue;
    if (Buffer.byteLength(beginning + character) > maxNameBytes - 9) break;
    beginning += character;
  }
  return beginning;
}

/** What Postgres takes neither in text nor in jsonb; and what would be read as the escape of such a character. */
const unstorablePattern = /[\0\ud800-\udfff]|\\(?=u[0-9a-f]{4})/gu;

/**
 * A text as Postgres can hold it: NUL and surrogates without their other half become `\u` and four hexadecimal digits,
 * and a backslash before such letters becomes `\u005c`. So each such sequence in the database is an escape, no two texts
 * become one, and the text can be had back exactly.
 */
export function escapeText(text: string): string {
  return text.replace(unstorablePattern, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same in all keys and values. */
export function escapeJson(value: Json): Json {
  if (typeof value === 'string') return escapeText(value);
  if (Array.isArray(value)) return value.map(escapeJson);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [escapeText(key), escapeJson(each)]));
}
