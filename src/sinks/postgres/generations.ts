import type { ConfiguredStream } from '../sink';
import type { Column } from './column';
import type { Transaction } from './database';
import { quoted } from './identifier';
import { dedups, overwrites, type LedgerEntry } from './ledger';
import {
  addColumns,
  createLike,
  dropUnique,
  ensureUnique,
  keysOf,
  nextTableOf,
  readColumns,
  sqlOf,
  tableOf,
  type Table,
} from './table';
import type { Place } from './trouble';
import { airbyteColumns } from './column';

/** The tables that a stream's rows go to, run after run. */
export interface Generations {
  /** Where the rows of a run go. */
  table(stream: ConfiguredStream, entry: LedgerEntry): Table;
  /** The columns of fields that are there, or will be when the run has begun. */
  columns(tx: Transaction, stream: ConfiguredStream, entry: LedgerEntry): Promise<Column[]>;
  /** Makes ready for a run's rows. */
  begin(tx: Transaction, stream: ConfiguredStream): Promise<void>;
  /** Ends an overwriting run: its rows take the place of the ones before, or are dropped. */
  end(tx: Transaction, stream: ConfiguredStream, complete: boolean): Promise<void>;
}

/**
 * An overwriting run builds its rows in a table beside, and moves them within the transaction of its last step. The
 * stream's table itself stays, and with it views, rights and indexes; its readers see the old rows or the new ones,
 * whatever their isolation level, and wait for nothing.
 */
export function createGenerations(schema: string, place: Place): Generations {
  const namesOf = (columns: readonly Column[]): string =>
    [...Object.values(airbyteColumns), ...columns].map(({ name }) => quoted(name)).join(', ');

  async function setUnique(tx: Transaction, table: Table, stream: ConfiguredStream): Promise<void> {
    if (dedups(stream)) await ensureUnique(tx, table, keysOf(stream.name));
    else await dropUnique(tx, table);
  }

  async function replace(tx: Transaction, stream: ConfiguredStream, table: Table, next: Table): Promise<void> {
    const held = (await readColumns(tx, table, place)) ?? [];
    const columns = ((await readColumns(tx, next, place)) ?? []).filter(({ type }) => type !== 'other');
    await addColumns(
      tx,
      table,
      columns.filter(({ name }) => !held.some((each) => each.name === name)),
    );
    await tx.query(`DELETE FROM ${sqlOf(table)}`);
    await setUnique(tx, table, stream);
    const names = namesOf(columns);
    await tx.query(`INSERT INTO ${sqlOf(table)} (${names}) SELECT ${names} FROM ${sqlOf(next)}`);
  }

  const tableFor = ({ name }: ConfiguredStream, { next }: LedgerEntry): Table =>
    next ? nextTableOf(schema, name) : tableOf(schema, name);

  return {
    table: tableFor,
    async columns(tx, stream, entry) {
      const columns = await readColumns(tx, tableFor(stream, entry), place);
      return columns ?? (await readColumns(tx, tableOf(schema, stream.name), place)) ?? [];
    },
    async begin(tx, stream) {
      const [table, next] = [tableOf(schema, stream.name), nextTableOf(schema, stream.name)];
      await tx.query(`DROP TABLE IF EXISTS ${sqlOf(next)}`);
      if (!overwrites(stream)) return setUnique(tx, table, stream);
      await createLike(tx, next, table);
      await setUnique(tx, next, stream);
    },
    async end(tx, stream, complete) {
      const next = nextTableOf(schema, stream.name);
      if (complete) await replace(tx, stream, tableOf(schema, stream.name), next);
      await tx.query(`DROP TABLE ${sqlOf(next)}`);
    },
  };
}
