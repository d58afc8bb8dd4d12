import { from as copyFrom } from 'pg-copy-streams';
import { once } from 'node:events';
import type { ConfiguredStream } from '../../protocol';
import type { Staging } from '../../staging/staging';
import type { Delivery } from '../sink';
import { type Ledger, type LedgerContent, replacesExistingRows } from '../stream-ledger';
import type { Transaction } from './connection';
import type { PostgresTarget } from './explain-error';
import { airbyteColumns, createRowEncoder, type TableColumn } from './row-encoder';
import { escapeText, quoteIdentifier, quoteLiteral, toColumnName } from './sql';
import {
  addColumns,
  addFieldColumns,
  buildNextTableName,
  buildTableName,
  createTableLike,
  deduplicatesRows,
  deleteOlderRows,
  dropUniqueIndex,
  ensureUniqueIndex,
  findRowKeys,
  formatTableName,
  hasColumn,
  readColumns,
  type RowKeys,
  type TableName,
} from './stream-table';

/** The rows of a delivery, in a temporary table of the transaction. */
export interface LoadedRows {
  /** `_airbyte_meta` of rows that have nothing else to report. */
  defaultMeta: object;
  /** Columns of fields in the temporary table. */
  columns: readonly TableColumn[];
  /** Fields without a column; not all of them when there are very many. */
  undeclaredFields: ReadonlySet<string>;
}

export interface LoadOptions {
  /** Columns of fields in the stream's table. */
  columns: readonly TableColumn[];
  runNumber: number;
  staging: Staging;
  /** Aborts between two reads of staging. */
  signal?: AbortSignal | undefined;
}

const loadTable = 'pg_temp._rollcall_delivery';
const extraColumn = '_rollcall_extra';
const { rawId, extractedAt, meta, generationId } = airbyteColumns;

/** Sends the rows of a delivery to the server by COPY, in pieces of a segment. Takes no lock that others wait for. */
export async function loadRows(tx: Transaction, delivery: Delivery, options: LoadOptions): Promise<LoadedRows> {
  const { columns, runNumber, staging, signal } = options;
  const { sequence, segments, stream } = delivery;
  const definitions = [rawId, extractedAt, meta, { name: extraColumn, type: 'jsonb' }, ...columns].map(
    // A column of a foreign type is never written, so any type will do.
    ({ name, type }) => `${quoteIdentifier(name)} ${type === 'other' ? 'text' : type}`,
  );
  await tx.query(`CREATE TEMPORARY TABLE _rollcall_delivery (${definitions.join(', ')}) ON COMMIT DROP`);
  const encoder = createRowEncoder({
    columns,
    keys: new Set(findRowKeys(stream).primary),
    runNumber,
    sequence,
    ...(stream.syncId !== undefined && { syncId: stream.syncId }),
  });
  async function* encodeRows(): AsyncGenerator<string, void> {
    for (const segment of segments) {
      for await (const lines of staging.readLines(segment)) {
        signal?.throwIfAborted();
        yield encoder.encode(lines);
      }
    }
  }
  await copyRows(tx, encodeRows());
  return { columns, defaultMeta: encoder.defaultMeta, undeclaredFields: encoder.undeclaredFields };
}

/** Bytes that may wait to be sent: enough for encoding and sending to overlap. */
const bufferBytes = 1024 * 1024;

async function copyRows(tx: Transaction, rows: AsyncIterable<string>): Promise<void> {
  const stream = tx.query(copyFrom(`COPY ${loadTable} FROM STDIN`, { highWaterMark: bufferBytes }));
  let failure: Error | undefined;
  stream.on('error', (error) => (failure ??= error));
  for await (const text of rows) {
    if (failure) throw failure;
    if (!stream.write(text)) await once(stream, 'drain');
  }
  if (failure) throw failure;
  stream.end();
  await once(stream, 'finish');
}

export interface MergeOptions {
  table: TableName;
  /** Columns of fields in the table. */
  columns: readonly TableColumn[];
  /** Value of `_airbyte_generation_id`. */
  generation: number;
  /** A row replaces the older version with the same key. Undefined: all rows are added. */
  keys: RowKeys | undefined;
}

/**
 * Adds loaded rows to a table, which gets a column for each new field. Fields for which the table has no room stay in
 * `_airbyte_meta` under `originals`.
 */
export async function mergeRows(tx: Transaction, loaded: LoadedRows, options: MergeOptions): Promise<void> {
  const { table, generation, keys } = options;
  const columns = await addMissingColumns(tx, loaded, options);
  const storedFields = [...loaded.undeclaredFields].filter((field) => hasColumn(columns, toColumnName(field)));
  const sources: [string, string][] = [
    [rawId.name, quoteIdentifier(rawId.name)],
    [extractedAt.name, quoteIdentifier(extractedAt.name)],
    [meta.name, buildMetaExpression(loaded, storedFields)],
    [generationId.name, String(generation)],
    ...columns
      .filter(({ type }) => type !== 'other')
      .map(({ name }): [string, string] => [name, buildValueExpression(loaded, name)]),
  ];
  if (keys) await deleteOlderRows(tx, loadTable, keys);
  const names = sources.map(([name]) => quoteIdentifier(name));
  const values = sources.map(([, value]) => value).join(', ');
  await tx.query(
    `INSERT INTO ${formatTableName(table)} AS stored (${names.join(', ')}) SELECT ${values} FROM ${loadTable} ${keys ? buildConflictClause(keys, names) : ''}`,
  );
}

