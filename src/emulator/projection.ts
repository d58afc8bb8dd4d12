import type { JsonObject } from '../json';

/** Which fields of a record are asked for. No fields named: all, whatever `include` says. */
export interface Projection {
  fields: readonly string[];
  include: boolean;
}

/** Reads `fields` (separated by commas) and `include_fields` of a checked query. */
export function readProjection(query: { fields?: string; include_fields?: boolean }): Projection {
  const fields = (query.fields ?? '').split(',').map((field) => field.trim());
  return { fields: fields.filter((field) => field !== ''), include: query.include_fields ?? true };
}

export function projectRecord(record: JsonObject, { fields, include }: Projection): JsonObject {
  if (fields.length === 0) return record;
  return Object.fromEntries(Object.entries(record).filter(([key]) => fields.includes(key) === include));
}

/** The record without the named fields. */
export function omitFields(record: JsonObject, fields: readonly string[]): JsonObject {
  return projectRecord(record, { fields, include: false });
}
