import type { StateKeeper } from '../state-keeper';
import { runAfter } from '../state-keeper';
import { openDatabase } from './database';
import { withoutState } from './ledger';
import { hasLedger, prepareSchema, readEntry, readHeld, writeEntry } from './ledger-table';
import { ensureTable, tableOf } from './table';

/**
 * The states of a schema's streams, as `_rollcall_streams` has them; changed in one transaction.
 * Errors: DestinationUnavailable, DestinationRefused.
 */
export function createPostgresStateKeeper({ url, schema }: { url: string; schema: string }): StateKeeper {
  const database = openDatabase(url, schema);
  const { place } = database;
  return {
    read: () => database.transaction(async (tx) => ((await hasLedger(tx, schema)) ? readHeld(tx, schema) : [])),
    change: (changes) =>
      database.transaction(async (tx) => {
        await prepareSchema(tx, schema, place);
        // In one order, so that two changes at once do not wait for each other.
        const names = Object.keys(changes).sort();
        for (const stream of names) {
          const state = changes[stream];
          // A state without its table is taken for one whose rows have been dropped.
          if (state) await ensureTable(tx, tableOf(schema, stream), stream, place);
          const held = await readEntry(tx, schema, stream, 'locked');
          await writeEntry(tx, schema, stream, {
            ...withoutState(held),
            run: runAfter(held.run),
            ...(state && { state }),
          });
        }
      }),
    close: () => database.close(),
  };
}
