import { Client } from 'pg';
import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream } from '../../../src/protocol';
import { SequenceGap } from '../../../src/sinks/sequence';
import { addedUsers, postgresTests, replacedUsers, user } from '../../support/postgres/database';

const { url, begin } = postgresTests();

describe('the table of a stream', () => {
  test('has a typed column for each field of its schema, and Airbyte’s', async () => {
    const { copy, sql } = begin();
    await copy('run-1', addedUsers, [user('a', 1)]);
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

  test('keeps under `originals` what its columns cannot hold, and says so', async () => {
    const { copy, sql, held } = begin();
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
    await copy('run-1', addedUsers, records);
    expect(await held('users')).toEqual(
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

  test('gets a column for each new field, whatever its name', async () => {
    const { copy, sql, held } = begin();
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
    await copy('run-1', addedUsers, [user('a'), record('b')]);
    await copy('run-2', addedUsers, [record('c'), user('d', 1, { Email: 'now@example.com' })]);
    expect(await held('users')).toEqual([
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

  test('has room for 250 fields, and keeps others under `originals`', async () => {
    const { copy, sql, held } = begin();
    const wide = (id: string): JsonObject =>
      user(
        id,
        1,
        Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`field_${index}`, 'a text of some length'])),
      );
    await copy('run-1', addedUsers, [wide('a'), user('b')]);
    await copy('run-2', addedUsers, [wide('c')]);
    expect(await held('users')).toEqual([wide('a'), user('b'), wide('c')]);
    const columns = await sql("SELECT FROM pg_attribute WHERE attrelid = '$schema.users'::regclass AND attnum > 0");
    expect(columns).toHaveLength(254);
  });

  test('may have columns of its reader’s, and others’ types', async () => {
    const { copy, sql, held } = begin();
    await copy('run-1', addedUsers, [user('a', 1)]);
    await sql(
      'ALTER TABLE $schema.users ADD note integer DEFAULT 7, ADD team varchar(3), ALTER logins_count TYPE text',
    );
    const record = user('b', 1, { team: 'made-up', logins_count: 3 });
    await copy('run-2', addedUsers, [record]);
    expect(await held('users')).toEqual([
      { ...user('a', 1), note: 7 },
      { ...record, note: 7 },
    ]);
  });
});

describe('a stream whose objects stand once', () => {
  test('has the version of the newest cursor, of a batch and of all that came before', async () => {
    const { copy, held } = begin();
    const named = (id: string, day: number | undefined, name: string) => user(id, day, { name });
    await copy('run-1', addedUsers, [
      named('a', 3, 'a3'),
      named('a', 2, 'a2'),
      named('b', 2, 'b2'),
      named('c', undefined, 'c'),
    ]);
    expect(await held('users')).toEqual([named('a', 3, 'a3'), named('b', 2, 'b2'), named('c', undefined, 'c')]);
    await copy('run-2', addedUsers, [
      named('a', 1, 'late'),
      named('b', 2, 'again'),
      named('c', undefined, 'c of later'),
      named('d', undefined, 'd'),
      named('d', undefined, 'd of later'),
    ]);
    expect(await held('users')).toEqual([
      named('a', 3, 'a3'),
      named('b', 2, 'again'),
      named('c', undefined, 'c of later'),
      named('d', undefined, 'd of later'),
    ]);
    await copy('run-3', addedUsers, [{ user_id: 'b', updated_at: '2024-01-09T00:00:00.000Z' }]);
    expect(await held('users')).toContainEqual(user('b', 9));
  });

  test('keeps every row that has no key', async () => {
    const { copy, held } = begin();
    await copy('run-1', addedUsers, [{ name: 'a' }, { name: 'a' }, user('b')]);
    await copy('run-2', addedUsers, [{ name: 'a' }, user('b')]);
    expect(await held('users')).toEqual([{ name: 'a' }, { name: 'a' }, { name: 'a' }, user('b')]);
  });

  test('leaves out older versions that were appended before, and can be appended to again', async () => {
    const { copy, held } = begin();
    const appended: ConfiguredStream = { ...addedUsers, destinationSyncMode: 'append' };
    await copy('run-1', appended, [user('a', 1), user('a', 3), user('a', 2)]);
    await copy('run-2', addedUsers, [user('b')]);
    expect(await held('users')).toEqual([user('a', 3), user('b')]);
    await copy('run-3', appended, [user('a', 3)]);
    expect(await held('users')).toEqual([user('a', 3), user('b'), user('a', 3)]);
  });

  test('has each object once after a run that replaces all', async () => {
    const { copy, held, sql } = begin();
    await copy('run-1', replacedUsers, [user('a', 1), user('b'), user('a', 2)]);
    await copy('run-2', addedUsers, [user('b', 5)]);
    expect(await held('users')).toEqual([user('a', 2), user('b', 5)]);
    const generations = await sql('SELECT DISTINCT _airbyte_generation_id::int AS generation FROM $schema.users');
    expect(generations).toEqual([{ generation: 1 }]);
  });
});

describe('a run that replaces all', () => {
  test('is seen at once and whole, by readers that began before as well, and keeps views, rights and indexes', async () => {
    const { copy, sink, sql, steps, schema } = begin();
    await copy('run-1', replacedUsers, [user('a'), user('b')]);
    await sql('CREATE VIEW $schema.names AS SELECT user_id FROM $schema.users');
    await sql('CREATE INDEX mine ON $schema.users (email)');
    await sql('CREATE ROLE reader_of_users LOGIN');
    await sql('GRANT USAGE ON SCHEMA $schema TO reader_of_users; GRANT SELECT ON $schema.users TO reader_of_users');
    const reader = new Client({ connectionString: url() });
    await reader.connect();
    const ids = async () => {
      const { rows } = await reader.query<{ user_id: string }>(`SELECT user_id FROM ${schema}.names ORDER BY 1`);
      return rows.map(({ user_id }) => user_id);
    };
    const step = steps('run-2', replacedUsers);
    await sink.deliver(await step([user('c')], { status: 'STARTED' }));
    expect(await ids()).toEqual(['a', 'b']);
    await sink.deliver(await step([user('d')]));
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    expect(await ids()).toEqual(['a', 'b']);
    await sink.deliver(await step([user('e')], { status: 'COMPLETE' }));
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

  test('brings fields that the table has not had', async () => {
    const { copy, held, steps, sink } = begin();
    await copy('run-1', addedUsers, [user('a', 1, { team: 'red' })]);
    const step = steps('run-2', replacedUsers);
    await sink.deliver(await step([user('b', 1, { team: 'blue' })], { status: 'STARTED' }));
    await sink.deliver(await step([user('c', 1, { floor: 3 })]));
    await sink.deliver(await step([user('d', 1, { floor: 4 })], { status: 'COMPLETE' }));
    expect(await held('users')).toEqual([
      user('b', 1, { team: 'blue' }),
      user('c', 1, { floor: 3 }),
      user('d', 1, { floor: 4 }),
    ]);
  });
});

describe('a table that somebody drops', () => {
  test('between runs, is read from the beginning', async () => {
    const { copy, sink, sql, held } = begin();
    await copy('run-1', addedUsers, [user('a')]);
    await sql('DROP TABLE $schema.users');
    expect(await sink.loadState()).toEqual({});
    await copy('run-2', addedUsers, [user('a')]);
    expect(await held('users')).toEqual([user('a')]);
    await sql('DROP SCHEMA $schema CASCADE');
    await expect(sink.loadState()).rejects.toThrow();
    expect(await sink.loadState()).toEqual({});
  });

  test('in the middle of a run, ends it, and nothing is said to be there that is not', async () => {
    const { sink, sql, steps } = begin();
    const step = steps('run-1', addedUsers);
    await sink.deliver(await step([user('a')], { status: 'STARTED', state: { at: 1 } }));
    await sql('DROP TABLE $schema.users');
    await expect(sink.deliver(await step([user('b')], { state: { at: 2 } }))).rejects.toThrow(SequenceGap);
    expect(await sink.loadState()).toEqual({});
  });

  test('and that a run replaces all of, does not keep the old state', async () => {
    const { copy, sink, sql, steps } = begin();
    await copy('run-1', addedUsers, [user('a')]);
    await sql('DROP TABLE $schema.users');
    await sink.deliver(await steps('run-2', addedUsers)([], { status: 'STARTED' }));
    expect(await sink.loadState()).toEqual({});
  });
});
