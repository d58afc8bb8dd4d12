import type { RunSummary, StreamState } from '../../protocol';
import type { StoredState } from '../state-store';
import type { Transaction } from './connection';
import { DestinationRefused, type PostgresTarget } from './explain-error';
import { emptyLedgerEntry, type LedgerEntry } from './ledger';
import { quoteIdentifier, quoteQualifiedName } from './sql';
import { buildTableName, formatTableName } from './stream-table';

const streamsTable = '_rollcall_streams';
const runsTable = '_rollcall_runs';

/** json rather than jsonb: it keeps any character, and the order of keys. */
const tableDefinitions = {
  [streamsTable]: `(
    stream text PRIMARY KEY,
    run text NOT NULL,
    sequence bigint NOT NULL,
    runs bigint NOT NULL,
    generation bigint NOT NULL,
    complete boolean NOT NULL,
    state json,
    next json)`,
  [runsTable]: `(
    run text PRIMARY KEY,
    status text NOT NULL,
    verdict text NOT NULL,
    summary json NOT NULL)`,
};

/**
 * Makes the schema, and in it the tables that say what counts: `_rollcall_streams`, a row for each stream, and
 * `_rollcall_runs`, one for each run that has ended. Asks for no right that is not needed any more when all is there.
 */
export async function prepareSchema(tx: Transaction, schema: string, target: PostgresTarget): Promise<void> {
  // Of two processes that make the same thing at once, Postgres lets one fail.
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('rollcall ' || $1, 0))", [schema]);
  const { rows } = await tx.query<{ encoding: string; held: boolean }>(
    "SELECT current_setting('server_encoding') AS encoding, to_regnamespace($1) IS NOT NULL AS held",
    [quoteIdentifier(schema)],
  );
  const { encoding = '', held = false } = rows[0] ?? {};
  if (encoding !== 'UTF8') {
    const what = `the database has the encoding ${encoding}, which cannot represent all characters`;
    throw new DestinationRefused(target.label, what, "Create a database with ENCODING 'UTF8'.");
  }
  if (!held) await tx.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  for (const [name, definition] of Object.entries(tableDefinitions)) {
    const table = quoteQualifiedName(schema, name);
    const found = await tx.query<{ held: boolean }>('SELECT to_regclass($1) IS NOT NULL AS held', [table]);
    if (!found.rows[0]?.held) await tx.query(`CREATE TABLE ${table} ${definition}`);
  }
}

interface StreamRow {
  stream: string;
  run: string;
  /** bigint, which pg gives as text. */
  sequence: string;
  runs: string;
  generation: string;
  complete: boolean;
  state: StreamState | null;
  next: { state?: StreamState } | null;
}

/** How a stream stands; when `locked`, nobody else changes it before the transaction ends. */
export async function readLedgerEntry(
  tx: Transaction,
  schema: string,
  stream: string,
  lock?: 'locked',
): Promise<LedgerEntry> {
  const table = quoteQualifiedName(schema, streamsTable);
  if (lock) {
    const { run, sequence, runNumber, generation, complete } = emptyLedgerEntry;
    await tx.query(
      `INSERT INTO ${table} (stream, run, sequence, runs, generation, complete)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [stream, run, sequence, runNumber, generation, complete],
    );
  }
  const sql = `SELECT * FROM ${table} WHERE stream = $1 ${lock ? 'FOR UPDATE' : ''}`;
  const { rows } = await tx.query<StreamRow>(sql, [stream]);
  return rows[0] ? toLedgerEntry(rows[0]) : emptyLedgerEntry;
}

function toLedgerEntry({ run, sequence, runs, generation, complete, state, next: pending }: StreamRow): LedgerEntry {
  return {
    run,
    sequence: Number(sequence),
    runNumber: Number(runs),
    generation: Number(generation),
    complete,
    ...(state && { state }),
    ...(pending && { pending }),
  };
}

export async function writeLedgerEntry(
  tx: Transaction,
  schema: string,
  stream: string,
  entry: LedgerEntry,
): Promise<void> {
  const { run, sequence, runNumber, generation, complete, state, pending } = entry;
  await tx.query(
    `UPDATE ${quoteQualifiedName(schema, streamsTable)}
     SET run = $2, sequence = $3, runs = $4, generation = $5, complete = $6, state = $7, next = $8 WHERE stream = $1`,
    [stream, run, sequence, runNumber, generation, complete, toJsonText(state), toJsonText(pending)],
  );
}

function toJsonText(value: object | undefined): string | null {
  return value ? JSON.stringify(value) : null;
}

/** Whether anything was ever copied into the schema. */
export async function ledgerExists(tx: Transaction, schema: string): Promise<boolean> {
  const table = quoteQualifiedName(schema, streamsTable);
  const { rows } = await tx.query<{ held: boolean }>('SELECT to_regclass($1) IS NOT NULL AS held', [table]);
  return rows[0]?.held === true;
}

/** Where all streams stand, in the order of their names. */
export async function readStoredStates(tx: Transaction, schema: string): Promise<StoredState[]> {
  const states = await readStreamStates(tx, schema);
  const sql = `SELECT stream, run FROM ${quoteQualifiedName(schema, streamsTable)} ORDER BY stream`;
  const { rows } = await tx.query<Pick<StreamRow, 'stream' | 'run'>>(sql);
  return rows.map(({ stream, run }) => {
    const state = states[stream];
    return { stream, run, ...(state && { state }) };
  });
}

/** The state of each stream whose table is there: what was dropped has to be read from the beginning. */
export async function readStreamStates(tx: Transaction, schema: string): Promise<Record<string, StreamState>> {
  const sql = `SELECT stream, state FROM ${quoteQualifiedName(schema, streamsTable)} WHERE state IS NOT NULL`;
  const { rows } = await tx.query<Pick<StreamRow, 'stream'> & { state: StreamState }>(sql);
  const states: Record<string, StreamState> = {};
  for (const { stream, state } of rows) {
    const table = formatTableName(buildTableName(schema, stream));
    const found = await tx.query<{ held: boolean }>('SELECT to_regclass($1) IS NOT NULL AS held', [table]);
    if (found.rows[0]?.held) states[stream] = state;
  }
  return states;
}

/** Notes a run that has ended, unless it or a later one is noted. */
export async function insertRunSummary(tx: Transaction, schema: string, summary: RunSummary): Promise<void> {
  const table = quoteQualifiedName(schema, runsTable);
  const { run, status, verdict } = summary;
  await tx.query(
    `INSERT INTO ${table} (run, status, verdict, summary)
     SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM ${table} WHERE run COLLATE "C" >= $1) ON CONFLICT DO NOTHING`,
    [run, status, verdict, JSON.stringify(summary)],
  );
}
