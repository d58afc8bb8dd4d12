import { getStream } from '../../streams/registry';
import type { Transaction } from './connection';
import { DestinationRefused, type PostgresTarget } from './explain-error';
import {
  airbyteColumns,
  type ColumnType,
  columnTypes,
  maxFieldColumns,
  type TableColumn,
  toColumnType,
} from './row-encoder';
import { maxNameBytes, quoteIdentifier, quoteLiteral, quoteQualifiedName, toColumnName } from './sql';

/** A table in the destination's schema. */
export interface TableName {
  schema: string;
  name: string;
}

/** The columns by which rows of a stream are told apart and ordered. */
export interface RowKeys {
  primary: string[];
  cursor?: string;
}

/** The table of a stream, as its readers know it. */
export function buildTableName(schema: string, stream: string): TableName {
  return { schema, name: stream };
}

/** The table in which an overwriting run builds the stream's next generation. */
export function buildNextTableName(schema: string, stream: string): TableName {
  return { schema, name: `_rollcall_next_${stream}` };
}

export function formatTableName({ schema, name }: TableName): string {
  return quoteQualifiedName(schema, name);
}

export function findRowKeys(stream: string): RowKeys {
  const { primaryKey, cursorField } = getStream(stream);
  return {
    primary: primaryKey.map((path) => toColumnName(path.join('.'))),
    ...(cursorField !== undefined && { cursor: toColumnName(cursorField) }),
  };
}

/** Fields that the stream's schema declares. */
function listDeclaredFields(stream: string): { field: string; type: ColumnType }[] {
  const { properties = {} } = getStream(stream).jsonSchema as { properties?: Record<string, { [key: string]: never }> };
  return Object.entries(properties).map(([field, schema]) => ({ field, type: toColumnType(schema) }));
}

/**
 * The columns of fields in a table; undefined when there is no table.
 * @throws DestinationRefused when it is not one of Rollcall's
 */
export async function readColumns(
  tx: Transaction,
  table: TableName,
  target: PostgresTarget,
): Promise<TableColumn[] | undefined> {
  const { rows } = await tx.query<{ kind: string; name: string; type: string }>(
    `SELECT c.relkind AS kind, a.attname AS name,
       CASE WHEN a.attgenerated = '' AND a.attidentity = '' THEN format_type(a.atttypid, a.atttypmod) ELSE '' END AS type
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.oid = to_regclass($1)
     ORDER BY a.attnum`,
    [formatTableName(table)],
  );
  if (rows.length === 0) return undefined;
  const own = new Map<string, string>(Object.values(airbyteColumns).map(({ name, type }) => [name, type]));
  const held = rows.filter(({ name, type }) => own.get(name) === type);
  if (held.length !== own.size || !['r', 'p'].includes(rows[0]?.kind ?? '')) {
    const what = `it contains an object named ${table.name} that Rollcall did not create`;
    throw new DestinationRefused(target.label, what, 'Rename the object, or set another schema for this connection.');
  }
  return rows
    .filter(({ name }) => !own.has(name))
    .map(({ name, type }) => ({ name, type: columnTypes.find((each) => each === type) ?? 'other' }));
}

/** Makes the table of a stream. */
async function createTable(tx: Transaction, table: TableName): Promise<void> {
  const columns = Object.values(airbyteColumns).map(({ name, type }) => `${quoteIdentifier(name)} ${type} NOT NULL`);
  await tx.query(`CREATE TABLE ${formatTableName(table)} (${columns.join(', ')})`);
}

/** Sees to it that the stream's table is there, with a column for each field of its schema; answers whether it was. */
export async function ensureTable(
  tx: Transaction,
  table: TableName,
  stream: string,
  target: PostgresTarget,
): Promise<boolean> {
  const held = await readColumns(tx, table, target);
  if (!held) await createTable(tx, table);
  for (const { field, type } of listMissingFields(held ?? [], stream)) await addFieldColumn(tx, table, field, type);
  return held !== undefined;
}

/** Whether `ensureTable` has nothing to do. */
export async function isTableReady(
  tx: Transaction,
  table: TableName,
  stream: string,
  target: PostgresTarget,
): Promise<boolean> {
  const held = await readColumns(tx, table, target);
  return held !== undefined && listMissingFields(held, stream).length === 0;
}

function listMissingFields(columns: readonly TableColumn[], stream: string): { field: string; type: ColumnType }[] {
  return listDeclaredFields(stream).filter(({ field }) => !columns.some(({ name }) => name === toColumnName(field)));
}

