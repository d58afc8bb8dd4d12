import { isObject, type Json, type JsonObject } from '../json';

type FieldPath = readonly string[];

/** Deletes the field at the end of the path, if the path exists. */
function deleteField(value: Json | undefined, [head, ...rest]: FieldPath): void {
  if (head === undefined || !isObject(value)) return;
  const name = head.endsWith('[]') ? head.slice(0, -2) : head;
  if (rest.length === 0) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- no one else has a reference to the parsed row
    delete value[name];
    return;
  }
  const inner = value[name];
  if (!head.endsWith('[]')) deleteField(inner, rest);
  else if (Array.isArray(inner)) for (const element of inner) deleteField(element, rest);
}

/**
 * Returns a function that removes the fields from a row, in place, and returns the row.
 * @param fields dotted paths as in StreamDescriptor.secretFields
 */
export function createSecretRemover(fields: readonly string[]): (row: JsonObject) => JsonObject {
  const paths = fields.map((field) => field.split('.'));
  return (row) => {
    for (const path of paths) deleteField(row, path);
    return row;
  };
}
