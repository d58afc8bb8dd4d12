import { createSerialQueue, type RunExclusive } from '../../async';
import type { RunSummary, StreamState } from '../../protocol';
import { countRecords } from '../../staging/segment';
import type { Staging } from '../../staging/staging';
import { beginRun, checkSequence, SequenceGap, takeDelivery } from '../stream-ledger';
import { type Delivery, DestinationUnavailable, type Sink } from '../sink';
import { type Database, openDatabase, type Transaction } from './connection';
import { insertRunSummary, prepareSchema, readLedger, readStoredStates, writeLedger } from './ledger-table';
import { type LoadedRows, loadRows, StreamTables } from './load';
import { ensureTable, listDeclaredColumns, readColumns, selectMissing } from './stream-table';

/**
 * A sink that writes to Postgres: a table for each stream, `_rollcall_streams` with the ledgers, and `_rollcall_runs` with
 * the summaries. The rows of a delivery, its state and its sequence number are committed in one transaction, so each
 * delivery takes effect exactly once. Of two processes, the one with the older delivery is refused.
 * The first call connects.
 * Errors: DestinationUnavailable, DestinationRefused, StagingLost, StagingUnavailable, StaleDelivery, SequenceGap.
 * @param options `url`: see `openDatabase`; `schema` is created when it is missing
 */
export function createPostgresSink(options: { url: string; schema: string; staging: Staging }): Sink {
  const { url, schema, staging } = options;
  return new PostgresSink(openDatabase(url, schema), schema, staging);
}

class PostgresSink implements Sink {
  /** Deliveries of a stream are written one at a time; streams do not wait for each other. */
  private readonly queues = new Map<string, RunExclusive>();
  private prepared: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly schema: string,
    private readonly staging: Staging,
  ) {}

  async loadState(): Promise<Record<string, StreamState>> {
    const stored = await this.runTransaction((tx) => readStoredStates(tx, this.schema));
    return Object.fromEntries(stored.flatMap(({ stream, state }) => (state ? [[stream, state]] : [])));
  }

  deliver(delivery: Delivery, signal?: AbortSignal): Promise<void> {
    const runExclusive = this.getQueue(delivery.stream.name);
    return runExclusive(() => this.writeDelivery(delivery, signal), signal);
  }

  async writeSummary(summary: RunSummary): Promise<void> {
    await this.drainQueues();
    await this.runTransaction((tx) => insertRunSummary(tx, this.schema, summary));
  }

  async close(): Promise<void> {
    await this.drainQueues();
    await this.database.close();
  }

  private getQueue(stream: string): RunExclusive {
    const queue = this.queues.get(stream) ?? createSerialQueue();
    this.queues.set(stream, queue);
    return queue;
  }

  private async drainQueues(): Promise<void> {
    await Promise.all([...this.queues.values()].map((runExclusive) => runExclusive(() => Promise.resolve())));
  }

  private async runTransaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const { database, schema } = this;
    try {
      this.prepared ??= database.runTransaction((tx) => prepareSchema(tx, schema, database.target));
      await this.prepared;
      return await database.runTransaction(work);
    } catch (error) {
      // The schema may have been dropped.
      this.prepared = undefined;
      throw error;
    }
  }

  private async writeDelivery(delivery: Delivery, signal?: AbortSignal): Promise<void> {
    if ((await this.runTransaction((tx) => this.prepareTable(tx, delivery))) === 'duplicate') return;
    await this.runTransaction((tx) => this.commitDelivery(tx, delivery, signal));
  }

  /** Creates what is missing of the stream's table, unless the delivery has been taken. */
  private async prepareTable(tx: Transaction, delivery: Delivery): Promise<'next' | 'duplicate'> {
    const { stream, run } = delivery;
    const { target } = this.database;
    const table = { schema: this.schema, name: stream.name };
    const columns = listDeclaredColumns(stream);
    const order = checkSequence(delivery, await readLedger(tx, this.schema, stream.name));
    if (order === 'duplicate') return order;
    const present = await readColumns(tx, table, target);
    if (present && selectMissing(columns, present).length === 0) return order;
    const ledger = await readLedger(tx, this.schema, stream.name, 'locked');
    if (await ensureTable(tx, table, columns, target)) return order;
    if (ledger.run === run && !ledger.pending) throw new SequenceGap(delivery, 0);
    // The table was dropped, so the state no longer has its rows.
    await writeLedger(tx, this.schema, stream.name, { ...ledger, current: {}, complete: false });
    return order;
  }

  /**
   * Loads the rows before it locks the stream's ledger: a stopped process then blocks no other one.
   * The ledger is read again under the lock.
   */
  private async commitDelivery(tx: Transaction, delivery: Delivery, signal?: AbortSignal): Promise<void> {
    const { stream, run, segments, status } = delivery;
    const tables = new StreamTables(this.schema, stream, this.database.target);
    const initial = beginRun(await readLedger(tx, this.schema, stream.name), delivery, {});
    const { runNumber } = initial;
    let rows: LoadedRows | undefined;
    if (countRecords(segments) > 0) {
      const columns = await tables.readFieldColumns(tx, initial);
      rows = await loadRows(tx, delivery, { columns, runNumber, staging: this.staging, signal });
    }
    const stored = await readLedger(tx, this.schema, stream.name, 'locked');
    if (checkSequence(delivery, stored) === 'duplicate') return;
    const started = beginRun(stored, delivery, {});
    if (started.runNumber !== runNumber) {
      const what = `another run wrote ${stream.name} at the same time`;
      throw new DestinationUnavailable(this.database.target.label, what, 'Run the sync again.');
    }
    if (stored.run !== run) await tables.prepareRun(tx);
    const taken = takeDelivery(started, delivery);
    if (rows) await tables.mergeRows(tx, rows, started);
    if (started.pending && !taken.pending) await tables.finishRun(tx, status === 'COMPLETE');
    await writeLedger(tx, this.schema, stream.name, taken);
  }
}
