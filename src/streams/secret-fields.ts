import type { Json, JsonObject } from '../json';

type FieldPath = readonly string[];

function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deletes the field at the end of the path, wherever the path exists. */
function deleteField(value: Json | undefined, [head, ...rest]: FieldPath): void {
  if (head === undefined || !isJsonObject(value)) return;
  const name = head.endsWith('[]') ? head.slice(0, -2) : head;
  if (rest.length === 0) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the row is ours, parsed a moment ago
    delete value[name];
    return;
  }
  const inner = value[name];
  if (!head.endsWith('[]')) deleteField(inner, rest);
  else if (Array.isArray(inner)) for (const each of inner) deleteField(each, rest);
}

/**
 * A function that removes the given fields from a row, in place, and returns the row.
 * @param fields dotted paths as in StreamDescriptor.secretFields
 */
export function createSecretRemover(fields: readonly string[]): (row: JsonObject) => JsonObject {
  const paths = fields.map((field) => field.split('.'));
  return (row) => {
    for (const path of paths) deleteField(row, path);
    return row;
  };
}
