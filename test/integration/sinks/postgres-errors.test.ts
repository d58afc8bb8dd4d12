import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Client } from 'pg';
import { DestinationUnavailable } from '../../../src/sinks/sink';
import { DestinationRefused } from '../../../src/sinks/postgres/explain-error';
import { createPostgresSink } from '../../../src/sinks/postgres/sink';
import type { Delivery, Sink } from '../../../src/sinks/sink';
import type { Segment } from '../../../src/staging/segment';
import { numberDeliveries } from '../../support/contract/deliveries';
import { mergedUsers, type TestSchema, user, useSchemas } from '../../support/postgres/database';
import { query } from '../../support/postgres/rows';
import { type PostgresServer, startPostgres } from '../../support/postgres/server';

/** A server for this suite alone, because it is restarted. */
let server: PostgresServer;
beforeAll(async () => (server = await startPostgres()));
afterAll(() => server.stop());
const createSchema = useSchemas(() => server.url);

/** A second sink on the schema. It stops within a delivery, after the first segment, until `proceed` is called. */
function openBlockedSink({ schema, staging }: TestSchema): { sink: Sink; reached: Promise<void>; proceed(): void } {
  let proceed = () => {};
  let report = () => {};
  const unblocked = new Promise<void>((resolve) => (proceed = resolve));
  const reached = new Promise<void>((resolve) => (report = resolve));
  async function* readLines(segment: Segment): AsyncGenerator<string[], void> {
    yield* staging.readLines(segment);
    report();
    await unblocked;
    yield* [];
  }
  const sink = createPostgresSink({ url: server.url, schema, staging: { ...staging, readLines } });
  return { sink, reached, proceed };
}

async function createDelivery(target: TestSchema): Promise<Delivery> {
  const next = target.numberDeliveries('run-1', mergedUsers);
  return next([user('a'), user('b')], { status: 'STARTED', state: { at: 1 } });
}

const sessions = "FROM pg_stat_activity WHERE application_name = 'rollcall' AND state <> 'idle'";

describe('a delivery that is interrupted', () => {
  test('by the end of its session has no effect, and is taken when it is repeated', async () => {
    const target = createSchema();
    const delivery = await createDelivery(target);
    const { sink, reached, proceed } = openBlockedSink(target);
    const delivered = sink.deliver(delivery);
    await reached;
    await query(server.url, `SELECT pg_terminate_backend(pid) ${sessions}`);
    proceed();
    await expect(delivered).rejects.toThrow(DestinationUnavailable);
    expect(await target.readRecords('users')).toEqual([]);
    expect(await sink.loadState()).toEqual({});
    await sink.deliver(delivery);
    await sink.close();
    expect(await target.readRecords('users')).toEqual([user('a'), user('b')]);
  });

  test('by a restart of the server has no effect, and is taken when it is repeated', async () => {
    const target = createSchema();
    const delivery = await createDelivery(target);
    const { sink, reached, proceed } = openBlockedSink(target);
    const delivered = sink.deliver(delivery);
    await reached;
    const refused = expect(delivered).rejects.toThrow(DestinationUnavailable);
    await server.restart();
    proceed();
    await refused;
    await sink.deliver(delivery);
    await sink.close();
    expect(await target.readRecords('users')).toEqual([user('a'), user('b')]);
    // The idle connection from before the restart is replaced.
    expect(await target.sink.loadState()).toEqual({ users: { at: 1 } });
  });

  test('by its caller writes nothing and leaves no session open', async () => {
    const target = createSchema();
    const delivery = await createDelivery(target);
    const { sink, reached, proceed } = openBlockedSink(target);
    const twice = { ...delivery, segments: [...delivery.segments, ...delivery.segments] };
    const caller = new AbortController();
    const delivered = sink.deliver(twice, caller.signal);
    await reached;
    caller.abort(new Error('gave up'));
    await expect(delivered).rejects.toThrow('gave up');
    proceed();
    await sink.close();
    expect(await target.readRecords('users')).toEqual([]);
    expect(await query(server.url, `SELECT ${sessions}`)).toEqual([]);
    await target.sink.deliver(delivery);
    expect(await target.readRecords('users')).toEqual([user('a'), user('b')]);
  });

  test('while it waits for the lock of its stream writes nothing', async () => {
    const target = createSchema();
    await target.copy('run-0', mergedUsers, []);
    const other = new Client({ connectionString: server.url });
    await other.connect();
    await other.query(`BEGIN; SELECT FROM ${target.schema}._rollcall_streams FOR UPDATE`);
    const delivery = await createDelivery(target);
    const delivered = expect(target.sink.deliver(delivery)).rejects.toThrow(DestinationUnavailable);
    const waiting = `${sessions} AND wait_event_type = 'Lock'`;
    while ((await query(server.url, `SELECT pg_terminate_backend(pid) ${waiting}`)).length === 0);
    await delivered;
    await other.end();
    expect(await target.readRecords('users')).toEqual([]);
    await target.sink.deliver(delivery);
    expect(await target.readRecords('users')).toEqual([user('a'), user('b')]);
  });
});

test('a process that stops within a delivery does not block other processes', async () => {
  const target = createSchema();
  const delivery = await createDelivery(target);
  const { sink, reached, proceed } = openBlockedSink(target);
  const delivered = sink.deliver(delivery);
  await reached;
  await target.sink.deliver(delivery);
  const next = numberDeliveries('run-1', mergedUsers, 1)({ state: { at: 2 } });
  await target.sink.deliver(next);
  proceed();
  await expect(delivered).rejects.toMatchObject({ name: 'StaleDelivery' });
  await sink.close();
  expect(await target.readRecords('users')).toEqual([user('a'), user('b')]);
  expect(await target.sink.loadState()).toEqual({ users: { at: 2 } });
});

