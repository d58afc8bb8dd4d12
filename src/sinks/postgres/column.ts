import { normaliseTimestamp } from '../../airbyte/timestamp';
import type { Json, JsonObject } from '../../json';

/** The types of columns that Rollcall writes, as Postgres calls them. */
export const columnTypes = [
  'text',
  'boolean',
  'bigint',
  'numeric',
  'timestamp with time zone',
  'jsonb',
  'uuid',
] as const;
export type ColumnType = (typeof columnTypes)[number];

/** A column as a table has it. `other`: of a type that Rollcall does not write, or filled by Postgres itself. */
export interface TableColumn {
  name: string;
  type: ColumnType | 'other';
}

/** Names and types of the columns that come before the fields; Airbyte's conventions. */
export const airbyteColumns = {
  rawId: { name: '_airbyte_raw_id', type: 'uuid' },
  extractedAt: { name: '_airbyte_extracted_at', type: 'timestamp with time zone' },
  meta: { name: '_airbyte_meta', type: 'jsonb' },
  generationId: { name: '_airbyte_generation_id', type: 'bigint' },
} as const satisfies Record<string, TableColumn>;

const columnTypeByJsonType: Readonly<Record<string, ColumnType>> = {
  string: 'text',
  boolean: 'boolean',
  integer: 'bigint',
  number: 'numeric',
};

/** The type of the column for a field of the given JSON schema: jsonb for what may be of several types. */
export function toColumnType({ type, format }: JsonObject): ColumnType {
  const types = [type].flat().filter((each) => each !== 'null');
  const [only] = types;
  if (types.length !== 1 || typeof only !== 'string') return 'jsonb';
  if (only === 'string' && format === 'date-time') return 'timestamp with time zone';
  return columnTypeByJsonType[only] ?? 'jsonb';
}

/** The form in which Auth0 writes times, on a day that every month has. */
const plainTimePattern = /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/**
 * The text by which Postgres reads a value into a column of the type, the same instant for a time in another form;
 * undefined when the value does not fit.
 */
export function formatColumnValue(type: TableColumn['type'], value: Json): string | undefined {
  switch (type) {
    case 'text':
      return typeof value === 'string' ? value : undefined;
    case 'jsonb':
      return JSON.stringify(value);
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined;
    case 'timestamp with time zone':
      return typeof value === 'string' ? formatTimeValue(value) : undefined;
    case 'bigint':
      return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
    case 'numeric':
      return typeof value === 'number' ? String(value) : undefined;
    default:
      return undefined;
  }
}

function formatTimeValue(text: string): string | undefined {
  if (plainTimePattern.test(text)) return text;
  const time = normaliseTimestamp(text);
  // There is no year 0 in Postgres.
  return time?.startsWith('0000') ? undefined : time;
}
