import { Client } from 'pg';
import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream } from '../../../src/protocol';
import { SequenceGap } from '../../../src/sinks/stream-ledger';
import { mergedUsers, replacedUsers, user, useSchemas } from '../../support/postgres/database';
import { createDatabase } from '../../support/servers';

let url: string;
beforeAll(async () => (url = await createDatabase()));
const createSchema = useSchemas(() => url);

describe('the table of a stream', () => {
  test('has Airbyte’s columns and a typed column for each declared field', async () => {
    const { copy, sql } = createSchema();
    await copy('run-1', mergedUsers, [user('a', 1)]);
    const columns = await sql<{ name: string; type: string }>(
      "SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = '$schema' AND table_name = 'users'",
    );
    const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({
      _airbyte_raw_id: 'uuid',
      _airbyte_extracted_at: 'timestamp with time zone',
      _airbyte_meta: 'jsonb',
      _airbyte_generation_id: 'bigint',
      user_id: 'text',
      email_verified: 'boolean',
      logins_count: 'bigint',
      updated_at: 'timestamp with time zone',
      identities: 'jsonb',
      app_metadata: 'jsonb',
    });
    const rows = await sql<{ row: JsonObject }>('SELECT to_jsonb(u) AS row FROM $schema.users u');
    expect(rows[0]?.row).toMatchObject({
      _airbyte_raw_id: '00000001-0000-8001-8000-000000000000',
      _airbyte_meta: { changes: [] },
      _airbyte_generation_id: 0,
      updated_at: '2024-01-01T00:00:00+00:00',
    });
  });

  test('keeps values that do not fit their columns under `originals`', async () => {
    const { copy, sql, readRecords } = createSchema();
    const records = [
      user('a', undefined, { logins_count: 'many', created_at: '0000-01-01T00:00:00Z', email: '\u0000@example.com' }),
      user('b', undefined, { logins_count: 2 ** 60, created_at: '2024-02-29T10:00:00+02:00', blocked: 1 }),
      user('c', undefined, {
        name: 'C:\\users\\u0041\\ubad',
        nickname: null,
        user_metadata: { 'a\ud800': ['\u0000'] },
      }),
      user('x'.repeat(900), undefined, {}),
    ];
    await copy('run-1', mergedUsers, records);
    expect(await readRecords('users')).toEqual(
      records.map((each) => (each['nickname'] === null ? { ...each, nickname: undefined } : each)),
    );
    const rows = await sql<JsonObject>(
      'SELECT user_id, logins_count, created_at, email, name, _airbyte_meta AS meta FROM $schema.users ORDER BY _airbyte_raw_id',
    );
    const nulled = (field: string, reason = 'TYPECAST_ERROR') => ({
      field,
      change: 'NULLED',
      reason: `DESTINATION_${reason}`,
    });
    expect(rows).toEqual([
      expect.objectContaining({
        logins_count: null,
        created_at: null,
        email: '\\u0000@example.com',
        meta: {
          changes: [nulled('logins_count'), nulled('created_at')],
          originals: { logins_count: 'many', created_at: '0000-01-01T00:00:00Z' },
          escaped: ['email'],
        },
      }),
      expect.objectContaining({
        created_at: new Date('2024-02-29T08:00:00Z'),
        meta: {
          changes: [nulled('logins_count'), nulled('blocked')],
          originals: { logins_count: 2 ** 60, created_at: '2024-02-29T10:00:00+02:00', blocked: 1 },
        },
      }),
      expect.objectContaining({
        name: 'C:\\users\\u005cu0041\\ubad',
        meta: { changes: [], escaped: ['name', 'user_metadata'] },
      }),
      expect.objectContaining({
        user_id: null,
        meta: {
          changes: [nulled('user_id', 'FIELD_SIZE_LIMITATION')],
          originals: { user_id: 'x'.repeat(900) },
        },
      }),
    ]);
  });

  test('gets a column for each new field of any name', async () => {
    const { copy, sql, readRecords } = createSchema();
    const long = 'ö'.repeat(40);
    const names = [
      'ctid',
      'Email',
      'email ',
      '_airbyte_raw_id',
      '"; --',
      '',
      `${long}1`,
      `${long}2`,
      '\ud83d',
      '\u0000',
      '__proto__',
      'constructor',
      'a~12345678',
    ];
    const record = (id: string): JsonObject =>
      Object.fromEntries([['user_id', id], ...names.map((name, index): [string, number] => [name, index])]);
    await copy('run-1', mergedUsers, [user('a'), record('b')]);
    await copy('run-2', mergedUsers, [record('c'), user('d', 1, { Email: 'now@example.com' })]);
    expect(await readRecords('users')).toEqual([
      user('a'),
      record('b'),
      record('c'),
      user('d', 1, { Email: 'now@example.com' }),
    ]);
    const columns = await sql<{ attname: string }>(
      "SELECT attname FROM pg_attribute WHERE attrelid = '$schema.users'::regclass AND attname ~ '~'",
    );
    expect(columns.map(({ attname }) => attname).sort()).toEqual(
      [/^_airbyte_raw_id~/, /^a~12345678~/, /^ctid~/, /^~/, /^~/, /^~/, /^ö{27}~/, /^ö{27}~/].map((each) =>
        expect.stringMatching(each),
      ),
    );
  });

  test('has columns for 250 fields, and keeps the others under `originals`', async () => {
    const { copy, sql, readRecords } = createSchema();
    const wide = (id: string): JsonObject =>
      user(
        id,
        1,
        Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`field_${index}`, 'a text of some length'])),
      );
    await copy('run-1', mergedUsers, [wide('a'), user('b')]);
    await copy('run-2', mergedUsers, [wide('c')]);
    expect(await readRecords('users')).toEqual([wide('a'), user('b'), wide('c')]);
    const columns = await sql("SELECT FROM pg_attribute WHERE attrelid = '$schema.users'::regclass AND attnum > 0");
    expect(columns).toHaveLength(254);
  });

  test('keeps columns that its users added, and column types that they changed', async () => {
    const { copy, sql, readRecords } = createSchema();
    await copy('run-1', mergedUsers, [user('a', 1)]);
    await sql(
      'ALTER TABLE $schema.users ADD note integer DEFAULT 7, ADD team varchar(3), ALTER logins_count TYPE text',
    );
    const record = user('b', 1, { team: 'made-up', logins_count: 3 });
    await copy('run-2', mergedUsers, [record]);
    expect(await readRecords('users')).toEqual([
      { ...user('a', 1), note: 7 },
      { ...record, note: 7 },
    ]);
  });
});

