import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Client } from 'pg';
import { DestinationUnavailable } from '../../../src/sinks/destination';
import { DestinationRefused } from '../../../src/sinks/postgres/explain-error';
import { createPostgresSink } from '../../../src/sinks/postgres/sink';
import type { Delivery, Sink } from '../../../src/sinks/sink';
import type { Segment } from '../../../src/staging/segment';
import { stepsOf } from '../../support/contract/deliveries';
import { addedUsers, ownPostgresTests, type TestSchema, user } from '../../support/postgres/database';
import { query } from '../../support/postgres/rows';

const { server, begin } = ownPostgresTests();

/** A sink to the same schema, whose staging stops before its second piece until it is let go on. */
function halfway({ schema, staging }: TestSchema): { sink: Sink; reached: Promise<void>; goOn(): void } {
  let goOn = () => {};
  let reach = () => {};
  const going = new Promise<void>((resolve) => (goOn = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  async function* lines(segment: Segment): AsyncGenerator<string[], void> {
    yield* staging.readLines(segment);
    reach();
    await going;
    yield* [];
  }
  const sink = createPostgresSink({ url: server().url, schema, staging: { ...staging, readLines: lines } });
  return { sink, reached, goOn };
}

async function firstStep(world: TestSchema): Promise<Delivery> {
  const step = world.steps('run-1', addedUsers);
  return step([user('a'), user('b')], { status: 'STARTED', state: { at: 1 } });
}

const sessions = "FROM pg_stat_activity WHERE application_name = 'rollcall' AND state <> 'idle'";

describe('a step that is broken off', () => {
  test('by the end of its session, is not taken, and is taken whole when it is repeated', async () => {
    const world = begin();
    const step = await firstStep(world);
    const { sink, reached, goOn } = halfway(world);
    const delivered = sink.deliver(step);
    await reached;
    await query(server().url, `SELECT pg_terminate_backend(pid) ${sessions}`);
    goOn();
    await expect(delivered).rejects.toThrow(DestinationUnavailable);
    expect(await world.held('users')).toEqual([]);
    expect(await sink.loadState()).toEqual({});
    await sink.deliver(step);
    await sink.close();
    expect(await world.held('users')).toEqual([user('a'), user('b')]);
  });

  test('by a restart of the server, likewise', async () => {
    const world = begin();
    const step = await firstStep(world);
    const { sink, reached, goOn } = halfway(world);
    const delivered = sink.deliver(step);
    await reached;
    const refused = expect(delivered).rejects.toThrow(DestinationUnavailable);
    await server().restart();
    goOn();
    await refused;
    await sink.deliver(step);
    await sink.close();
    expect(await world.held('users')).toEqual([user('a'), user('b')]);
    // The connection that stood idle during the restart is replaced.
    expect(await world.sink.loadState()).toEqual({ users: { at: 1 } });
  });

  test('by its caller, writes nothing and leaves no session behind', async () => {
    const world = begin();
    const step = await firstStep(world);
    const { sink, reached, goOn } = halfway(world);
    const twice = { ...step, segments: [...step.segments, ...step.segments] };
    const caller = new AbortController();
    const delivered = sink.deliver(twice, caller.signal);
    await reached;
    caller.abort(new Error('gave up'));
    await expect(delivered).rejects.toThrow('gave up');
    goOn();
    await sink.close();
    expect(await world.held('users')).toEqual([]);
    expect(await query(server().url, `SELECT ${sessions}`)).toEqual([]);
    await world.sink.deliver(step);
    expect(await world.held('users')).toEqual([user('a'), user('b')]);
  });

  test('while it waits for the stream’s lock, writes nothing', async () => {
    const world = begin();
    await world.copy('run-0', addedUsers, []);
    const other = new Client({ connectionString: server().url });
    await other.connect();
    await other.query(`BEGIN; SELECT FROM ${world.schema}._rollcall_streams FOR UPDATE`);
    const step = await firstStep(world);
    const delivered = expect(world.sink.deliver(step)).rejects.toThrow(DestinationUnavailable);
    const waiting = `${sessions} AND wait_event_type = 'Lock'`;
    while ((await query(server().url, `SELECT pg_terminate_backend(pid) ${waiting}`)).length === 0);
    await delivered;
    await other.end();
    expect(await world.held('users')).toEqual([]);
    await world.sink.deliver(step);
    expect(await world.held('users')).toEqual([user('a'), user('b')]);
  });
});

test('a process that stands still in the middle of a step keeps nobody from taking it', async () => {
  const world = begin();
  const step = await firstStep(world);
  const { sink, reached, goOn } = halfway(world);
  const delivered = sink.deliver(step);
  await reached;
  await world.sink.deliver(step);
  const next = stepsOf('run-1', addedUsers, 1)({ state: { at: 2 } });
  await world.sink.deliver(next);
  goOn();
  await expect(delivered).rejects.toMatchObject({ name: 'StaleDelivery' });
  await sink.close();
  expect(await world.held('users')).toEqual([user('a'), user('b')]);
  expect(await world.sink.loadState()).toEqual({ users: { at: 2 } });
});

describe('what is wrong', () => {
  /** The error of a sink with the URL changed, which never tells the password. */
  async function errorWith(change: (url: URL) => unknown, schema = 'acme'): Promise<Error> {
    const url = new URL(server().url);
    change(url);
    const { staging } = begin();
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
    throw new Error('nothing was wrong');
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
      /made-up\.invalid:\d+.*(the host name cannot be resolved|cannot be looked up)/,
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
      /speaks no TLS\. Enable it there, or set sslmode=prefer/,
    ],
    [
      'authority',
      (url) => (url.search = 'sslmode=verify-ca'),
      DestinationRefused,
      /needs a certificate authority\. Give sslrootcert/,
    ],
    [
      'file',
      (url) => (url.search = 'sslmode=verify-full&sslrootcert=/missing'),
      DestinationRefused,
      /a file in the URL does not exist/,
    ],
  ])('%s: is told, with what to do', async (_, change, type, message) => {
    const error = await errorWith(change);
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });

  test('what answers and is no Postgres is told', async () => {
    const sockets = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    sockets.listen(0, '127.0.0.1');
    await once(sockets, 'listening');
    const { port } = sockets.address() as AddressInfo;
    const error = await errorWith((url) => (url.port = String(port)));
    expect(error.message).toMatch(/the TLS handshake failed/);
    sockets.close();
  });

  test('a table that is not ours is left alone', async () => {
    const { sql, schema, copy } = begin();
    await sql('CREATE SCHEMA $schema');
    for (const made of ['CREATE TABLE $schema.users (id int)', 'CREATE VIEW $schema.users AS SELECT 1 AS id']) {
      await sql(made);
      const error = await copy('run-1', addedUsers, [user('a')]).catch((each: unknown) => each as Error);
      expect(error).toBeInstanceOf(DestinationRefused);
      expect((error as Error).message).toMatch(
        new RegExp(`schema ${schema}, .*something of the name users that is not a table of Rollcall's\\. Rename that`),
      );
      await sql(made.replace(/^CREATE (\w+) (\S+) .*/, 'DROP $1 $2'));
    }
  });

  test('a constraint of somebody’s that refuses a row is named, and the row is not', async () => {
    const { sql, copy } = begin();
    await copy('run-1', addedUsers, []);
    await sql("ALTER TABLE $schema.users ADD CONSTRAINT only_few CHECK (email <> 'made-up@example.com')");
    const error = await copy('run-2', addedUsers, [user('a', 1, { email: 'made-up@example.com' })]).catch(
      (each: unknown) => each as Error,
    );
    expect((error as Error).message).toMatch(
      /the table users has a constraint that refuses rows, only_few\. Remove it/,
    );
    expect(JSON.stringify(error)).not.toContain('made-up@example.com');
  });

  test('a role without rights is told which, and needs no more than those', async () => {
    const { sql, staging, steps } = begin();
    await sql("CREATE ROLE rollcall LOGIN PASSWORD 'made-up-password'");
    await sql('CREATE DATABASE copies');
    const as = (user: string) => (url: URL) => {
      url.username = user;
      url.pathname = '/copies';
    };
    const refused = await errorWith(as('rollcall'));
    expect(refused).toBeInstanceOf(DestinationRefused);
    expect(refused.message).toContain(
      'permission denied for database copies. Run: GRANT CREATE, TEMPORARY ON DATABASE "copies" TO "rollcall"; GRANT USAGE, CREATE ON SCHEMA "acme" TO "rollcall";',
    );
    const admin = new URL(server().url);
    as('postgres')(admin);
    await query(admin.href, 'REVOKE ALL ON DATABASE copies FROM PUBLIC');
    await query(admin.href, 'GRANT CONNECT, TEMPORARY ON DATABASE copies TO rollcall');
    await query(admin.href, 'CREATE SCHEMA acme AUTHORIZATION rollcall');
    const url = new URL(server().url);
    as('rollcall')(url);
    const sink = createPostgresSink({ url: url.href, schema: 'acme', staging });
    await sink.deliver(await steps('run-1', addedUsers)([user('a', 1, { team: 'red' })], { status: 'COMPLETE' }));
    await sink.close();
  });
});
