import { recordsIn } from '../../staging/segment';
import type { Staging } from '../../staging/staging';
import { DestinationUnavailable } from '../destination';
import { placeStep, StepsMissing } from '../fence';
import type { Delivery, Sink } from '../sink';
import { createTurns, type TakeTurn } from '../turns';
import { openDatabase, type Transaction } from './database';
import { createGenerations } from './generations';
import { beginRun, dedups, takeStep, withoutState, type LedgerEntry } from './ledger';
import { prepareSchema, readEntry, readStates, writeEntry, writeSummary } from './ledger-table';
import { loadRows, mergeRows, type Load } from './load';
import { ensureTable, isTableReady, keysOf, tableOf } from './table';

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
 * Errors: DestinationUnavailable, DestinationRefused, StagingLost, StagingUnavailable, StaleDelivery, StepsMissing.
 */
export function createPostgresSink({ url, schema, staging }: PostgresSinkOptions): Sink {
  const database = openDatabase(url, schema);
  const { place } = database;
  const generations = createGenerations(schema, place);
  const turns = new Map<string, TakeTurn>();
  let prepared: Promise<void> | undefined;

  async function transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    try {
      prepared ??= database.transaction((tx) => prepareSchema(tx, schema, place));
      await prepared;
      return await database.transaction(work);
    } catch (error) {
      // Perhaps the schema has been dropped.
      prepared = undefined;
      throw error;
    }
  }

  /** Makes the stream's table before a step, unless the step has been taken. */
  async function prepareTable(tx: Transaction, delivery: Delivery): Promise<'next' | 'taken'> {
    const { name } = delivery.stream;
    const table = tableOf(schema, name);
    const step = placeStep(delivery, await readEntry(tx, schema, name));
    if (step === 'taken' || (await isTableReady(tx, table, name, place))) return step;
    const held = await readEntry(tx, schema, name, 'locked');
    if (await ensureTable(tx, table, name, place)) return step;
    if (held.run === delivery.run && !held.next) throw new StepsMissing(delivery, 0);
    // With the rows has gone what the state stood for.
    await writeEntry(tx, schema, name, { ...withoutState(held), complete: false });
    return step;
  }

  async function load(
    tx: Transaction,
    delivery: Delivery,
    begun: LedgerEntry,
    signal?: AbortSignal,
  ): Promise<Load | undefined> {
    const { stream, segments } = delivery;
    if (recordsIn(segments) === 0) return undefined;
    const columns = await generations.columns(tx, stream, begun);
    return loadRows(tx, delivery, { columns, keys: keysOf(stream.name), runs: begun.runs, staging, signal });
  }

  async function write(tx: Transaction, delivery: Delivery, signal?: AbortSignal): Promise<void> {
    const { stream, run } = delivery;
    const seen = beginRun(await readEntry(tx, schema, stream.name), delivery);
    const rows = await load(tx, delivery, seen, signal);
    const held = await readEntry(tx, schema, stream.name, 'locked');
    if (placeStep(delivery, held) === 'taken') return;
    const begun = beginRun(held, delivery);
    if (begun.runs !== seen.runs) {
      throw new DestinationUnavailable(place.name, `another run wrote ${stream.name} meanwhile`, 'Run the sync again.');
    }
    if (held.run !== run) await generations.begin(tx, stream);
    const entry = takeStep(begun, delivery);
    if (rows) {
      const table = generations.table(stream, begun);
      const columns = await generations.columns(tx, stream, begun);
      const generation = begun.next ? begun.generation + 1 : begun.generation;
      await mergeRows(tx, table, columns, rows, generation, dedups(stream) ? keysOf(stream.name) : undefined);
    }
    if (begun.next && !entry.next) await generations.end(tx, stream, delivery.status === 'COMPLETE');
    await writeEntry(tx, schema, stream.name, entry);
  }

  async function take(delivery: Delivery, signal?: AbortSignal): Promise<void> {
    if ((await transaction((tx) => prepareTable(tx, delivery))) === 'taken') return;
    await transaction((tx) => write(tx, delivery, signal));
  }

  function turnOf(stream: string): TakeTurn {
    const turn = turns.get(stream) ?? createTurns();
    turns.set(stream, turn);
    return turn;
  }

  /** Resolves when all steps that came before are done. */
  async function settle(): Promise<void> {
    await Promise.all([...turns.values()].map((turn) => turn(() => Promise.resolve())));
  }

  return {
    loadState: () => transaction((tx) => readStates(tx, schema)),
    deliver: (delivery, signal) => turnOf(delivery.stream.name)(() => take(delivery, signal), signal),
    async conclude(summary) {
      await settle();
      await transaction((tx) => writeSummary(tx, schema, summary));
    },
    async close() {
      await settle();
      await database.close();
    },
  };
}
