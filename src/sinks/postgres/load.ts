import { from as copyFrom } from 'pg-copy-streams';
import { once } from 'node:events';
import type { ConfiguredStream } from '../../protocol';
import type { Staging } from '../../staging/staging';
import type { Delivery } from '../sink';
import type { Transaction } from './connection';
import type { PostgresTarget } from './explain-error';
import { deduplicatesRows, type LedgerEntry, replacesExistingRows } from './ledger';
import { airbyteColumns, createRowEncoder, type TableColumn } from './row-encoder';
import { escapeText, quoteIdentifier, quoteLiteral, toColumnName } from './sql';
import {
  addColumns,
  addFieldColumns,
  buildNextTableName,
  buildTableName,
  createTableLike,
  deleteOlderRows,
  dropUniqueIndex,
  ensureUniqueIndex,
  findRowKeys,
  formatTableName,
  readColumns,
  type RowKeys,
  type TableName,
} from './stream-table';

/** The rows of a step in a table of the transaction's own. */
export interface LoadedRows {
  /** `_airbyte_meta` of rows that have none of their own. */
  defaultMeta: object;
  /** Columns of fields that the rows were brought to. */
  columns: readonly TableColumn[];
  /** Fields that have no column yet, or not all of them when they are very many. */
  undeclaredFields: ReadonlySet<string>;
}

export interface LoadOptions {
  /** Columns of fields that the stream's table has. */
  columns: readonly TableColumn[];
  keys: RowKeys;
  /** Number of the run among those of the stream. */
  runNumber: number;
  staging: Staging;
  /** Between two reads of staging, breaks off. */
  signal?: AbortSignal | undefined;
}

const loadTable = 'pg_temp._rollcall_step';
const extraColumn = '_rollcall_extra';
const { rawId, extractedAt, meta, generationId } = airbyteColumns;

/**
 * Brings a step's rows to the server, by COPY, without holding more than a piece of a segment. No lock is taken that
 * anybody waits for, however long it lasts.
 */
export async function loadRows(tx: Transaction, delivery: Delivery, options: LoadOptions): Promise<LoadedRows> {
  const { columns, keys, runNumber, staging, signal } = options;
  const { sequence, segments, stream } = delivery;
  const definitions = [rawId, extractedAt, meta, { name: extraColumn, type: 'jsonb' }, ...columns].map(
    // What Rollcall does not write, it leaves empty.
    ({ name, type }) => `${quoteIdentifier(name)} ${type === 'other' ? 'text' : type}`,
  );
  await tx.query(`CREATE TEMPORARY TABLE _rollcall_step (${definitions.join(', ')}) ON COMMIT DROP`);
  const encoder = createRowEncoder({
    columns,
    keys: new Set(keys.primary),
    runNumber,
    sequence,
    ...(stream.syncId !== undefined && { syncId: stream.syncId }),
  });
  async function* rows(): AsyncGenerator<string, void> {
    for (const segment of segments) {
      for await (const lines of staging.readLines(segment)) {
        signal?.throwIfAborted();
        yield encoder.encode(lines);
      }
    }
  }
  await copyRows(tx, rows());
  return { columns, defaultMeta: encoder.defaultMeta, undeclaredFields: encoder.undeclaredFields };
}

/** Rows that may wait to be sent, bytes: enough that encoding and sending need not wait for each other. */
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

/**
 * Adds loaded rows to a table, which gets columns for fields that are new; fields for which it has no room stay under
 * `originals` in `_airbyte_meta`.
 * @param columns those of fields in the table
 * @param unique by which a row takes the place of the older version of the same object; without, all rows are added
 */
export async function mergeRows(
  tx: Transaction,
  table: TableName,
  columns: readonly TableColumn[],
  loaded: LoadedRows,
  generation: number,
  unique: RowKeys | undefined,
): Promise<void> {
  // Loaded by what another table or another process had.
  const lacking = loaded.columns.filter(({ name, type }) => type !== 'other' && !hasColumn(columns, name));
  await addColumns(tx, table, lacking);
  const added = await addFieldColumns(tx, table, [...columns, ...lacking], loaded.undeclaredFields);
  const all = [...columns, ...lacking, ...added];
  const placed = [...loaded.undeclaredFields].filter((field) => hasColumn(all, toColumnName(field))).map(escapeText);
  const valueOf = ({ name }: TableColumn): string => {
    if (hasColumn(loaded.columns, name)) return quoteIdentifier(name);
    const field = [...loaded.undeclaredFields].find((each) => toColumnName(each) === name);
    return field === undefined ? 'NULL' : `${quoteIdentifier(extraColumn)} -> ${quoteLiteral(escapeText(field))}`;
  };
  const sources: [string, string][] = [
    [rawId.name, quoteIdentifier(rawId.name)],
    [extractedAt.name, quoteIdentifier(extractedAt.name)],
    [meta.name, buildMetaExpression(loaded, placed)],
    [generationId.name, String(generation)],
    ...all.filter(({ type }) => type !== 'other').map<[string, string]>((each) => [each.name, valueOf(each)]),
  ];
  if (unique) await deleteOlderRows(tx, loadTable, unique);
  const names = sources.map(([name]) => quoteIdentifier(name));
  const values = sources.map(([, value]) => value).join(', ');
  await tx.query(
    `INSERT INTO ${formatTableName(table)} AS held (${names.join(', ')}) SELECT ${values} FROM ${loadTable} ${unique ? buildConflictClause(unique, names) : ''}`,
  );
}

