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

/** Reverses `escapeText` in all keys and values. */
function unescapeJson(value: Json): Json {
  if (typeof value === 'string') {
    return value.replace(/\\u([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
  }
  if (Array.isArray(value)) return value.map(unescapeJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [unescapeJson(key) as string, unescapeJson(each)]),
  );
}

/** Reads the records of a stream as they were delivered, in the order of delivery. Empty without a table. */
export async function readRecords(url: string, schema: string, stream: string): Promise<JsonObject[]> {
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
    const fields: [string, Json][] = columns.map(({ name, field }) => [
      field === null ? name : (JSON.parse(field) as string),
      unescapeJson(normaliseTime(row[name] ?? null)),
    ]);
    const originals = unescapeJson(meta.originals ?? {}) as JsonObject;
    return Object.fromEntries([...fields.filter(([, value]) => value !== null), ...Object.entries(originals)]);
  });
}

/** Converts a time to Auth0's form. Postgres writes an offset, and no trailing zeros. */
function normaliseTime(value: Json): Json {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d$/.test(value)) return value;
  return new Date(value).toISOString();
}
