import { defined, type Json, type JsonObject } from '../../json';
import type { FieldChange, StagedRecord } from '../../staging/segment';
import { normaliseTimestamp } from '../../timestamp';
import type { Delivery } from '../sink';
import { escapeJson, toColumnName } from './sql';

/** The types of columns that Rollcall writes, by their names in Postgres. */
export type ColumnType = 'text' | 'boolean' | 'bigint' | 'numeric' | 'timestamp with time zone' | 'jsonb' | 'uuid';

/** A column of a table. `other`: Rollcall does not write it, because of its type or because Postgres fills it. */
export interface TableColumn {
  name: string;
  type: ColumnType | 'other';
}

/** The columns before the fields; names and types are Airbyte's. */
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

/** Returns the column type for a field's JSON schema; jsonb for a field of several types. */
export function toColumnType({ type, format }: JsonObject): ColumnType {
  const types = [type].flat().filter((each) => each !== 'null');
  const [only] = types;
  if (types.length !== 1 || typeof only !== 'string') return 'jsonb';
  if (only === 'string' && format === 'date-time') return 'timestamp with time zone';
  return columnTypeByJsonType[only] ?? 'jsonb';
}

/** The form of Auth0's times, on a day that every month has. */
const plainTimePattern =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/**
 * Formats a value for a column of the given type; undefined when it does not fit. A time in another form becomes the same
 * instant in Auth0's form.
 */
export function formatColumnValue(type: TableColumn['type'], value: Json): string | undefined {
  return columnFormats[type]?.(value);
}

const columnFormats: Readonly<Record<TableColumn['type'], ((value: Json) => string | undefined) | undefined>> = {
  text: (value) => (typeof value === 'string' ? value : undefined),
  jsonb: (value) => JSON.stringify(value),
  boolean: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  'timestamp with time zone': (value) => (typeof value === 'string' ? formatTimeValue(value) : undefined),
  bigint: (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined),
  numeric: (value) => (typeof value === 'number' ? String(value) : undefined),
  uuid: undefined,
  other: undefined,
};

/** Whether Rollcall writes columns of this type. */
export function isColumnType(type: string): type is ColumnType {
  return Object.hasOwn(columnFormats, type) && type !== 'other';
}

function formatTimeValue(text: string): string | undefined {
  if (plainTimePattern.test(text)) return text;
  const time = normaliseTimestamp(text);
  // Postgres has no year 0.
  return time?.startsWith('0000') ? undefined : time;
}

/** Part of `_airbyte_meta`. `NULLED`: the column is NULL, and the value is under `originals`. */
interface ColumnChange {
  field: string;
  change: 'NULLED';
  reason: 'DESTINATION_TYPECAST_ERROR' | 'DESTINATION_FIELD_SIZE_LIMITATION';
}

/** The value of `_airbyte_meta`. */
interface RowMeta {
  sync_id?: number;
  changes: (FieldChange | ColumnChange)[];
  /** Values that their columns do not contain, or contain in another form. */
  originals?: Record<string, Json>;
  /** Fields with escaped characters; see `escapeText`. */
  escaped?: string[];
}

/**
 * Encodes staged lines as rows in COPY's text format: id, time, meta (NULL for the default), undeclared fields, and the
 * columns of fields.
 */
export interface RowEncoder {
  encode(lines: readonly string[]): string;
  readonly columns: readonly TableColumn[];
  /** The meta of rows whose meta is NULL. */
  readonly defaultMeta: RowMeta;
  /** Names of fields without a column; at most as many as a table has room for. */
  readonly undeclaredFields: ReadonlySet<string>;
}

/** The most columns of fields in a table: each may take 24 bytes of a row, which must fit into a page of 8 kB. */
export const maxFieldColumns = 250;

/** The longest text in a key, in bytes: an index entry has room for 2,704, and a key has up to three columns. */
const maxKeyBytes = 800;

const nullText = '\\N';
const specialCharacterPattern = /[\\\n\r\t]/;
const specialCharactersPattern = /[\\\n\r\t]/g;
const copyEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * @param runNumber see Ledger; row ids start with it and the sequence
 * @param columns columns of fields, in the order of the encoded row
 * @param keys names of the columns in the unique index, which accepts no long text
 */
