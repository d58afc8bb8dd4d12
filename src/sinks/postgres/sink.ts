import { createSerialQueue, type RunExclusive } from '../../async';
import { countRecords } from '../../staging/segment';
import type { Staging } from '../../staging/staging';
import { DestinationUnavailable } from '../destination';
import { checkSequence, SequenceGap } from '../sequence';
import type { Delivery, Sink } from '../sink';
import { openDatabase, type Transaction } from './connection';
import { applyDeliveryToLedger, beginLedgerRun, deduplicatesRows, type LedgerEntry, omitState } from './ledger';
import { insertRunSummary, prepareSchema, readLedgerEntry, readStreamStates, writeLedgerEntry } from './ledger-table';
import { createGenerationTables, type LoadedRows, loadRows, mergeRows } from './load';
import { buildTableName, ensureTable, findRowKeys, isTableReady } from './stream-table';

export interface PostgresSinkOptions {
  /** `postgres://…`; see `openDatabase`. */
  url: string;
  /** Made when it is missing. */
  schema: string;
  staging: Staging;
}

/**
 * A sink that writes to tables of Postgres: one a stream, and beside them `_rollcall_streams`, where each stream stands,
 * and `_rollcall_runs`, what each run did. A step's rows, its state and its number are committed in one transaction: it
 * is taken exactly once, and after any failure not at all. Of two processes the one with the older step is refused.
 * Nothing is connected to before the first call.
 * Errors: DestinationUnavailable, DestinationRefused, StagingLost, StagingUnavailable, StaleDelivery, SequenceGap.
 */
export function createPostgresSink({ url, schema, staging }: PostgresSinkOptions): Sink {
  const database = openDatabase(url, schema);
  const { target } = database;
  const generations = createGenerationTables(schema, target);
  const turns = new Map<string, RunExclusive>();
  let prepared: Promise<void> | undefined;

  async function transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    try {
      prepared ??= database.runTransaction((tx) => prepareSchema(tx, schema, target));
      await prepared;
      return await database.runTransaction(work);
    } catch (error) {
      // Perhaps the schema has been dropped.
      prepared = undefined;
      throw error;
    }
  }

  /** Makes the stream's table before a step, unless the step has been taken. */
  async function prepareTable(tx: Transaction, delivery: Delivery): Promise<'next' | 'duplicate'> {
    const { name } = delivery.stream;
    const table = buildTableName(schema, name);
    const step = checkSequence(delivery, await readLedgerEntry(tx, schema, name));
    if (step === 'duplicate' || (await isTableReady(tx, table, name, target))) return step;
    const held = await readLedgerEntry(tx, schema, name, 'locked');
    if (await ensureTable(tx, table, name, target)) return step;
    if (held.run === delivery.run && !held.pending) throw new SequenceGap(delivery, 0);
    // With the rows has gone what the state stood for.
    await writeLedgerEntry(tx, schema, name, { ...omitState(held), complete: false });
    return step;
  }

  async function load(
    tx: Transaction,
    delivery: Delivery,
    begun: LedgerEntry,
    signal?: AbortSignal,
  ): Promise<LoadedRows | undefined> {
    const { stream, segments } = delivery;
    if (countRecords(segments) === 0) return undefined;
    const columns = await generations.readFieldColumns(tx, stream, begun);
    return loadRows(tx, delivery, {
      columns,
      keys: findRowKeys(stream.name),
      runNumber: begun.runNumber,
      staging,
      signal,
    });
  }

  async function write(tx: Transaction, delivery: Delivery, signal?: AbortSignal): Promise<void> {
    const { stream, run } = delivery;
    const seen = beginLedgerRun(await readLedgerEntry(tx, schema, stream.name), delivery);
    const rows = await load(tx, delivery, seen, signal);
    const held = await readLedgerEntry(tx, schema, stream.name, 'locked');
    if (checkSequence(delivery, held) === 'duplicate') return;
    const begun = beginLedgerRun(held, delivery);
    if (begun.runNumber !== seen.runNumber) {
      throw new DestinationUnavailable(
        target.label,
        `another run wrote ${stream.name} at the same time`,
        'Run the sync again.',
      );
    }
    if (held.run !== run) await generations.prepareRun(tx, stream);
    const entry = applyDeliveryToLedger(begun, delivery);
    if (rows) {
      const table = generations.selectTable(stream, begun);
      const columns = await generations.readFieldColumns(tx, stream, begun);
      const generation = begun.pending ? begun.generation + 1 : begun.generation;
      await mergeRows(
        tx,
        table,
        columns,
        rows,
        generation,
        deduplicatesRows(stream) ? findRowKeys(stream.name) : undefined,
      );
    }
    if (begun.pending && !entry.pending) await generations.finishRun(tx, stream, delivery.status === 'COMPLETE');
    await writeLedgerEntry(tx, schema, stream.name, entry);
  }

  async function take(delivery: Delivery, signal?: AbortSignal): Promise<void> {
    if ((await transaction((tx) => prepareTable(tx, delivery))) === 'duplicate') return;
    await transaction((tx) => write(tx, delivery, signal));
  }

  function turnOf(stream: string): RunExclusive {
    const turn = turns.get(stream) ?? createSerialQueue();
    turns.set(stream, turn);
    return turn;
  }

  /** Resolves when all steps that came before are done. */
  async function settle(): Promise<void> {
    await Promise.all([...turns.values()].map((turn) => turn(() => Promise.resolve())));
  }

  return {
    loadState: () => transaction((tx) => readStreamStates(tx, schema)),
    deliver: (delivery, signal) => turnOf(delivery.stream.name)(() => take(delivery, signal), signal),
    async writeSummary(summary) {
      await settle();
      await transaction((tx) => insertRunSummary(tx, schema, summary));
    },
    async close() {
      await settle();
      await database.close();
    },
  };
}
