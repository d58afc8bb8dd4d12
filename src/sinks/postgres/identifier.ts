import { createHash } from 'node:crypto';

/** Longest name that Postgres does not cut, bytes of UTF-8. */
export const longestName = 63;

/** Names that every table has already, or that Postgres keeps for itself. */
const taken = /^(?:_airbyte_.*|_rollcall_.*|ctid|xmin|xmax|cmin|cmax|tableoid|oid)$/;
const marked = /~[0-9a-f]{8}$/;
const refused = /^$|\0|[\ud800-\udfff]/u;

/** Any text as an SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name in a schema. */
export function qualified(schema: string, name: string): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

/** Any text as an SQL literal, for statements that take no parameters. */
export function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/**
 * The column of a field: of the same name, upper and lower case kept; where Postgres does not allow the name, one that
 * begins like it and ends in `~` and a part of its hash. Two fields never share a column.
 */
export function columnNameOf(field: string): string {
  const plain = !refused.test(field) && !taken.test(field) && !marked.test(field);
  if (plain && (field.length <= longestName / 3 || Buffer.byteLength(field) <= longestName)) return field;
  const hash = createHash('sha256').update(JSON.stringify(field)).digest('hex').slice(0, 8);
  return `${beginningOf(field)}~${hash}`;
}

function beginningOf(field: string): string {
  let beginning = '';
  for (const character of field) {
    if (refused.test(character)) continue;
    if (Buffer.byteLength(beginning + character) > longestName - 9) break;
    beginning += character;
  }
  return beginning;
}
