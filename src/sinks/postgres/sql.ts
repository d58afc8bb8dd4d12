import { createHash } from 'node:crypto';
import { isObject, type Json } from '../../json';

/** The longest name that Postgres does not truncate, in bytes of UTF-8. */
export const maxNameBytes = 63;

/** Names of Rollcall's own columns and of Postgres' system columns. */
const reservedNamePattern = /^(?:_airbyte_.*|_rollcall_.*|ctid|xmin|xmax|cmin|cmax|tableoid|oid)$/;
const hashedNamePattern = /~[0-9a-f]{8}$/;
const invalidNamePattern = /^$|\0|[\ud800-\udfff]/u;

/** Quotes any text as an SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A table, or another relation of the destination's schema. */
export interface TableName {
  schema: string;
  name: string;
}

export function formatTableName({ schema, name }: TableName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Quotes any text as an SQL literal, for statements that accept no parameters. */
export function quoteLiteral(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/**
 * Returns the name of a field's column: the field's own name, in the same case. When Postgres does not allow that name, the
 * column's starts like it and ends in `~` and a part of its hash. Two fields never share a column.
 */
export function toColumnName(field: string): string {
  const plain = !invalidNamePattern.test(field) && !reservedNamePattern.test(field) && !hashedNamePattern.test(field);
  if (plain && (field.length <= maxNameBytes / 3 || Buffer.byteLength(field) <= maxNameBytes)) return field;
  const hash = createHash('sha256').update(JSON.stringify(field)).digest('hex').slice(0, 8);
  return `${truncateName(field)}~${hash}`;
}

function truncateName(field: string): string {
  let kept = '';
  for (const character of field) {
    if (invalidNamePattern.test(character)) continue;
    if (Buffer.byteLength(kept + character) > maxNameBytes - 9) break;
    kept += character;
  }
  return kept;
}

/** Characters that Postgres refuses in text and jsonb, and backslashes that would look like their escapes. */
const unstorablePattern = /[\0\ud800-\udfff]|\\(?=u[0-9a-f]{4})/gu;

/**
 * Escapes what Postgres cannot store: NUL and lone surrogates become `\u` and four hexadecimal digits, and a backslash
 * before `u` and such digits becomes `\u005c`. Each such sequence in the database is therefore an escape, and the original
 * text can be restored exactly.
 */
export function escapeText(text: string): string {
  return text.replace(unstorablePattern, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Escapes all keys and values. */
export function escapeJson(value: Json): Json {
  if (typeof value === 'string') return escapeText(value);
  if (Array.isArray(value)) return value.map(escapeJson);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [escapeText(key), escapeJson(each)]));
}