describe('a stream with one row for each key', () => {
  test('keeps the row with the newest cursor, within a delivery and across runs', async () => {
    const { copy, readRecords } = createSchema();
    const named = (id: string, day: number | undefined, name: string) => user(id, day, { name });
    await copy('run-1', mergedUsers, [
      named('a', 3, 'a3'),
      named('a', 2, 'a2'),
      named('b', 2, 'b2'),
      named('c', undefined, 'c'),
    ]);
    expect(await readRecords('users')).toEqual([named('a', 3, 'a3'), named('b', 2, 'b2'), named('c', undefined, 'c')]);
    await copy('run-2', mergedUsers, [
      named('a', 1, 'late'),
      named('b', 2, 'again'),
      named('c', undefined, 'later c'),
      named('d', undefined, 'd'),
      named('d', undefined, 'later d'),
    ]);
    expect(await readRecords('users')).toEqual([
      named('a', 3, 'a3'),
      named('b', 2, 'again'),
      named('c', undefined, 'later c'),
      named('d', undefined, 'later d'),
    ]);
    await copy('run-3', mergedUsers, [{ user_id: 'b', updated_at: '2024-01-09T00:00:00.000Z' }]);
    expect(await readRecords('users')).toContainEqual(user('b', 9));
  });

  test('keeps every row without a key', async () => {
    const { copy, readRecords } = createSchema();
    await copy('run-1', mergedUsers, [{ name: 'a' }, { name: 'a' }, user('b')]);
    await copy('run-2', mergedUsers, [{ name: 'a' }, user('b')]);
    expect(await readRecords('users')).toEqual([{ name: 'a' }, { name: 'a' }, { name: 'a' }, user('b')]);
  });

  test('deletes older versions that were appended before, and can be appended to again', async () => {
    const { copy, readRecords } = createSchema();
    const appended: ConfiguredStream = { ...mergedUsers, destinationSyncMode: 'append' };
    await copy('run-1', appended, [user('a', 1), user('a', 3), user('a', 2)]);
    await copy('run-2', mergedUsers, [user('b')]);
    expect(await readRecords('users')).toEqual([user('a', 3), user('b')]);
    await copy('run-3', appended, [user('a', 3)]);
    expect(await readRecords('users')).toEqual([user('a', 3), user('b'), user('a', 3)]);
  });

  test('has one row for each key after a run that replaces all rows', async () => {
    const { copy, readRecords, sql } = createSchema();
    await copy('run-1', replacedUsers, [user('a', 1), user('b'), user('a', 2)]);
    await copy('run-2', mergedUsers, [user('b', 5)]);
    expect(await readRecords('users')).toEqual([user('a', 2), user('b', 5)]);
    const generations = await sql('SELECT DISTINCT _airbyte_generation_id::int AS generation FROM $schema.users');
    expect(generations).toEqual([{ generation: 1 }]);
  });
});