/** Adds the columns that the loaded rows have and the table lacks. Returns all columns of fields. */
async function addMissingColumns(
  tx: Transaction,
  loaded: LoadedRows,
  { table, columns }: MergeOptions,
): Promise<TableColumn[]> {
  // The rows were loaded with the columns of another table, or before another process changed this one.
  const missing = loaded.columns.filter(({ name, type }) => type !== 'other' && !hasColumn(columns, name));
  await addColumns(tx, table, missing);
  const present = [...columns, ...missing];
  return [...present, ...(await addFieldColumns(tx, table, present, loaded.undeclaredFields))];
}

/** The value of a column, from a loaded row. */
function buildValueExpression({ columns, undeclaredFields }: LoadedRows, name: string): string {
  if (hasColumn(columns, name)) return quoteIdentifier(name);
  const field = [...undeclaredFields].find((each) => toColumnName(each) === name);
  return field === undefined ? 'NULL' : `${quoteIdentifier(extraColumn)} -> ${quoteLiteral(escapeText(field))}`;
}

/** A row's meta, with the values of undeclared fields other than the stored ones. */
function buildMetaExpression({ defaultMeta, undeclaredFields }: LoadedRows, storedFields: readonly string[]): string {
  const own = `coalesce(${quoteIdentifier(meta.name)}, ${quoteLiteral(JSON.stringify(defaultMeta))}::jsonb)`;
  if (undeclaredFields.size === 0) return own;
  const stored = storedFields.map((field) => quoteLiteral(escapeText(field))).join(', ');
  const rest = `${quoteIdentifier(extraColumn)} - ARRAY[${stored}]::text[]`;
  const originals = `coalesce(${quoteIdentifier(meta.name)} -> 'originals', '{}') || (${rest})`;
  return `CASE WHEN ${rest} <> '{}' THEN ${own} || jsonb_build_object('originals', ${originals}) ELSE ${own} END`;
}

/** Of two versions of a row, the one with the later cursor stays; otherwise the one delivered last. */
function buildConflictClause({ primary, cursor }: RowKeys, names: readonly string[]): string {
  const assignments = names.map((name) => `${name} = excluded.${name}`).join(', ');
  const condition =
    cursor === undefined
      ? ''
      : `WHERE (stored.${quoteIdentifier(cursor)} > excluded.${quoteIdentifier(cursor)}) IS NOT TRUE`;
  return `ON CONFLICT (${primary.map(quoteIdentifier).join(', ')}) DO UPDATE SET ${assignments} ${condition}`;
}

/**
 * The tables of a stream's rows. A run in overwrite mode writes to a second table, and moves its rows in the transaction
 * of its last delivery. The stream's table remains the same object, with its views, grants and indexes. Its readers see
 * the old rows or the new ones at any isolation level, and never wait.
 */
export class GenerationTables {
  constructor(
    private readonly schema: string,
    private readonly target: PostgresTarget,
  ) {}

  /** The table that the run writes to. */
  selectTable({ name }: ConfiguredStream, { pending }: Ledger<LedgerContent>): TableName {
    return pending ? buildNextTableName(this.schema, name) : buildTableName(this.schema, name);
  }

  /** The columns of fields in that table, or those it will have once the run has started. */
  async readFieldColumns(
    tx: Transaction,
    stream: ConfiguredStream,
    ledger: Ledger<LedgerContent>,
  ): Promise<TableColumn[]> {
    const columns = await readColumns(tx, this.selectTable(stream, ledger), this.target);
    return columns ?? (await readColumns(tx, buildTableName(this.schema, stream.name), this.target)) ?? [];
  }

  /** Prepares the tables for a new run. */
  async prepareRun(tx: Transaction, stream: ConfiguredStream): Promise<void> {
    const table = buildTableName(this.schema, stream.name);
    const next = buildNextTableName(this.schema, stream.name);
    await tx.query(`DROP TABLE IF EXISTS ${formatTableName(next)}`);
    if (!replacesExistingRows(stream)) return setUniqueness(tx, table, stream);
    await createTableLike(tx, next, table);
    await setUniqueness(tx, next, stream);
  }

  /** Ends a run in overwrite mode: its rows replace the current ones, or are dropped. */
  async finishRun(tx: Transaction, stream: ConfiguredStream, complete: boolean): Promise<void> {
    const next = buildNextTableName(this.schema, stream.name);
    if (complete) await this.replaceRows(tx, stream, next);
    await tx.query(`DROP TABLE ${formatTableName(next)}`);
  }

  private async replaceRows(tx: Transaction, stream: ConfiguredStream, next: TableName): Promise<void> {
    const table = buildTableName(this.schema, stream.name);
    const current = (await readColumns(tx, table, this.target)) ?? [];
    const columns = ((await readColumns(tx, next, this.target)) ?? []).filter(({ type }) => type !== 'other');
    const missing = columns.filter(({ name }) => !hasColumn(current, name));
    await addColumns(tx, table, missing);
    await tx.query(`DELETE FROM ${formatTableName(table)}`);
    await setUniqueness(tx, table, stream);
    const names = [...Object.values(airbyteColumns), ...columns].map(({ name }) => quoteIdentifier(name)).join(', ');
    await tx.query(`INSERT INTO ${formatTableName(table)} (${names}) SELECT ${names} FROM ${formatTableName(next)}`);
  }
}

async function setUniqueness(tx: Transaction, table: TableName, stream: ConfiguredStream): Promise<void> {
  if (deduplicatesRows(stream)) await ensureUniqueIndex(tx, table, findRowKeys(stream));
  else await dropUniqueIndex(tx, table);
}
