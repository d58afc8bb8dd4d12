import { Client } from 'pg';
import type { Json, JsonObject } from '../../../src/json';

/** Runs one statement in a session of its own. */
export async function query<Row extends object = JsonObject>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** What stands for a character that Postgres does not take. */
function unescape(value: Json): Json {
  if (typeof value === 'string') {
    return value.replace(/\\u([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
  }
  if (Array.isArray(value)) return value.map(unescape);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [unescape(key) as string, unescape(each)]));
}

/** The records that a stream's table holds, as they were delivered, in the order of delivery; absent where there is no table. */
export async function recordsIn(url: string, schema: string, stream: string): Promise<JsonObject[]> {
  const table = `"${schema}"."${stream}"`;
  const columns = await query<{ name: string; field: string | null }>(
    url,
    `SELECT attname AS name, col_description(attrelid, attnum) AS field FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attname !~ '^_airbyte_[a-z_]*$'`,
    [table],
  );
  if (columns.length === 0) return [];
  const rows = await query<{ row: JsonObject; meta: { originals?: JsonObject } }>(
    url,
    `SELECT to_jsonb(t) - '_airbyte_meta' AS row, _airbyte_meta AS meta FROM ${table} t ORDER BY _airbyte_raw_id`,
  );
  return rows.map(({ row, meta }) => {
    const held: [string, Json][] = columns.map(({ name, field }) => [
      field === null ? name : (JSON.parse(field) as string),
      unescape(timeOf(row[name] ?? null)),
    ]);
    const originals = unescape(meta.originals ?? {}) as JsonObject;
    return Object.fromEntries([...held.filter(([, value]) => value !== null), ...Object.entries(originals)]);
  });
}

/** Postgres writes a time with an offset and without zeros at its end. */
function timeOf(value: Json): Json {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d$/.test(value)) return value;
  return new Date(value).toISOString();
}