describe('a run that replaces all rows', () => {
  test('changes what readers see at once, and keeps views, grants and indexes', async () => {
    const { copy, sink, sql, numberDeliveries, schema } = createSchema();
    await copy('run-1', replacedUsers, [user('a'), user('b')]);
    await sql('CREATE VIEW $schema.names AS SELECT user_id FROM $schema.users');
    await sql('CREATE INDEX mine ON $schema.users (email)');
    await sql('CREATE ROLE reader_of_users LOGIN');
    await sql('GRANT USAGE ON SCHEMA $schema TO reader_of_users; GRANT SELECT ON $schema.users TO reader_of_users');
    const reader = new Client({ connectionString: url });
    await reader.connect();
    const ids = async () => {
      const { rows } = await reader.query<{ user_id: string }>(`SELECT user_id FROM ${schema}.names ORDER BY 1`);
      return rows.map(({ user_id }) => user_id);
    };
    const next = numberDeliveries('run-2', replacedUsers);
    await sink.deliver(await next([user('c')], { status: 'STARTED' }));
    expect(await ids()).toEqual(['a', 'b']);
    await sink.deliver(await next([user('d')]));
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    expect(await ids()).toEqual(['a', 'b']);
    await sink.deliver(await next([user('e')], { status: 'COMPLETE' }));
    expect(await ids()).toEqual(['a', 'b']);
    await reader.query('COMMIT');
    expect(await ids()).toEqual(['c', 'd', 'e']);
    await reader.query('SET ROLE reader_of_users');
    expect((await reader.query(`SELECT FROM ${schema}.users`)).rowCount).toBe(3);
    await reader.end();
    const tables = await sql(
      "SELECT relname FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relkind = 'r' ORDER BY 1",
    );
    expect(tables).toEqual(['_rollcall_runs', '_rollcall_streams', 'users'].map((relname) => ({ relname })));
    expect(await sql("SELECT FROM pg_indexes WHERE indexname = 'mine'")).toHaveLength(1);
  });

  test('adds columns for new fields', async () => {
    const { copy, readRecords, numberDeliveries, sink } = createSchema();
    await copy('run-1', mergedUsers, [user('a', 1, { team: 'red' })]);
    const next = numberDeliveries('run-2', replacedUsers);
    await sink.deliver(await next([user('b', 1, { team: 'blue' })], { status: 'STARTED' }));
    await sink.deliver(await next([user('c', 1, { floor: 3 })]));
    await sink.deliver(await next([user('d', 1, { floor: 4 })], { status: 'COMPLETE' }));
    expect(await readRecords('users')).toEqual([
      user('b', 1, { team: 'blue' }),
      user('c', 1, { floor: 3 }),
      user('d', 1, { floor: 4 }),
    ]);
  });
});

describe('a table that a user drops', () => {
  test('is read from the beginning by the next run', async () => {
    const { copy, sink, sql, readRecords } = createSchema();
    await copy('run-1', mergedUsers, [user('a')]);
    await sql('DROP TABLE $schema.users');
    expect(await sink.loadState()).toEqual({});
    await copy('run-2', mergedUsers, [user('a')]);
    expect(await readRecords('users')).toEqual([user('a')]);
    await sql('DROP SCHEMA $schema CASCADE');
    expect(await sink.loadState()).toEqual({});
  });

  test('fails the run in progress and has no state', async () => {
    const { sink, sql, numberDeliveries } = createSchema();
    const next = numberDeliveries('run-1', mergedUsers);
    await sink.deliver(await next([user('a')], { status: 'STARTED', state: { at: 1 } }));
    await sql('DROP TABLE $schema.users');
    await expect(sink.deliver(await next([user('b')], { state: { at: 2 } }))).rejects.toThrow(SequenceGap);
    expect(await sink.loadState()).toEqual({});
  });

  test('loses its state when the next run starts', async () => {
    const { copy, sink, sql, numberDeliveries } = createSchema();
    await copy('run-1', mergedUsers, [user('a')]);
    await sql('DROP TABLE $schema.users');
    await sink.deliver(await numberDeliveries('run-2', mergedUsers)([], { status: 'STARTED' }));
    expect(await sink.loadState()).toEqual({});
  });
});