/** Makes a table with the columns of another. */
export async function createTableLike(tx: Transaction, table: TableName, source: TableName): Promise<void> {
  await tx.query(`CREATE TABLE ${formatTableName(table)} (LIKE ${formatTableName(source)} INCLUDING COMMENTS)`);
}

/** Adds a column for each of the fields, as long as there is room; of jsonb, which takes any value. Answers those added. */
export async function addFieldColumns(
  tx: Transaction,
  table: TableName,
  columns: readonly TableColumn[],
  fields: Iterable<string>,
): Promise<TableColumn[]> {
  const added: TableColumn[] = [];
  for (const field of fields) {
    const name = toColumnName(field);
    if (columns.length + added.length >= maxFieldColumns || columns.some((each) => each.name === name)) continue;
    await addFieldColumn(tx, table, field, 'jsonb');
    added.push({ name, type: 'jsonb' });
  }
  return added;
}

export async function addColumns(tx: Transaction, table: TableName, columns: readonly TableColumn[]): Promise<void> {
  if (columns.length === 0) return;
  const additions = columns.map(({ name, type }) => `ADD COLUMN ${quoteIdentifier(name)} ${type}`);
  await tx.query(`ALTER TABLE ${formatTableName(table)} ${additions.join(', ')}`);
}

/** Adds a column; where it could not have the field's own name, notes that at it, in JSON. */
async function addFieldColumn(tx: Transaction, table: TableName, field: string, type: ColumnType): Promise<void> {
  const name = toColumnName(field);
  await addColumns(tx, table, [{ name, type }]);
  if (name === field) return;
  const text = quoteLiteral(JSON.stringify(field));
  await tx.query(`COMMENT ON COLUMN ${formatTableName(table)}.${quoteIdentifier(name)} IS ${text}`);
}

/** Name of the index that keeps an object from standing twice in a table. */
function buildIndexName({ schema, name }: TableName): TableName {
  return { schema, name: `${name}_key`.slice(0, maxNameBytes) };
}

/** Sees to it that each object stands once in the table, in its newest version. */
export async function ensureUniqueIndex(tx: Transaction, table: TableName, keys: RowKeys): Promise<void> {
  const { rows } = await tx.query<{ held: string | null }>('SELECT to_regclass($1) AS held', [
    formatTableName(buildIndexName(table)),
  ]);
  if (rows[0]?.held != null) return;
  await deleteOlderRows(tx, formatTableName(table), keys);
  const columns = keys.primary.map(quoteIdentifier).join(', ');
  await tx.query(
    `CREATE UNIQUE INDEX ${quoteIdentifier(buildIndexName(table).name)} ON ${formatTableName(table)} (${columns})`,
  );
}

/** Lets objects stand in the table more than once. */
export async function dropUniqueIndex(tx: Transaction, table: TableName): Promise<void> {
  await tx.query(`DROP INDEX IF EXISTS ${formatTableName(buildIndexName(table))}`);
}

/**
 * Leaves the newest version of each object: that of the latest cursor, of those the one delivered last. Rows without a
 * key stay.
 */
export async function deleteOlderRows(tx: Transaction, table: string, { primary, cursor }: RowKeys): Promise<void> {
  const key = primary.map(quoteIdentifier);
  // Mostly there is nothing to do, and a table of hashes tells it sooner than an order.
  const twice = await tx.query(`SELECT FROM ${table} GROUP BY ${key.join(', ')} HAVING count(*) > 1 LIMIT 1`);
  if (twice.rowCount === 0) return;
  // Bytes are quicker to compare than words of a language, and tell the same apart.
  const partition = key.map((name) => `${name}::text COLLATE "C"`).join(', ');
  const order = [
    ...(cursor === undefined ? [] : [`${quoteIdentifier(cursor)} DESC NULLS LAST`]),
    `${rawIdColumn} DESC`,
  ].join(', ');
  await tx.query(
    `DELETE FROM ${table} WHERE ctid IN (
       SELECT row FROM (
         SELECT ctid AS row, row_number() OVER (PARTITION BY ${partition} ORDER BY ${order}) AS place
         FROM ${table} WHERE ${key.map((name) => `${name} IS NOT NULL`).join(' AND ')}
       ) AS ranked WHERE place > 1)`,
  );
}

const rawIdColumn = quoteIdentifier(airbyteColumns.rawId.name);
