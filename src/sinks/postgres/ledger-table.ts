import type { RunSummary, StreamState } from '../../protocol';
import type { StoredState } from '../sink';
import { createLedger, type Ledger, type LedgerContent } from '../stream-ledger';
import type { Transaction } from './connection';
import { DestinationRefused, type PostgresTarget } from './explain-error';
import { formatTableName, quoteIdentifier } from './sql';
import { relationExists } from './stream-table';

const streamsTable = '_rollcall_streams';
const runsTable = '_rollcall_runs';

/** `json` instead of `jsonb`: it keeps every character and the order of keys. */
const tableDefinitions = {
  [streamsTable]: `(
    stream text PRIMARY KEY,
    run text NOT NULL,
    sequence bigint NOT NULL,
    run_number bigint NOT NULL,
    generation bigint NOT NULL,
    complete boolean NOT NULL,
    state json,
    pending json)`,
  [runsTable]: `(
    run text PRIMARY KEY,
    status text NOT NULL,
    verdict text NOT NULL,
    summary json NOT NULL)`,
};

/**
 * Creates what is missing of the schema and its internal tables: `_rollcall_streams` with one row for each stream, and
 * `_rollcall_runs` with one for each finished run. Needs no right to create when nothing is missing.
 */
export async function prepareSchema(tx: Transaction, schema: string, target: PostgresTarget): Promise<void> {
  // When two sessions create the same object at once, Postgres fails one of them.
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('rollcall ' || $1, 0))", [schema]);
  const { rows } = await tx.query<{ encoding: string; exists: boolean }>(
    "SELECT current_setting('server_encoding') AS encoding, to_regnamespace($1) IS NOT NULL AS exists",
    [quoteIdentifier(schema)],
  );
  checkEncoding(rows[0]?.encoding, target);
  if (!rows[0]?.exists) await tx.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  for (const [name, definition] of Object.entries(tableDefinitions)) {
    if (await relationExists(tx, { schema, name })) continue;
    await tx.query(`CREATE TABLE ${formatTableName({ schema, name })} ${definition}`);
  }
}

/** @throws DestinationRefused when the database cannot store every character */
export function checkEncoding(encoding: string | undefined, target: PostgresTarget): void {
  if (encoding === 'UTF8') return;
  const what = `the database has the encoding ${encoding}, which cannot represent all characters`;
  throw new DestinationRefused(target.label, what, "Create a database with ENCODING 'UTF8'.");
}

interface StreamRow {
  stream: string;
  run: string;
  /** bigint, which pg returns as text. */
  sequence: string;
  run_number: string;
  generation: string;
  complete: boolean;
  state: StreamState | null;
  pending: LedgerContent | null;
}

/** Reads the ledger of a stream. `locked`: no other session changes it before the transaction ends. */
export async function readLedger(
  tx: Transaction,
  schema: string,
  stream: string,
  lock?: 'locked',
): Promise<Ledger<LedgerContent>> {
  const table = formatTableName({ schema, name: streamsTable });
  const unwritten = createLedger<LedgerContent>({});
  if (lock) {
    const { run, sequence, runNumber, generation, complete } = unwritten;
    await tx.query(
      `INSERT INTO ${table} (stream, run, sequence, run_number, generation, complete)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [stream, run, sequence, runNumber, generation, complete],
    );
  }
  const sql = `SELECT * FROM ${table} WHERE stream = $1 ${lock ? 'FOR UPDATE' : ''}`;
  const { rows } = await tx.query<StreamRow>(sql, [stream]);
  if (!rows[0]) return unwritten;
  const { run, sequence, run_number, generation, complete, state, pending } = rows[0];
  return {
    run,
    sequence: Number(sequence),
    runNumber: Number(run_number),
    generation: Number(generation),
    complete,
    current: state ? { state } : {},
    ...(pending && { pending }),
  };
}

/** Overwrites the ledger of a stream, which the transaction has locked. */
export async function writeLedger(
  tx: Transaction,
  schema: string,
  stream: string,
  ledger: Ledger<LedgerContent>,
): Promise<void> {
  const { run, sequence, runNumber, generation, complete, current, pending } = ledger;
  const [state, pendingText] = [current.state, pending].map((value) => (value ? JSON.stringify(value) : null));
  await tx.query(
    `UPDATE ${formatTableName({ schema, name: streamsTable })}
     SET run = $2, sequence = $3, run_number = $4, generation = $5, complete = $6, state = $7, pending = $8
     WHERE stream = $1`,
    [stream, run, sequence, runNumber, generation, complete, state, pendingText],
  );
}

/** Reads all streams, sorted by name. A state counts only while the stream's table exists: its rows are gone otherwise. */
export async function readStoredStates(tx: Transaction, schema: string): Promise<StoredState[]> {
  if (!(await relationExists(tx, { schema, name: streamsTable }))) return [];
  const { rows } = await tx.query<Pick<StreamRow, 'stream' | 'run' | 'state'>>(
    `SELECT stream, run, CASE WHEN to_regclass(format('%I.%I', $1::text, stream)) IS NOT NULL THEN state END AS state
     FROM ${formatTableName({ schema, name: streamsTable })} ORDER BY stream`,
    [schema],
  );
  return rows.map(({ stream, run, state }) => ({ stream, run, ...(state && { state }) }));
}

/** Inserts the summary of a finished run, unless the table has a summary of this run or of a later one. */
export async function insertRunSummary(tx: Transaction, schema: string, summary: RunSummary): Promise<void> {
  const table = formatTableName({ schema, name: runsTable });
  const { run, status, verdict } = summary;
  await tx.query(
    `INSERT INTO ${table} (run, status, verdict, summary)
     SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM ${table} WHERE run COLLATE "C" >= $1) ON CONFLICT DO NOTHING`,
    [run, status, verdict, JSON.stringify(summary)],
  );
}
