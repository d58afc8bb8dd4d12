import { checkDatabase } from '../../../src/sinks/postgres/preflight';
import { query } from '../../support/postgres/rows';
import { startPostgres, type PostgresServer } from '../../support/postgres/server';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
  await query(server.url, "CREATE ROLE visitor LOGIN PASSWORD 'made-up'");
});
afterAll(() => server.stop());

const asVisitor = (): string => server.url.replace(/\/\/[^@]+@/, '//visitor:made-up@');

test('tells of a schema that can be made or written, and leaves everything as it is', async () => {
  expect(await checkDatabase({ url: server.url, schema: 'acme' })).toMatch(/^Postgres \d.*schema acme can be made\.$/);
  const schemas = await query(server.url, "SELECT FROM pg_namespace WHERE nspname = 'acme'");
  expect(schemas).toEqual([]);
  await query(server.url, 'CREATE SCHEMA acme');
  expect(await checkDatabase({ url: server.url, schema: 'acme' })).toMatch(/schema acme can be written\.$/);
});

test('names the right that is missing, one after the other', async () => {
  const look = (schema: string): Promise<string> => checkDatabase({ url: asVisitor(), schema });
  await expect(look('new')).rejects.toThrow(
    /may not make the schema\. Run: GRANT CREATE ON DATABASE "postgres" TO "visitor"/,
  );
  await query(server.url, 'GRANT CREATE ON DATABASE postgres TO visitor');
  expect(await look('new')).toContain('can be made');
  await query(server.url, 'CREATE SCHEMA "Held"');
  await expect(look('Held')).rejects.toThrow(/GRANT USAGE, CREATE ON SCHEMA "Held" TO "visitor"/);
  await query(server.url, 'GRANT USAGE, CREATE ON SCHEMA "Held" TO visitor');
  expect(await look('Held')).toContain('can be written');
  await query(server.url, 'CREATE TABLE "Held".users (id text); CREATE TABLE "Held".others (id text)');
  await expect(look('Held')).rejects.toThrow(/users there belong to another role/);
  await query(server.url, 'REVOKE TEMPORARY ON DATABASE postgres FROM public');
  await expect(look('Held')).rejects.toThrow(/GRANT TEMPORARY ON DATABASE/);
});

test('says that nothing answers, and that the password is wrong', async () => {
  await expect(checkDatabase({ url: 'postgres://x@127.0.0.1:9/x', schema: 's' })).rejects.toMatchObject({
    name: 'DestinationUnavailable',
  });
  await expect(checkDatabase({ url: asVisitor().replace('made-up', 'wrong'), schema: 's' })).rejects.toThrow(
    /password is not accepted/,
  );
});
