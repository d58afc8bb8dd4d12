import { defined, isObject } from '../../json';
import type { ConfiguredStream } from '../../protocol';
import type { Transaction } from './connection';
import { DestinationRefused, type PostgresTarget } from './explain-error';
import {
  airbyteColumns,
  type ColumnType,
  isColumnType,
  maxFieldColumns,
  type TableColumn,
  toColumnType,
} from './row-encoder';
import { formatTableName, maxNameBytes, quoteIdentifier, quoteLiteral, type TableName, toColumnName } from './sql';

/** The columns that identify and order the rows of a stream. */
export interface RowKeys {
  primary: string[];
  cursor?: string;
}

/** The keys of a stream. A primary key that is nested in a field has no column, so such a stream has none. */
export function findRowKeys({ primaryKey, cursorField }: ConfiguredStream): RowKeys {
  const isNested = primaryKey.some((path) => path.length > 1);
  return {
    primary: isNested ? [] : primaryKey.flat().map(toColumnName),
    ...defined({ cursor: cursorField && toColumnName(cursorField) }),
  };
}

/** The keys, when a newer row replaces the older one with the same key (Airbyte's `append_dedup` and `overwrite_dedup`). */
export function findMergeKeys(stream: ConfiguredStream): RowKeys | undefined {
  const keys = findRowKeys(stream);
  return stream.destinationSyncMode.endsWith('dedup') && keys.primary.length > 0 ? keys : undefined;
}

/** A field and the type of its column. */
interface DeclaredColumn {
  field: string;
  type: ColumnType;
}

/** The columns of a stream's key, its cursor and the fields of its schema; no more than a table has room for. */
export function listDeclaredColumns({ schema, primaryKey, cursorField }: ConfiguredStream): DeclaredColumn[] {
  const declared = isObject(schema.properties) ? schema.properties : {};
  const keys = primaryKey.filter((path) => path.length === 1).flat();
  const fields = new Set([...keys, ...(cursorField === undefined ? [] : [cursorField]), ...Object.keys(declared)]);
  return [...fields].slice(0, maxFieldColumns).map((field) => {
    const type = declared[field];
    return { field, type: isObject(type) ? toColumnType(type) : 'jsonb' };
  });
}

/** Whether a table, an index or another relation exists. */
export async function relationExists(tx: Transaction, relation: TableName): Promise<boolean> {
  const sql = 'SELECT to_regclass($1) IS NOT NULL AS exists';
  const { rows } = await tx.query<{ exists: boolean }>(sql, [formatTableName(relation)]);
  return rows[0]?.exists === true;
}

export function hasColumn(columns: readonly TableColumn[], name: string): boolean {
  return columns.some((each) => each.name === name);
}

/**
 * Reads the columns of fields in a table; undefined when the table does not exist.
 * @throws DestinationRefused when Rollcall did not create the table
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
  const found = rows.filter(({ name, type }) => own.get(name) === type);
  if (found.length !== own.size || !['r', 'p'].includes(rows[0]?.kind ?? '')) {
    const what = `it contains an object named ${table.name} that Rollcall did not create`;
    throw new DestinationRefused(target.label, what, 'Rename the object, or set another schema for this connection.');
  }
  return rows
    .filter(({ name }) => !own.has(name))
    .map(({ name, type }) => ({ name, type: isColumnType(type) ? type : 'other' }));
}

/** Creates the table and its columns where they are missing. Returns whether the table existed. */
export async function ensureTable(
  tx: Transaction,
  table: TableName,
  columns: readonly DeclaredColumn[],
  target: PostgresTarget,
): Promise<boolean> {
  const present = await readColumns(tx, table, target);
  if (!present) {
    const own = Object.values(airbyteColumns).map(({ name, type }) => `${quoteIdentifier(name)} ${type} NOT NULL`);
    await tx.query(`CREATE TABLE ${formatTableName(table)} (${own.join(', ')})`);
  }
  for (const { field, type } of selectMissing(columns, present)) await addFieldColumn(tx, table, field, type);
  return present !== undefined;
}

/** The columns that a table lacks. */
export function selectMissing(
  columns: readonly DeclaredColumn[],
  present: readonly TableColumn[] = [],
): DeclaredColumn[] {
  return columns.filter(({ field }) => !hasColumn(present, toColumnName(field)));
}

/** Adds a column for each field, while the table has room; of type jsonb, which takes any value. Returns those added. */
export async function addFieldColumns(
  tx: Transaction,
  table: TableName,
  columns: readonly TableColumn[],
  fields: Iterable<string>,
): Promise<TableColumn[]> {
  const added: TableColumn[] = [];
  for (const field of fields) {
    const name = toColumnName(field);
    if (columns.length + added.length >= maxFieldColumns || hasColumn(columns, name)) continue;
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

/** Adds a column. When it cannot have the field's name, its comment contains the name, in JSON. */
async function addFieldColumn(tx: Transaction, table: TableName, field: string, type: ColumnType): Promise<void> {
  const name = toColumnName(field);
  await addColumns(tx, table, [{ name, type }]);
  if (name === field) return;
  const text = quoteLiteral(JSON.stringify(field));
  await tx.query(`COMMENT ON COLUMN ${formatTableName(table)}.${quoteIdentifier(name)} IS ${text}`);
}

function nameUniqueIndex({ schema, name }: TableName): TableName {
  return { schema, name: `${name}_key`.slice(0, maxNameBytes) };
}

/** Deletes older versions of rows, and creates the index that prevents new ones. */
export async function ensureUniqueIndex(tx: Transaction, table: TableName, keys: RowKeys): Promise<void> {
  const index = nameUniqueIndex(table);
  if (await relationExists(tx, index)) return;
  await deleteOlderRows(tx, formatTableName(table), keys);
  const columns = keys.primary.map(quoteIdentifier).join(', ');
  await tx.query(`CREATE UNIQUE INDEX ${quoteIdentifier(index.name)} ON ${formatTableName(table)} (${columns})`);
}

export async function dropUniqueIndex(tx: Transaction, table: TableName): Promise<void> {
  await tx.query(`DROP INDEX IF EXISTS ${formatTableName(nameUniqueIndex(table))}`);
}

/**
 * Keeps the newest version of each row: the one with the latest cursor, and of several such the one delivered last. Rows
 * without a key stay.
 */
export async function deleteOlderRows(tx: Transaction, table: string, { primary, cursor }: RowKeys): Promise<void> {
  const key = primary.map(quoteIdentifier);
  // Duplicates are rare, and grouping by hash finds them sooner than sorting.
  const duplicates = await tx.query(`SELECT FROM ${table} GROUP BY ${key.join(', ')} HAVING count(*) > 1 LIMIT 1`);
  if (duplicates.rowCount === 0) return;
  // Comparing bytes is faster than comparing by the rules of a language, with the same result.
  const partition = key.map((name) => `${name}::text COLLATE "C"`).join(', ');
  const byCursor = cursor === undefined ? '' : `${quoteIdentifier(cursor)} DESC NULLS LAST, `;
  const order = `${byCursor}${quoteIdentifier(airbyteColumns.rawId.name)} DESC`;
  await tx.query(
    `DELETE FROM ${table} WHERE ctid IN (
       SELECT row FROM (
         SELECT ctid AS row, row_number() OVER (PARTITION BY ${partition} ORDER BY ${order}) AS position
         FROM ${table} WHERE ${key.map((name) => `${name} IS NOT NULL`).join(' AND ')}
       ) AS ranked WHERE position > 1)`,
  );
}
