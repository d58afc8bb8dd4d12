import type { StateStore } from '../sink';
import { replaceState } from '../stream-ledger';
import { openDatabase } from './connection';
import { prepareSchema, readLedger, readStoredStates, writeLedger } from './ledger-table';
import { ensureTable } from './stream-table';

/**
 * The states of a Postgres destination: the rows of `_rollcall_streams`. An update is one transaction.
 * Errors: DestinationUnavailable, DestinationRefused.
 */
export function createPostgresStateStore({ url, schema }: { url: string; schema: string }): StateStore {
  const database = openDatabase(url, schema);
  const { target } = database;
  return {
    read: () => database.runTransaction((tx) => readStoredStates(tx, schema)),
    update: (changes) =>
      database.runTransaction(async (tx) => {
        await prepareSchema(tx, schema, target);
        // The same order in all sessions, or two updates could wait for each other.
        for (const stream of Object.keys(changes).sort()) {
          const state = changes[stream] ?? null;
          // Without its table, the state would be one whose rows were dropped. The next delivery adds the columns.
          if (state) await ensureTable(tx, { schema, name: stream }, [], target);
          const stored = await readLedger(tx, schema, stream, 'locked');
          await writeLedger(tx, schema, stream, replaceState(stored, state));
        }
      }),
    close: () => database.close(),
  };
}
