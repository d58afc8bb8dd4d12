import type { Json, JsonObject } from '../../json';
import type { FieldChange, StagedRecord } from '../../staging/segment';
import { normaliseTimestamp } from '../../timestamp';
import { escapeJson, toColumnName } from './sql';

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
const plainTimePattern =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

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

/** Part of `_airbyte_meta`. `NULLED`: the column is NULL, the value stands under `originals`. */
interface ColumnChange {
  field: string;
  change: 'NULLED';
  reason: 'DESTINATION_TYPECAST_ERROR' | 'DESTINATION_FIELD_SIZE_LIMITATION';
}

/** What `_airbyte_meta` says of a row. */
interface RowMeta {
  sync_id?: number;
  changes: (FieldChange | ColumnChange)[];
  /** Values that their columns do not hold, or hold in another form. */
  originals?: Record<string, Json>;
  /** Fields in which characters are escaped: see `escapeText`. */
  escaped?: string[];
}

export interface RowEncoderOptions {
  /** Columns of fields, in the order of the row's. */
  columns: readonly TableColumn[];
  /** Names of those in an index, which takes no long text. */
  keys: ReadonlySet<string>;
  /** Number of the run among those of the stream, and of the step in the run: the beginning of the rows' ids. */
  runNumber: number;
  sequence: number;
  syncId?: number;
}

/**
 * Turns staged lines into rows of COPY's text format: id, time, meta (NULL where there is nothing to say), fields without
 * a column, columns of fields.
 */
export interface RowEncoder {
  encode(lines: readonly string[]): string;
  /** What stands for meta that is NULL. */
  readonly defaultMeta: RowMeta;
  /** Names of fields that had no column, not more than there can be columns. */
  readonly undeclaredFields: ReadonlySet<string>;
}

/** Most columns of fields in a table: each may take 24 bytes of a row that has to fit into a page of 8 kB. */
export const maxFieldColumns = 250;

/** Longest text in a key, bytes: an entry of an index has room for 2,704, and a key for three. */
const maxKeyBytes = 800;

const nullText = '\\N';
const specialCharacterPattern = /[\\\n\r\t]/;
const specialCharactersPattern = /[\\\n\r\t]/g;
const copyEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

export function createRowEncoder({ columns, keys, runNumber, sequence, syncId }: RowEncoderOptions): RowEncoder {
  const places = new Map(columns.map(({ name }, index) => [name, index]));
  const placeOfField = new Map<string, number>();
  const undeclaredFields = new Set<string>();
  const defaultMeta: RowMeta = { ...(syncId !== undefined && { sync_id: syncId }), changes: [] };
  const beginning = buildRawIdPrefix(runNumber, sequence);
  const texts = new Array<string>(columns.length);
  let rows = 0;
  let time = { at: NaN, text: '' };

  function placeOf(field: string): number | undefined {
    const known = placeOfField.get(field);
    if (known !== undefined) return known;
    const place = places.get(toColumnName(field));
    if (place !== undefined) placeOfField.set(field, place);
    return place;
  }

  function encodeLine(line: string): string {
    const { emitted_at, data, meta } = JSON.parse(line) as StagedRecord;
    // All that has to be escaped stands in the line as an escape itself: JSON.stringify writes well-formed text.
    const escaped: string[] | undefined = line.includes('\\u') ? [] : undefined;
    const changes: RowMeta['changes'] = meta ? [...meta.changes] : [];
    const originals: [string, Json][] = [];
    const extra: [string, Json][] = [];
    texts.fill(nullText);
    for (const field of Object.keys(data)) {
      const value = data[field] ?? null;
      if (value === null) continue;
      const storable = escaped ? escapeValue(field, value, escaped) : value;
      const place = placeOf(field);
      if (place === undefined) {
        extra.push([field, value]);
        if (undeclaredFields.size < maxFieldColumns) undeclaredFields.add(field);
        continue;
      }
      const { name, type } = columns[place] as TableColumn;
      const text = formatColumnValue(type, storable);
      const reason =
        text === undefined ? 'TYPECAST_ERROR' : keys.has(name) && !fitsIndexKey(text) && 'FIELD_SIZE_LIMITATION';
      if (reason) changes.push({ field, change: 'NULLED', reason: `DESTINATION_${reason}` });
      else if (text !== undefined) texts[place] = escapeCopyText(text);
      if (reason || (type === 'timestamp with time zone' && text !== value)) originals.push([field, value]);
    }
    const plain = changes.length === 0 && originals.length === 0 && !escaped?.length;
    const metaText = plain ? nullText : encodeObject(buildRowMeta(defaultMeta, changes, originals, escaped), escaped);
    const extraText = extra.length > 0 ? encodeObject(Object.fromEntries(extra), escaped) : nullText;
    const id = beginning + (rows++).toString(16).padStart(12, '0');
    return `${id}\t${timeText(emitted_at)}\t${metaText}\t${extraText}\t${texts.join('\t')}\n`;
  }

  function timeText(at: number): string {
    if (time.at !== at) time = { at, text: new Date(at).toISOString() };
    return time.text;
  }

  return { encode: (lines) => lines.map(encodeLine).join(''), defaultMeta, undeclaredFields };
}

/**
 * A UUID (version 8: of one's own making) that follows from the row's place in all that was delivered. Repeated work gives
 * the same ids; in ascending order they tell the order of delivery.
 */
function buildRawIdPrefix(runNumber: number, sequence: number): string {
  const run = runNumber.toString(16).padStart(8, '0');
  const step = sequence.toString(16).padStart(7, '0');
  return `${run}-${step.slice(0, 4)}-8${step.slice(4)}-8000-`;
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
