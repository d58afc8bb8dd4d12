import { checkDatabase } from '../../../src/sinks/postgres/preflight';
import { query } from '../../support/postgres/rows';
import { createDatabase } from '../../support/servers';

let url: string;
beforeAll(async () => {
  url = await createDatabase();
  await query(url, "CREATE ROLE visitor LOGIN PASSWORD 'made-up'");
});

const buildVisitorUrl = (): string => url.replace(/\/\/[^@]+@/, '//visitor:made-up@');
const check = (target: string, schema: string): Promise<string> => checkDatabase(target, schema, ['users']);

test('reports that a schema can be created or written, and changes nothing', async () => {
  expect(await check(url, 'acme')).toMatch(/^Postgres \d.*schema acme can be created\.$/);
  const schemas = await query(url, "SELECT FROM pg_namespace WHERE nspname = 'acme'");
  expect(schemas).toEqual([]);
  await query(url, 'CREATE SCHEMA acme');
  expect(await check(url, 'acme')).toMatch(/schema acme can be written\.$/);
});

test('names each missing right in turn', async () => {
  const checkAsVisitor = (schema: string): Promise<string> => check(buildVisitorUrl(), schema);
  await expect(checkAsVisitor('new')).rejects.toThrow(
    /the role cannot create the schema\. Run: GRANT CREATE ON DATABASE "test_\w+" TO "visitor"/,
  );
  await query(url, `GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO visitor`);
  expect(await checkAsVisitor('new')).toContain('can be created');
  await query(url, 'CREATE SCHEMA "Team"');
  await expect(checkAsVisitor('Team')).rejects.toThrow(/GRANT USAGE, CREATE ON SCHEMA "Team" TO "visitor"/);
  await query(url, 'GRANT USAGE, CREATE ON SCHEMA "Team" TO visitor');
  expect(await checkAsVisitor('Team')).toContain('can be written');
  await query(url, 'CREATE TABLE "Team".users (id text); CREATE TABLE "Team".others (id text)');
  await expect(checkAsVisitor('Team')).rejects.toThrow(/another role owns the tables users\. Change the owner/);
  await query(url, `REVOKE TEMPORARY ON DATABASE ${new URL(url).pathname.slice(1)} FROM public`);
  await expect(checkAsVisitor('Team')).rejects.toThrow(/GRANT TEMPORARY ON DATABASE/);
});

test('reports a server that does not answer, and a wrong password', async () => {
  await expect(check('postgres://x@127.0.0.1:9/x', 's')).rejects.toMatchObject({ name: 'DestinationUnavailable' });
  const wrong = buildVisitorUrl().replace('made-up', 'wrong');
  await expect(check(wrong, 's')).rejects.toThrow(/the password is wrong/);
});