describe('an error message', () => {
  /** The error of a sink whose URL is changed. Checks that it does not contain the password. */
  async function captureError(change: (url: URL) => unknown, schema = 'acme'): Promise<Error> {
    const url = new URL(server.url);
    change(url);
    const { staging } = createSchema();
    try {
      const sink = createPostgresSink({ url: url.href, schema, staging });
      try {
        await sink.loadState();
      } finally {
        await sink.close();
      }
    } catch (error) {
      expect(JSON.stringify(error) + String(error) + String((error as Error).stack)).not.toContain('made-up-password');
      return error as Error;
    }
    throw new Error('the sink reported no error');
  }

  test.each<[string, (url: URL) => unknown, new (...parts: [string, string, string]) => Error, RegExp]>([
    [
      'password',
      (url) => (url.password = 'other'),
      DestinationRefused,
      /postgres, schema acme, cannot be used: the password is wrong/,
    ],
    ['no password', (url) => (url.password = ''), DestinationRefused, /the server requires a password/],
    ['role', (url) => (url.username = 'nobody'), DestinationRefused, /the password is wrong/],
    [
      'database',
      (url) => (url.pathname = '/missing'),
      DestinationRefused,
      /missing, schema acme, .*the database does not exist\. Create it/,
    ],
    [
      'host',
      (url) => (url.hostname = 'made-up.invalid'),
      DestinationUnavailable,
      /made-up\.invalid:\d+.*(the host name cannot be resolved|the host name lookup failed)/,
    ],
    [
      'port',
      (url) => (url.port = '1'),
      DestinationUnavailable,
      /127\.0\.0\.1:1\/postgres, .*the connection was refused/,
    ],
    [
      'TLS',
      (url) => (url.search = 'sslmode=require'),
      DestinationRefused,
      /the server does not support TLS\. Enable TLS on the server, or set sslmode=prefer/,
    ],
    [
      'authority',
      (url) => (url.search = 'sslmode=verify-ca'),
      DestinationRefused,
      /sslmode=verify-ca requires a certificate authority\. Set sslrootcert/,
    ],
    [
      'file',
      (url) => (url.search = 'sslmode=verify-full&sslrootcert=/missing'),
      DestinationRefused,
      /a file in the URL does not exist/,
    ],
  ])('about the %s says what to do', async (_, change, type, message) => {
    const error = await captureError(change);
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });

  test('about a server that is not Postgres says so', async () => {
    const sockets = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    sockets.listen(0, '127.0.0.1');
    await once(sockets, 'listening');
    const { port } = sockets.address() as AddressInfo;
    const error = await captureError((url) => (url.port = String(port)));
    expect(error.message).toMatch(/the TLS handshake failed/);
    sockets.close();
  });

  test('about a table that Rollcall did not create names it, and the table is not changed', async () => {
    const { sql, schema, copy } = createSchema();
    await sql('CREATE SCHEMA $schema');
    for (const definition of ['CREATE TABLE $schema.users (id int)', 'CREATE VIEW $schema.users AS SELECT 1 AS id']) {
      await sql(definition);
      const error = await copy('run-1', mergedUsers, [user('a')]).catch((each: unknown) => each as Error);
      expect(error).toBeInstanceOf(DestinationRefused);
      expect((error as Error).message).toMatch(
        new RegExp(
          `schema ${schema}, .*it contains an object named users that Rollcall did not create\\. Rename the object`,
        ),
      );
      await sql(definition.replace(/^CREATE (\w+) (\S+) .*/, 'DROP $1 $2'));
    }
  });

  test('about a constraint names it, and quotes no row', async () => {
    const { sql, copy } = createSchema();
    await copy('run-1', mergedUsers, []);
    await sql("ALTER TABLE $schema.users ADD CONSTRAINT only_few CHECK (email <> 'made-up@example.com')");
    const error = await copy('run-2', mergedUsers, [user('a', 1, { email: 'made-up@example.com' })]).catch(
      (each: unknown) => each as Error,
    );
    expect((error as Error).message).toMatch(
      /a constraint of table users \(only_few\) rejects rows\. Drop the constraint/,
    );
    expect(JSON.stringify(error)).not.toContain('made-up@example.com');
  });

  test('about a missing right names all rights that the role needs', async () => {
    const { sql, staging, numberDeliveries: number } = createSchema();
    await sql("CREATE ROLE rollcall LOGIN PASSWORD 'made-up-password'");
    await sql('CREATE DATABASE copies');
    const as = (user: string) => (url: URL) => {
      url.username = user;
      url.pathname = '/copies';
    };
    const refused = await captureError(as('rollcall'));
    expect(refused).toBeInstanceOf(DestinationRefused);
    expect(refused.message).toContain(
      'permission denied for database copies. Run: GRANT CREATE, TEMPORARY ON DATABASE "copies" TO "rollcall"; GRANT USAGE, CREATE ON SCHEMA "acme" TO "rollcall";',
    );
    const admin = new URL(server.url);
    as('postgres')(admin);
    await query(admin.href, 'REVOKE ALL ON DATABASE copies FROM PUBLIC');
    await query(admin.href, 'GRANT CONNECT, TEMPORARY ON DATABASE copies TO rollcall');
    await query(admin.href, 'CREATE SCHEMA acme AUTHORIZATION rollcall');
    const url = new URL(server.url);
    as('rollcall')(url);
    const sink = createPostgresSink({ url: url.href, schema: 'acme', staging });
    await sink.deliver(await number('run-1', mergedUsers)([user('a', 1, { team: 'red' })], { status: 'COMPLETE' }));
    await sink.close();
  });
});