describe('a stream that Rollcall does not know', () => {
  /** The columns of fields in a table, with their types, in order. */
  async function readColumns({ sql }: ReturnType<typeof createSchema>, table: string): Promise<string[]> {
    const columns = await sql<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
       WHERE attrelid = '$schema.${table}'::regclass AND attnum > 0 AND attname !~ '^_airbyte_' ORDER BY attnum`,
    );
    return columns.map(({ name, type }) => `${name} ${type}`);
  }

  const orders: ConfiguredStream = {
    name: 'orders',
    syncMode: 'incremental',
    destinationSyncMode: 'append_dedup',
    schema: {
      type: 'object',
      properties: {
        shop: { type: 'string' },
        number: { type: ['null', 'integer'] },
        total: { type: ['null', 'number'] },
        version: { type: ['null', 'integer'] },
        placed_at: { type: ['null', 'string'], format: 'date-time' },
        lines: { type: ['null', 'array'], items: { type: 'object' } },
      },
    },
    primaryKey: [['shop'], ['number']],
    cursorField: 'version',
  };

  test('is merged by the key and the cursor of its own schema', async () => {
    const target = createSchema();
    const order = (number: number, version: number): JsonObject => ({
      shop: 'north',
      number,
      total: number + 0.5,
      version,
      placed_at: '2024-01-01T00:00:00.000Z',
      lines: [{ article: 'made-up' }],
    });
    await target.copy('run-1', orders, [order(1, 1), order(2, 5)]);
    await target.copy('run-2', orders, [order(1, 2), order(2, 4), { ...order(1, 1), shop: 'south' }]);
    const records = await target.readRecords('orders');
    expect(records).toHaveLength(3);
    expect(records).toEqual(expect.arrayContaining([order(1, 2), order(2, 5), { ...order(1, 1), shop: 'south' }]));
    expect(await readColumns(target, 'orders')).toEqual([
      'shop text',
      'number bigint',
      'version bigint',
      'total numeric',
      'placed_at timestamp with time zone',
      'lines jsonb',
    ]);
  });

  test('is replaced as a whole in overwrite mode', async () => {
    const { copy, readRecords } = createSchema();
    const replaced: ConfiguredStream = { ...orders, destinationSyncMode: 'overwrite_dedup' };
    await copy('run-1', replaced, [{ shop: 'north', number: 1 }]);
    await copy('run-2', replaced, [{ shop: 'north', number: 2 }]);
    expect(await readRecords('orders')).toEqual([{ shop: 'north', number: 2 }]);
  });

  test.each([
    ['no primary key', []],
    ['a nested primary key', [['order', 'number']]],
  ])('keeps all rows when it has %s', async (_, primaryKey) => {
    const { copy, readRecords } = createSchema();
    const record = { order: { number: 1 } };
    await copy('run-1', { ...orders, primaryKey }, [record]);
    await copy('run-2', { ...orders, primaryKey }, [record]);
    expect(await readRecords('orders')).toEqual([record, record]);
  });

  test('has columns for its keys when it declares no schema, or more fields than a table can have', async () => {
    const target = createSchema();
    const properties = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`field_${index}`, { type: 'string' }]),
    );
    const record = { shop: 'north', number: 1, version: 2, field_399: 'last' };
    for (const [name, schema] of [
      ['bare', {}],
      ['wide', { properties: { ...properties, ...(orders.schema.properties as JsonObject) } }],
    ] as const) {
      const stream = { ...orders, name, schema };
      await target.copy('run-1', stream, [record]);
      await target.copy('run-2', stream, [record]);
      expect(await target.readRecords(name)).toEqual([record]);
      const columns = await readColumns(target, name);
      expect(columns.length).toBeLessThanOrEqual(250);
      expect(columns.map((column) => column.split(' ')[0])).toEqual(
        expect.arrayContaining(['shop', 'number', 'version']),
      );
    }
  });
});
