import { from as copyFrom } from 'pg-copy-streams';
import { once } from 'node:events';
import type { ConfiguredStream } from '../../protocol';
import type { Staging } from '../../staging/staging';
import type { Delivery } from '../sink';
import { type Ledger, type LedgerContent, replacesExistingRows } from '../stream-ledger';
import type { Transaction } from './connection';
import type { PostgresTarget } from './explain-error';
import { airbyteColumns, createRowEncoder, type RowEncoder, type TableColumn } from './row-encoder';
import { escapeText, formatTableName, quoteIdentifier, quoteLiteral, type TableName, toColumnName } from './sql';
import {
  addColumns,
  addFieldColumns,
  deleteOlderRows,
  dropUniqueIndex,
  ensureUniqueIndex,
  findMergeKeys,
  findRowKeys,
  hasColumn,
  readColumns,
  type RowKeys,
} from './stream-table';

/** The rows of a delivery, encoded in a temporary table of the transaction. */
export type LoadedRows = Omit<RowEncoder, 'encode'>;

interface LoadOptions {
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
  const { segments, stream } = delivery;
  const definitions = [rawId, extractedAt, meta, { name: extraColumn, type: 'jsonb' }, ...columns].map(
    // A column of a foreign type is never written, so any type will do.
    ({ name, type }) => `${quoteIdentifier(name)} ${type === 'other' ? 'text' : type}`,
  );
  await tx.query(`CREATE TEMPORARY TABLE _rollcall_delivery (${definitions.join(', ')}) ON COMMIT DROP`);
  const encoder = createRowEncoder(delivery, runNumber, columns, new Set(findRowKeys(stream).primary));
  async function* encodeRows(): AsyncGenerator<string, void> {
    for (const segment of segments) {
      for await (const lines of staging.readLines(segment)) {
        signal?.throwIfAborted();
        yield encoder.encode(lines);
      }
    }
  }
  await copyRows(tx, encodeRows());
  return encoder;
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

/** Adds the columns that the loaded rows have and the table lacks. Returns all columns of fields. */
async function addMissingColumns(
  tx: Transaction,
  loaded: LoadedRows,
  table: TableName,
  columns: readonly TableColumn[],
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
export class StreamTables {
  private readonly current: TableName;
  /** Where a run in overwrite mode builds the next generation. */
  private readonly next: TableName;

  constructor(
    schema: string,
    private readonly stream: ConfiguredStream,
    private readonly target: PostgresTarget,
  ) {
    this.current = { schema, name: stream.name };
    this.next = { schema, name: `_rollcall_next_${stream.name}` };
  }

  /** The table that the run writes to. */
  private selectTable({ pending }: Ledger<LedgerContent>): TableName {
    return pending ? this.next : this.current;
  }

  /** The columns of fields in that table, or those it will have once the run has started. */
  async readFieldColumns(tx: Transaction, ledger: Ledger<LedgerContent>): Promise<TableColumn[]> {
    const columns = await readColumns(tx, this.selectTable(ledger), this.target);
    return columns ?? (await readColumns(tx, this.current, this.target)) ?? [];
  }

  /** Prepares the tables for a new run. */
  async prepareRun(tx: Transaction): Promise<void> {
    const [current, next] = [this.current, this.next].map(formatTableName);
    await tx.query(`DROP TABLE IF EXISTS ${next}`);
    if (!replacesExistingRows(this.stream)) return setUniqueness(tx, this.current, this.stream);
    await tx.query(`CREATE TABLE ${next} (LIKE ${current} INCLUDING COMMENTS)`);
    await setUniqueness(tx, this.next, this.stream);
  }

  /**
   * Adds loaded rows to the table that the run writes to, which gets a column for each new field. Fields for which the table
   * has no room stay in `_airbyte_meta` under `originals`.
   */
  async mergeRows(tx: Transaction, loaded: LoadedRows, ledger: Ledger<LedgerContent>): Promise<void> {
    const table = this.selectTable(ledger);
    const keys = findMergeKeys(this.stream);
    const columns = await addMissingColumns(tx, loaded, table, await this.readFieldColumns(tx, ledger));
    const storedFields = [...loaded.undeclaredFields].filter((field) => hasColumn(columns, toColumnName(field)));
    const sources: [string, string][] = [
      [rawId.name, quoteIdentifier(rawId.name)],
      [extractedAt.name, quoteIdentifier(extractedAt.name)],
      [meta.name, buildMetaExpression(loaded, storedFields)],
      [generationId.name, String(ledger.pending ? ledger.generation + 1 : ledger.generation)],
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

  /** Ends a run in overwrite mode: its rows replace the current ones, or are dropped. */
  async finishRun(tx: Transaction, complete: boolean): Promise<void> {
    if (complete) await this.replaceRows(tx);
    await tx.query(`DROP TABLE ${formatTableName(this.next)}`);
  }

  private async replaceRows(tx: Transaction): Promise<void> {
    const [current, next] = [this.current, this.next].map(formatTableName);
    const present = (await readColumns(tx, this.current, this.target)) ?? [];
    const columns = ((await readColumns(tx, this.next, this.target)) ?? []).filter(({ type }) => type !== 'other');
    const missing = columns.filter(({ name }) => !hasColumn(present, name));
    await addColumns(tx, this.current, missing);
    await tx.query(`DELETE FROM ${current}`);
    await setUniqueness(tx, this.current, this.stream);
    const names = [...Object.values(airbyteColumns), ...columns].map(({ name }) => quoteIdentifier(name)).join(', ');
    await tx.query(`INSERT INTO ${current} (${names}) SELECT ${names} FROM ${next}`);
  }
}

async function setUniqueness(tx: Transaction, table: TableName, stream: ConfiguredStream): Promise<void> {
  const keys = findMergeKeys(stream);
  if (keys) await ensureUniqueIndex(tx, table, keys);
  else await dropUniqueIndex(tx, table);
}
