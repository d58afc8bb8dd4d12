import type { StateStore } from '../state-store';
import { buildSupersedingRunId } from '../state-store';
import { openDatabase } from './connection';
import { omitState } from './ledger';
import { ledgerExists, prepareSchema, readLedgerEntry, readStoredStates, writeLedgerEntry } from './ledger-table';
import { ensureTable, buildTableName } from './stream-table';

/**
 * The states of a schema's streams, as `_rollcall_streams` has them; changed in one transaction.
 * Errors: DestinationUnavailable, DestinationRefused.
 */
export function createPostgresStateStore({ url, schema }: { url: string; schema: string }): StateStore {
  const database = openDatabase(url, schema);
  const { target } = database;
  return {
    read: () =>
      database.runTransaction(async (tx) => ((await ledgerExists(tx, schema)) ? readStoredStates(tx, schema) : [])),
    update: (changes) =>
      database.runTransaction(async (tx) => {
        await prepareSchema(tx, schema, target);
        // In one order, so that two changes at once do not wait for each other.
        const names = Object.keys(changes).sort();
        for (const stream of names) {
          const state = changes[stream];
          // A state without its table is taken for one whose rows have been dropped.
          if (state) await ensureTable(tx, buildTableName(schema, stream), stream, target);
          const held = await readLedgerEntry(tx, schema, stream, 'locked');
          await writeLedgerEntry(tx, schema, stream, {
            ...omitState(held),
            run: buildSupersedingRunId(held.run),
            ...(state && { state }),
          });
        }
      }),
    close: () => database.close(),
  };
}
