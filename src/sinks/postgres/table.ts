import { streamOf } from '../../streams/registry';
import { airbyteColumns, columnTypeOf, columnTypes, type Column, type ColumnType } from './column';
import type { Transaction } from './database';
import { DestinationRefused } from './errors';
import { columnNameOf, literal, longestName, qualified, quoted } from './identifier';
import { mostColumns } from './row-encoder';
import type { Place } from './trouble';

/** A table in the destination's schema. */
export interface Table {
  schema: string;
  name: string;
}

/** The columns by which rows of a stream are told apart and ordered. */
export interface Keys {
  primary: string[];
  cursor?: string;
}

/** The table of a stream, as its readers know it. */
export function tableOf(schema: string, stream: string): Table {
  return { schema, name: stream };
}

/** The table in which an overwriting run builds the stream's next generation. */
export function nextTableOf(schema: string, stream: string): Table {
  return { schema, name: `_rollcall_next_${stream}` };
}

export function sqlOf({ schema, name }: Table): string {
  return qualified(schema, name);
}

export function keysOf(stream: string): Keys {
  const { primaryKey, cursorField } = streamOf(stream);
  return {
    primary: primaryKey.map((path) => columnNameOf(path.join('.'))),
    ...(cursorField !== undefined && { cursor: columnNameOf(cursorField) }),
  };
}

/** Fields that the stream's schema declares. */
function declaredFields(stream: string): { field: string; type: ColumnType }[] {
  const { properties = {} } = streamOf(stream).jsonSchema as { properties?: Record<string, { [key: string]: never }> };
  return Object.entries(properties).map(([field, schema]) => ({ field, type: columnTypeOf(schema) }));
}

/**
 * The columns of fields in a table; undefined when there is no table.
 * @throws DestinationRefused when it is not one of Rollcall's
 */
export async function readColumns(tx: Transaction, table: Table, place: Place): Promise<Column[] | undefined> {
  const { rows } = await tx.query<{ kind: string; name: string; type: string }>(
    `SELECT c.relkind AS kind, a.attname AS name,
       CASE WHEN a.attgenerated = '' AND a.attidentity = '' THEN format_type(a.atttypid, a.atttypmod) ELSE '' END AS type
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.oid = to_regclass($1)
     ORDER BY a.attnum`,
    [sqlOf(table)],
  );
  if (rows.length === 0) return undefined;
  const own = new Map<string, string>(Object.values(airbyteColumns).map(({ name, type }) => [name, type]));
  const held = rows.filter(({ name, type }) => own.get(name) === type);
  if (held.length !== own.size || !['r', 'p'].includes(rows[0]?.kind ?? '')) {
    const what = `it has something of the name ${table.name} that is not a table of Rollcall's`;
    throw new DestinationRefused(place.name, what, 'Rename that, or set another schema for this connection.');
  }
  return rows
    .filter(({ name }) => !own.has(name))
    .map(({ name, type }) => ({ name, type: columnTypes.find((each) => each === type) ?? 'other' }));
}

/** Makes the table of a stream. */
async function createTable(tx: Transaction, table: Table): Promise<void> {
  const columns = Object.values(airbyteColumns).map(({ name, type }) => `${quoted(name)} ${type} NOT NULL`);
  await tx.query(`CREATE TABLE ${sqlOf(table)} (${columns.join(', ')})`);
}

/** Sees to it that the stream's table is there, with a column for each field of its schema; answers whether it was. */
export async function ensureTable(tx: Transaction, table: Table, stream: string, place: Place): Promise<boolean> {
  const held = await readColumns(tx, table, place);
  if (!held) await createTable(tx, table);
  for (const { field, type } of lacking(held ?? [], stream)) await addField(tx, table, field, type);
  return held !== undefined;
}

/** Whether `ensureTable` has nothing to do. */
export async function isTableReady(tx: Transaction, table: Table, stream: string, place: Place): Promise<boolean> {
  const held = await readColumns(tx, table, place);
  return held !== undefined && lacking(held, stream).length === 0;
}