function hasColumn(columns: readonly TableColumn[], name: string): boolean {
  return columns.some((each) => each.name === name);
}

/** A row's meta, with the fields that have no column but those given. */
function buildMetaExpression({ defaultMeta, undeclaredFields }: LoadedRows, storedFields: readonly string[]): string {
  const own = `coalesce(${quoteIdentifier(meta.name)}, ${quoteLiteral(JSON.stringify(defaultMeta))}::jsonb)`;
  if (undeclaredFields.size === 0) return own;
  const left = `${quoteIdentifier(extraColumn)} - ARRAY[${storedFields.map(quoteLiteral).join(', ')}]::text[]`;
  const originals = `coalesce(${quoteIdentifier(meta.name)} -> 'originals', '{}') || (${left})`;
  return `CASE WHEN ${left} <> '{}' THEN ${own} || jsonb_build_object('originals', ${originals}) ELSE ${own} END`;
}

/** Of two versions the one of the later cursor stays; where that does not tell, the one that came last. */
function buildConflictClause({ primary, cursor }: RowKeys, names: readonly string[]): string {
  const assignments = names.map((name) => `${name} = excluded.${name}`).join(', ');
  const older =
    cursor === undefined
      ? ''
      : `WHERE (held.${quoteIdentifier(cursor)} > excluded.${quoteIdentifier(cursor)}) IS NOT TRUE`;
  return `ON CONFLICT (${primary.map(quoteIdentifier).join(', ')}) DO UPDATE SET ${assignments} ${older}`;
}

/** The tables that a stream's rows go to, run after run. */
export interface GenerationTables {
  /** Where the rows of a run go. */
  selectTable(stream: ConfiguredStream, entry: LedgerEntry): TableName;
  /** The columns of fields that are there, or will be when the run has begun. */
  readFieldColumns(tx: Transaction, stream: ConfiguredStream, entry: LedgerEntry): Promise<TableColumn[]>;
  /** Makes ready for a run's rows. */
  prepareRun(tx: Transaction, stream: ConfiguredStream): Promise<void>;
  /** Ends an overwriting run: its rows take the place of the ones before, or are dropped. */
  finishRun(tx: Transaction, stream: ConfiguredStream, complete: boolean): Promise<void>;
}

/**
 * An overwriting run builds its rows in a table beside, and moves them within the transaction of its last step. The
 * stream's table itself stays, and with it views, rights and indexes; its readers see the old rows or the new ones,
 * whatever their isolation level, and wait for nothing.
 */
export function createGenerationTables(schema: string, target: PostgresTarget): GenerationTables {
  const namesOf = (columns: readonly TableColumn[]): string =>
    [...Object.values(airbyteColumns), ...columns].map(({ name }) => quoteIdentifier(name)).join(', ');

  async function setUnique(tx: Transaction, table: TableName, stream: ConfiguredStream): Promise<void> {
    if (deduplicatesRows(stream)) await ensureUniqueIndex(tx, table, findRowKeys(stream.name));
    else await dropUniqueIndex(tx, table);
  }

  async function replace(tx: Transaction, stream: ConfiguredStream, table: TableName, next: TableName): Promise<void> {
    const held = (await readColumns(tx, table, target)) ?? [];
    const columns = ((await readColumns(tx, next, target)) ?? []).filter(({ type }) => type !== 'other');
    await addColumns(
      tx,
      table,
      columns.filter(({ name }) => !held.some((each) => each.name === name)),
    );
    await tx.query(`DELETE FROM ${formatTableName(table)}`);
    await setUnique(tx, table, stream);
    const names = namesOf(columns);
    await tx.query(`INSERT INTO ${formatTableName(table)} (${names}) SELECT ${names} FROM ${formatTableName(next)}`);
  }

  const tableFor = ({ name }: ConfiguredStream, { pending }: LedgerEntry): TableName =>
    pending ? buildNextTableName(schema, name) : buildTableName(schema, name);

  return {
    selectTable: tableFor,
    async readFieldColumns(tx, stream, entry) {
      const columns = await readColumns(tx, tableFor(stream, entry), target);
      return columns ?? (await readColumns(tx, buildTableName(schema, stream.name), target)) ?? [];
    },
    async prepareRun(tx, stream) {
      const [table, next] = [buildTableName(schema, stream.name), buildNextTableName(schema, stream.name)];
      await tx.query(`DROP TABLE IF EXISTS ${formatTableName(next)}`);
      if (!replacesExistingRows(stream)) return setUnique(tx, table, stream);
      await createTableLike(tx, next, table);
      await setUnique(tx, next, stream);
    },
    async finishRun(tx, stream, complete) {
      const next = buildNextTableName(schema, stream.name);
      if (complete) await replace(tx, stream, buildTableName(schema, stream.name), next);
      await tx.query(`DROP TABLE ${formatTableName(next)}`);
    },
  };
}