export function createRowEncoder(
  { stream, sequence }: Delivery,
  runNumber: number,
  columns: readonly TableColumn[],
  keys: ReadonlySet<string>,
): RowEncoder {
  const indexByColumn = new Map(columns.map(({ name }, index) => [name, index]));
  const indexByField = new Map<string, number>();
  const undeclaredFields = new Set<string>();
  const defaultMeta: RowMeta = { ...defined({ sync_id: stream.syncId }), changes: [] };
  const idPrefix = buildRawIdPrefix(runNumber, sequence);
  const texts = new Array<string>(columns.length);
  let rows = 0;
  let time = { at: NaN, text: '' };

  function findColumnIndex(field: string): number | undefined {
    const cached = indexByField.get(field);
    if (cached !== undefined) return cached;
    const index = indexByColumn.get(toColumnName(field));
    if (index !== undefined) indexByField.set(field, index);
    return index;
  }

  function encodeLine(line: string): string {
    const { emitted_at, data, meta } = JSON.parse(line) as StagedRecord;
    // JSON.stringify escapes every character that Postgres refuses, so a line without escapes needs no check.
    const escaped: string[] | undefined = line.includes('\\u') ? [] : undefined;
    const changes: RowMeta['changes'] = meta ? [...meta.changes] : [];
    const originals: [string, Json][] = [];
    const extra: [string, Json][] = [];
    texts.fill(nullText);
    for (const field of Object.keys(data)) {
      const value = data[field] ?? null;
      if (value === null) continue;
      const storable = escaped ? escapeValue(field, value, escaped) : value;
      const index = findColumnIndex(field);
      if (index === undefined) {
        extra.push([field, value]);
        if (undeclaredFields.size < maxFieldColumns) undeclaredFields.add(field);
        continue;
      }
      const { name, type } = columns[index] as TableColumn;
      const text = formatColumnValue(type, storable);
      const reason =
        text === undefined ? 'TYPECAST_ERROR' : keys.has(name) && !fitsIndexKey(text) && 'FIELD_SIZE_LIMITATION';
      if (reason) changes.push({ field, change: 'NULLED', reason: `DESTINATION_${reason}` });
      else if (text !== undefined) texts[index] = escapeCopyText(text);
      if (reason || (type === 'timestamp with time zone' && text !== value)) originals.push([field, value]);
    }
    const plain = changes.length === 0 && originals.length === 0 && !escaped?.length;
    const metaText = plain ? nullText : encodeObject(buildRowMeta(defaultMeta, changes, originals, escaped), escaped);
    const extraText = extra.length > 0 ? encodeObject(Object.fromEntries(extra), escaped) : nullText;
    const id = idPrefix + (rows++).toString(16).padStart(12, '0');
    return `${id}\t${formatTime(emitted_at)}\t${metaText}\t${extraText}\t${texts.join('\t')}\n`;
  }

  function formatTime(at: number): string {
    if (time.at !== at) time = { at, text: new Date(at).toISOString() };
    return time.text;
  }

  return { encode: (lines) => lines.map(encodeLine).join(''), columns, defaultMeta, undeclaredFields };
}

/**
 * The start of a UUID of version 8 (custom). An id is built from run number, sequence and row number: a repeated delivery
 * has the same ids, and ascending ids are the order of delivery.
 */
function buildRawIdPrefix(runNumber: number, sequence: number): string {
  const run = runNumber.toString(16).padStart(8, '0');
  const delivery = sequence.toString(16).padStart(7, '0');
  return `${run}-${delivery.slice(0, 4)}-8${delivery.slice(4)}-8000-`;
}

function escapeValue(field: string, value: Json, escaped: string[]): Json {
  const storable = escapeJson(value);
  if (JSON.stringify(storable) !== JSON.stringify(value)) escaped.push(field);
  return storable;
}

function fitsIndexKey(text: string): boolean {
  return text.length <= maxKeyBytes / 3 || Buffer.byteLength(text) <= maxKeyBytes;
}

function buildRowMeta(
  defaultMeta: RowMeta,
  changes: RowMeta['changes'],
  originals: [string, Json][],
  escaped: string[] | undefined,
): RowMeta {
  return {
    ...defaultMeta,
    changes,
    ...(originals.length > 0 && { originals: Object.fromEntries(originals) }),
    ...(escaped?.length && { escaped }),
  };
}

function encodeObject(object: object, escaped: string[] | undefined): string {
  return escapeCopyText(JSON.stringify(escaped ? escapeJson(object as Json) : object));
}

function escapeCopyText(text: string): string {
  return specialCharacterPattern.test(text)
    ? text.replace(specialCharactersPattern, (character) => copyEscapes[character] as string)
    : text;
}
