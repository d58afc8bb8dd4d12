import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProjectSchema } from '../../../src/config/published-schemas';
import { type CliResult, runCli } from '../../support/cli';
import { scratchFolder } from '../../support/scratch';

const folder = scratchFolder();
const secrets = ['secret-in-the-file', 'secret-in-a-variable', 'secret-in-a-key-file', 'password-in-a-url'];
writeFileSync(join(folder, 'key.pem'), 'secret-in-a-key-file');
writeFileSync(
  join(folder, 'rollcall.yaml'),
  `defaults:
  lag_seconds: 60
  schedule: { every: 1h, jitter: 5m }
connections:
  acme:
    domain: acme.eu.auth0.com
    credentials:
      client_id: made-up-id
      client_secret: secret-in-the-file
    destination:
      postgres: { url: "postgres://rollcall:password-in-a-url@db.example.com/acme?password=password-in-a-url" }
  keyed:
    credentials: { private_key: file:key.pem }
    streams: { users: { mode: full_refresh } }
    destination: { files: ./data }
  lost:
    domain: env:NOT_SET
    credentials: { access_token: file:none }
    destination: { postgres: { url: env:DATABASE_URL } }
`,
);
const env = {
  AUTH0_DOMAIN: 'variable.example.com',
  AUTH0_CLIENT_ID: 'variable-id',
  AUTH0_CLIENT_SECRET: 'secret-in-a-variable',
  ROLLCALL_MAX_CONCURRENCY: '3',
  DATABASE_URL: 'postgres://x:password-in-a-url@db/x',
};
const show = (...args: string[]): Promise<CliResult> => runCli(['config', 'show', ...args], { cwd: folder, env });

it('shows every setting with its origin: a line of the file, a variable or the default', async () => {
  const { code, stdout, stderr } = await show();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const line of [
    /^ {2}domain +acme\.eu\.auth0\.com \(rollcall\.yaml:6\)$/m,
    /^ {2}credentials\.client_secret +set in the file \(hidden\) \(rollcall\.yaml:9\)$/m,
    /^ {2}lag_seconds +60 \(rollcall\.yaml:2\)$/m,
    /^ {2}schedule +every: 1h, jitter: 5m \(rollcall\.yaml:3\)$/m,
    /^ {2}destination\.postgres\.schema acme \(default\)$/m,
    /^ {2}max_concurrency +3 \(ROLLCALL_MAX_CONCURRENCY\)$/m,
    /^ {2}domain +variable\.example\.com \(AUTH0_DOMAIN\)$/m,
    /^ {2}credentials\.private_key +file:key\.pem \(rollcall\.yaml:13\)$/m,
    /^ {2}domain +env:NOT_SET \(cannot be resolved\)\s+\(rollcall\.yaml:17\)$/m,
    /^ {2}task_queue +rollcall \(default\)$/m,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(stdout).toMatch(/^ {2}! the environment variable NOT_SET, referenced by connections\.lost\.domain,/m);
  expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes('staging'))).toEqual([]);
  for (const secret of secrets) expect(stdout).not.toContain(secret);
});

it('prints one connection as JSON, without secrets', async () => {
  const { code, stdout } = await show('acme', '--json');
  expect(code).toBe(0);
  for (const secret of secrets) expect(stdout).not.toContain(secret);
  const { connections } = JSON.parse(stdout) as { connections: { connection: string; settings: object[] }[] };
  expect(connections).toHaveLength(1);
  expect(connections[0]?.settings).toContainEqual({
    key: 'destination.postgres.url',
    value: 'postgres://rollcall@db.example.com/acme',
    origin: 'rollcall.yaml:11',
  });
  expect(connections[0]).toMatchObject({ connection: 'acme', problems: [] });
});

it('prints the JSON schema of the project file', async () => {
  const { code, stdout } = await runCli(['config', 'schema'], { cwd: folder });
  expect({ code, schema: JSON.parse(stdout) as object }).toEqual({ code: 0, schema: createProjectSchema() });
});
