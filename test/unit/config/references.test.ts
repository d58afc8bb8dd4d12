import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseConnection } from '../../../src/config/project';
import { resolveDestination, resolveReadOptions, resolveSecrets } from '../../../src/config/references';
import { failureOf } from '../../support/config-failure';
import { createShell } from '../../support/cli';

const folder = mkdtempSync(path.join(tmpdir(), 'references-'));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(path.join(folder, 'secrets'));
const secretFile = path.join(folder, 'secrets/auth0');

function connection(settings: object) {
  const { isFromOptions: _, ...written } = parseConnection(
    'acme',
    { destination: { files: 'data' }, ...settings },
    [],
    folder,
  );
  return written;
}

const defaults = { lookbackSeconds: 180, lagSeconds: 0, rolesSource: 'inline' };

const machine = connection({
  domain: 'env:AUTH0_DOMAIN',
  credentials: { client_id: 'made-up-id', client_secret: 'file:secrets/auth0' },
  start_date: '2024-01-31',
  lookback_seconds: 300,
  roles: { source: 'per_member' },
  rate_limit_reserve: 0.2,
  max_concurrency: 3,
});

test('resolves variables, and files relative to the project folder', async () => {
  writeFileSync(secretFile, 'made-up-secret\n');
  expect(await resolveSecrets(machine, createShell({ AUTH0_DOMAIN: 'acme.eu.auth0.com' }))).toEqual({
    baseUrl: 'https://acme.eu.auth0.com',
    credentials: {
      type: 'client_credentials',
      clientId: 'made-up-id',
      clientSecret: 'made-up-secret',
      audience: 'https://acme.eu.auth0.com/api/v2/',
    },
    startDate: '2024-01-31T00:00:00.000Z',
    readOptions: { lookbackSeconds: 300, lagSeconds: 0, rolesSource: 'per_member' },
    pacing: { reserve: 0.2, maxConcurrency: 3 },
  });
});

test('reads a changed secret at the next use', async () => {
  const variables = { AUTH0_DOMAIN: 'acme.eu.auth0.com' };
  for (const clientSecret of ['made-up-1', 'made-up-2']) {
    writeFileSync(secretFile, clientSecret);
    expect((await resolveSecrets(machine, createShell(variables))).credentials).toMatchObject({ clientSecret });
  }
});

test('uses a token, an audience and plain values', async () => {
  const base_url = 'http://127.0.0.1:4010';
  expect(
    await resolveSecrets(
      connection({ base_url, credentials: { access_token: 'env:TOKEN' } }),
      createShell({ TOKEN: 'made-up' }),
    ),
  ).toEqual({
    baseUrl: base_url,
    credentials: { type: 'access_token', accessToken: 'made-up' },
    readOptions: defaults,
    pacing: { reserve: 0.1 },
  });
  const audience = 'https://acme.eu.auth0.com/api/v2/';
  const custom = connection({
    domain: 'login.example.com',
    audience,
    credentials: { client_id: 'a', client_secret: 'b' },
  });
  expect((await resolveSecrets(custom, createShell({}))).credentials).toMatchObject({ audience });
});

test.each([{}, { AUTH0_DOMAIN: '' }])(
  'names a variable that is not set, and the setting that refers to it: %j',
  async (variables) => {
    const failure = await failureOf(() => resolveSecrets(machine, createShell(variables)));
    expect(failure.message).toBe(
      'the environment variable AUTH0_DOMAIN, referenced by connections.acme.domain, is not set. Set AUTH0_DOMAIN.',
    );
    expect(failure.where).toBe('connections.acme.domain');
  },
);

test('names a missing or empty file, and the setting that refers to it', async () => {
  const variables = { AUTH0_DOMAIN: 'acme.eu.auth0.com' };
  const subject = `the file ${secretFile}, referenced by connections.acme.credentials.client_secret,`;
  rmSync(secretFile);
  expect((await failureOf(() => resolveSecrets(machine, createShell(variables)))).message).toContain(
    `${subject} cannot be read`,
  );
  writeFileSync(secretFile, '\n');
  expect((await failureOf(() => resolveSecrets(machine, createShell(variables)))).message).toContain(
    `${subject} is empty`,
  );
});

test('names an invalid setting by its path in the file, without its value', async () => {
  writeFileSync(secretFile, 'made-up-secret');
  const failure = await failureOf(() => resolveSecrets(machine, createShell({ AUTH0_DOMAIN: 'https://made-up' })));
  expect(failure.message).toContain('connections.acme.domain must be a host name such as');
  expect(failure.message).not.toContain('made-up');
});

test('rejects a client together with a token', async () => {
  const both = connection({
    domain: 'a.example.com',
    credentials: { client_secret: 'made-up', access_token: 'made-up' },
  });
  expect((await failureOf(() => resolveSecrets(both, createShell({})))).message).toContain(
    'both an access token and a client',
  );
});

test('resolves the start date and the read options without the secrets', async () => {
  const settings = { domain: 'env:NOT_SET', credentials: { client_id: 'made-up', client_secret: 'env:NOT_SET' } };
  const dated = connection({ ...settings, start_date: '2024-01-31', lag_seconds: 60, roles: { source: 'per_member' } });
  expect(await resolveReadOptions(dated, createShell())).toEqual({
    startDate: '2024-01-31T00:00:00.000Z',
    readOptions: { lookbackSeconds: 180, lagSeconds: 60, rolesSource: 'per_member' },
  });
  expect(await resolveReadOptions(connection(settings), createShell())).toEqual({ readOptions: defaults });
  const error = await failureOf(() =>
    resolveReadOptions(connection({ ...settings, start_date: 'soon' }), createShell()),
  );
  expect(error).toMatchObject({ name: 'ConfigError', where: 'connections.acme.start_date' });
});

test('resolves the URL of a database, and does not quote an invalid one', async () => {
  const destination = { postgres: { url: 'env:DATABASE_URL' } };
  const stored = connection({ domain: 'a.example.com', credentials: {}, destination });
  const url = 'postgres://made-up:made-up@db.example.com/acme?sslmode=verify-full';
  expect(await resolveDestination(stored, createShell({ DATABASE_URL: url }))).toEqual({
    kind: 'postgres',
    url,
    schema: 'acme',
  });
  for (const wrong of ['made-up', 'mysql://made-up/', 'postgres://made-up:70000000/']) {
    const failure = await failureOf(() => resolveDestination(stored, createShell({ DATABASE_URL: wrong })));
    expect(failure.message).toMatch(/^connections\.acme\.destination\.postgres\.url is not a Postgres URL/);
    expect(failure.message).not.toContain('made-up');
  }
  const missing = await failureOf(() => resolveDestination(stored, createShell({})));
  expect(missing.message).toContain(
    'DATABASE_URL, referenced by connections.acme.destination.postgres.url, is not set',
  );
});
