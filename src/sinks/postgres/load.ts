import { once } from 'node:events';
import { from as copyFrom } from 'pg-copy-streams';
import type { Staging } from '../../staging/staging';
import type { Delivery } from '../sink';
import { airbyteColumns, type Column } from './column';
import type { Transaction } from './database';
import { escapeText } from './escape';
import { columnNameOf, literal, quoted } from './identifier';
import { createRowEncoder } from './row-encoder';
import { addColumns, addFields, dropOlder, sqlOf, type Keys, type Table } from './table';

/** The rows of a step in a table of the transaction's own. */
export interface Load {
  /** `_airbyte_meta` of rows that have none of their own. */
  plainMeta: object;
  /** Columns of fields that the rows were brought to. */
  columns: readonly Column[];
  /** Fields that have no column yet, or not all of them when they are very many. */
  strangers: ReadonlySet<string>;
}

export interface LoadOptions {
  /** Columns of fields that the stream's table has. */
  columns: readonly Column[];
  keys: Keys;
  /** Number of the run among those of the stream. */
  runs: number;
  staging: Staging;
  /** Between two reads of staging, breaks off. */
  signal?: AbortSignal | undefined;
}

const step = 'pg_temp._rollcall_step';
const extra = '_rollcall_extra';
const { rawId, extractedAt, meta, generationId } = airbyteColumns;

/**
 * Brings a step's rows to the server, by COPY, without holding more than a piece of a segment. No lock is taken that
 * anybody waits for, however long it lasts.
 */
export async function loadRows(tx: Transaction, delivery: Delivery, options: LoadOptions): Promise<Load> {
  const { columns, keys, runs, staging, signal } = options;
  const { sequence, segments, stream } = delivery;
  const definitions = [rawId, extractedAt, meta, { name: extra, type: 'jsonb' }, ...columns].map(
    // What Rollcall does not write, it leaves empty.
    ({ name, type }) => `${quoted(name)} ${type === 'other' ? 'text' : type}`,
  );
  await tx.query(`CREATE TEMPORARY TABLE _rollcall_step (${definitions.join(', ')}) ON COMMIT DROP`);
  const encoder = createRowEncoder({
    columns,
    keys: new Set(keys.primary),
    runs,
    sequence,
    ...(stream.syncId !== undefined && { syncId: stream.syncId }),
  });
  async function* rows(): AsyncGenerator<string, void> {
    for (const segment of segments) {
      for await (const lines of staging.lines(segment)) {
        signal?.throwIfAborted();
        yield encoder.encode(lines);
      }
    }
  }
  await copy(tx, rows());
  return { columns, plainMeta: encoder.plainMeta, strangers: encoder.strangers };
}

/** Rows that may wait to be sent, bytes: enough that encoding and sending need not wait for each other. */
const bufferBytes = 1024 * 1024;

async function copy(tx: Transaction, rows: AsyncIterable<string>): Promise<void> {
  const stream = tx.query(copyFrom(`COPY ${step} FROM STDIN`, { highWaterMark: bufferBytes }));
  let failure: Error | undefined;
  stream.on('error', (error) => (failure ??= error));
  for await (const text of rows) {
    if (failure) throw failure;
    if (!stream.write(text)) await once(stream, 'drain');
  }
  if (failure) throw failure;
  stream.end();
  await once(stream, 'finish');
}

/**
 * Adds loaded rows to a table, which gets columns for fields that are new; fields for which it has no room stay under
 * `originals` in `_airbyte_meta`.
 * @param columns those of fields in the table
 * @param unique by which a row takes the place of the older version of the same object; without, all rows are added
 */
export async function mergeRows(
  tx: Transaction,
  table: Table,
  columns: readonly Column[],
  load: Load,
  generation: number,
  unique: Keys | undefined,
): Promise<void> {
  // Loaded by what another table or another process had.
  const lacking = load.columns.filter(({ name, type }) => type !== 'other' && !hasColumn(columns, name));
  await addColumns(tx, table, lacking);
  const added = await addFields(tx, table, [...columns, ...lacking], load.strangers);
  const all = [...columns, ...lacking, ...added];
  const placed = [...load.strangers].filter((field) => hasColumn(all, columnNameOf(field))).map(escapeText);
  const valueOf = ({ name }: Column): string => {
    if (hasColumn(load.columns, name)) return quoted(name);
    const field = [...load.strangers].find((each) => columnNameOf(each) === name);
    return field === undefined ? 'NULL' : `${quoted(extra)} -> ${literal(escapeText(field))}`;
  };
  const sources: [string, string][] = [
    [rawId.name, quoted(rawId.name)],
    [extractedAt.name, quoted(extractedAt.name)],
    [meta.name, metaOf(load, placed)],
    [generationId.name, String(generation)],
    ...all.filter(({ type }) => type !== 'other').map<[string, string]>((each) => [each.name, valueOf(each)]),
  ];
  if (unique) await dropOlder(tx, step, unique);
  const names = sources.map(([name]) => quoted(name));
  const values = sources.map(([, value]) => value).join(', ');
  await tx.query(
    `INSERT INTO ${sqlOf(table)} AS held (${names.join(', ')}) SELECT ${values} FROM ${step} ${unique ? replacing(unique, names) : ''}`,
  );
}

function hasColumn(columns: readonly Column[], name: string): boolean {
  return columns.some((each) => each.name === name);
}

/** A row's meta, with the fields that have no column but those given. */
function metaOf({ plainMeta, strangers }: Load, placed: readonly string[]): string {
  const own = `coalesce(${quoted(meta.name)}, ${literal(JSON.stringify(plainMeta))}::jsonb)`;
  if (strangers.size === 0) return own;
  const left = `${quoted(extra)} - ARRAY[${placed.map(literal).join(', ')}]::text[]`;
  const originals = `coalesce(${quoted(meta.name)} -> 'originals', '{}') || (${left})`;
  return `CASE WHEN ${left} <> '{}' THEN ${own} || jsonb_build_object('originals', ${originals}) ELSE ${own} END`;
}

/** Of two versions the one of the later cursor stays; where that does not tell, the one that came last. */
function replacing({ primary, cursor }: Keys, names: readonly string[]): string {
  const assignments = names.map((name) => `${name} = excluded.${name}`).join(', ');
  const older = cursor === undefined ? '' : `WHERE (held.${quoted(cursor)} > excluded.${quoted(cursor)}) IS NOT TRUE`;
  return `ON CONFLICT (${primary.map(quoted).join(', ')}) DO UPDATE SET ${assignments} ${older}`;
}
