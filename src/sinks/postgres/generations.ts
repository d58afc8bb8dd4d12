import type { ConfiguredStream } from '../sink';
import type { TableColumn } from './column';
import type { Transaction } from './database';
import { quoteIdentifier } from './identifier';
import { deduplicatesRows, replacesExistingRows, type LedgerEntry } from './ledger';
import {
  addColumns,
  createTableLike,
  dropUniqueIndex,
  ensureUniqueIndex,
  findRowKeys,
  buildNextTableName,
  readColumns,
  formatTableName,
  buildTableName,
  type TableName,
} from './table';
import type { PostgresTarget } from './trouble';
import { airbyteColumns } from './column';

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