function lacking(columns: readonly Column[], stream: string): { field: string; type: ColumnType }[] {
  return declaredFields(stream).filter(({ field }) => !columns.some(({ name }) => name === columnNameOf(field)));
}

/** Makes a table with the columns of another. */
export async function createLike(tx: Transaction, table: Table, model: Table): Promise<void> {
  await tx.query(`CREATE TABLE ${sqlOf(table)} (LIKE ${sqlOf(model)} INCLUDING COMMENTS)`);
}

/** Adds a column for each of the fields, as long as there is room; of jsonb, which takes any value. Answers those added. */
export async function addFields(
  tx: Transaction,
  table: Table,
  columns: readonly Column[],
  fields: Iterable<string>,
): Promise<Column[]> {
  const added: Column[] = [];
  for (const field of fields) {
    const name = columnNameOf(field);
    if (columns.length + added.length >= mostColumns || columns.some((each) => each.name === name)) continue;
    await addField(tx, table, field, 'jsonb');
    added.push({ name, type: 'jsonb' });
  }
  return added;
}

export async function addColumns(tx: Transaction, table: Table, columns: readonly Column[]): Promise<void> {
  if (columns.length === 0) return;
  const additions = columns.map(({ name, type }) => `ADD COLUMN ${quoted(name)} ${type}`);
  await tx.query(`ALTER TABLE ${sqlOf(table)} ${additions.join(', ')}`);
}

/** Adds a column; where it could not have the field's own name, notes that at it, in JSON. */
async function addField(tx: Transaction, table: Table, field: string, type: ColumnType): Promise<void> {
  const name = columnNameOf(field);
  await addColumns(tx, table, [{ name, type }]);
  if (name === field) return;
  const text = literal(JSON.stringify(field));
  await tx.query(`COMMENT ON COLUMN ${sqlOf(table)}.${quoted(name)} IS ${text}`);
}

/** Name of the index that keeps an object from standing twice in a table. */
function indexOf({ schema, name }: Table): Table {
  return { schema, name: `${name}_key`.slice(0, longestName) };
}

/** Sees to it that each object stands once in the table, in its newest version. */
export async function ensureUnique(tx: Transaction, table: Table, keys: Keys): Promise<void> {
  const { rows } = await tx.query<{ held: string | null }>('SELECT to_regclass($1) AS held', [sqlOf(indexOf(table))]);
  if (rows[0]?.held != null) return;
  await dropOlder(tx, sqlOf(table), keys);
  const columns = keys.primary.map(quoted).join(', ');
  await tx.query(`CREATE UNIQUE INDEX ${quoted(indexOf(table).name)} ON ${sqlOf(table)} (${columns})`);
}

/** Lets objects stand in the table more than once. */
export async function dropUnique(tx: Transaction, table: Table): Promise<void> {
  await tx.query(`DROP INDEX IF EXISTS ${sqlOf(indexOf(table))}`);
}

/**
 * Leaves the newest version of each object: that of the latest cursor, of those the one delivered last. Rows without a
 * key stay.
 */
export async function dropOlder(tx: Transaction, table: string, { primary, cursor }: Keys): Promise<void> {
  const key = primary.map(quoted);
  // Mostly there is nothing to do, and a table of hashes tells it sooner than an order.
  const twice = await tx.query(`SELECT FROM ${table} GROUP BY ${key.join(', ')} HAVING count(*) > 1 LIMIT 1`);
  if (twice.rowCount === 0) return;
  // Bytes are quicker to compare than words of a language, and tell the same apart.
  const partition = key.map((name) => `${name}::text COLLATE "C"`).join(', ');
  const order = [...(cursor === undefined ? [] : [`${quoted(cursor)} DESC NULLS LAST`]), `${rawId} DESC`].join(', ');
  await tx.query(
    `DELETE FROM ${table} WHERE ctid IN (
       SELECT row FROM (
         SELECT ctid AS row, row_number() OVER (PARTITION BY ${partition} ORDER BY ${order}) AS place
         FROM ${table} WHERE ${key.map((name) => `${name} IS NOT NULL`).join(' AND ')}
       ) AS ranked WHERE place > 1)`,
  );
}

const rawId = quoted(airbyteColumns.rawId.name);
