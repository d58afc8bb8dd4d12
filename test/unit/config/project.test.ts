import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getConnection, loadProject, parseConnection } from '../../../src/config/project';
import { failureOf } from '../../support/config-failure';

const folder = mkdtempSync(path.join(tmpdir(), 'project-'));
const file = path.join(folder, 'rollcall.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

const known = [
  { name: 'clients', syncModes: ['full_refresh' as const] },
  { name: 'users', syncModes: ['full_refresh' as const, 'incremental' as const] },
];

function load(content: string) {
  writeFileSync(file, content);
  return loadProject(file, known);
}

const acme = `
connections:
  acme:
    domain: acme.eu.auth0.com
    credentials: { client_id: made-up-id, client_secret: env:AUTH0_CLIENT_SECRET }
    destination: { files: ./data }
`;

test('a connection has its settings as written, all streams, and a folder relative to the file', async () => {
  const project = await load(acme);
  expect(project.file).toBe(file);
  expect(getConnection(project, 'acme')).toEqual({
    name: 'acme',
    source: {
      domain: 'acme.eu.auth0.com',
      credentials: { client_id: 'made-up-id', client_secret: 'env:AUTH0_CLIENT_SECRET' },
    },
    streams: [
      { name: 'clients', syncMode: 'full_refresh' },
      { name: 'users', syncMode: 'incremental' },
    ],
    destination: { kind: 'files', folder: path.join(folder, 'data') },
    folder,
  });
});

test.each([
  ['[users]', [{ name: 'users', syncMode: 'incremental' }]],
  [
    '[users, clients]',
    [
      { name: 'users', syncMode: 'incremental' },
      { name: 'clients', syncMode: 'full_refresh' },
    ],
  ],
  ['{ users: { mode: full_refresh } }', [{ name: 'users', syncMode: 'full_refresh' }]],
  [
    '{ users: { mode: incremental }, clients: {} }',
    [
      { name: 'users', syncMode: 'incremental' },
      { name: 'clients', syncMode: 'full_refresh' },
    ],
  ],
])('reads the streams %s as %j', async (streams, expected) => {
  const project = await load(`${acme}    streams: ${streams}\n`);
  expect(getConnection(project, 'acme').streams).toEqual(expected);
});

test('reads any of the read options', async () => {
  const all = await load(`${acme}    lookback_seconds: 0\n    lag_seconds: 60\n    roles: { source: per_member }\n`);
  expect(getConnection(all, 'acme').source).toMatchObject({
    lookback_seconds: 0,
    lag_seconds: 60,
    roles: { source: 'per_member' },
  });
  const one = await load(`${acme}    lag_seconds: 60\n    roles: {}\n`);
  const keys = ['credentials', 'domain', 'lag_seconds', 'roles'];
  expect(Object.keys(getConnection(one, 'acme').source).sort()).toEqual(keys);
});

const postgres = acme.replace('files: ./data', 'postgres: { url: env:DATABASE_URL }');

test('keeps the reference to a database, and uses the connection name as the default schema', async () => {
  const loadDestination = async (content: string) => getConnection(await load(content), 'acme').destination;
  expect(await loadDestination(postgres)).toEqual({ kind: 'postgres', url: 'env:DATABASE_URL', schema: 'acme' });
  expect(await loadDestination(postgres.replace('URL }', 'URL, schema: Auth0 }'))).toMatchObject({ schema: 'Auth0' });
});

test('requires a schema when the connection name is not a valid one', async () => {
  const failure = await failureOf(() => load(postgres.replace('  acme:', `  ${'acme'.repeat(16)}:`)));
  expect(failure.message).toMatch(
    /schema is missing, and the connection's name is not a valid schema name\. Set a schema\.$/,
  );
});

test('rejects two connections with the same tables', async () => {
  const other = postgres.slice(postgres.indexOf('  acme:')).replace('acme:', 'other:');
  await load(postgres + other);
  const failure = await failureOf(() => load(postgres + other.replace('URL }', 'URL, schema: acme }')));
  expect(failure.message).toBe(
    'connections.other.destination.postgres.schema is also the destination of acme. Use a separate schema for each connection.',
  );
});

test('rejects two connections with the same folder, however it is written', async () => {
  const other = acme.slice(acme.indexOf('  acme:')).replace('acme:', 'other:');
  await load(acme + other.replace('./data', './data/other'));
  const failure = await failureOf(() => load(acme + other.replace('./data', 'data/../data/')));
  expect(failure.message).toBe(
    'connections.other.destination.files is also the destination of acme. Use a separate folder for each connection.',
  );
});

test('parses a connection from options', () => {
  const settings = { domain: 'a.example.com', base_url: undefined, credentials: {}, destination: { files: 'out' } };
  expect(parseConnection('flags', settings, known, '/work')).toMatchObject({
    name: 'flags',
    streams: [{ name: 'clients' }, { name: 'users' }],
    destination: { kind: 'files', folder: '/work/out' },
    folder: '/work',
    isFromOptions: true,
  });
});

test('suggests a valid example when the file does not exist', async () => {
  const missing = path.join(folder, 'none.yaml');
  const failure = await failureOf(() => loadProject(missing, known));
  expect(failure.message).toContain(`the file ${missing} does not exist`);
  const project = await load(failure.nextStep.slice(failure.nextStep.indexOf('\n') + 1));
  expect(getConnection(project, 'acme').destination.kind).toBe('files');
});

test('rejects a directory', async () => {
  expect((await failureOf(() => loadProject(folder, known))).message).toContain('cannot be read (EISDIR)');
});

test.each([
  ['connections:\n  acme:\n\tdomain: made-up', 3, 1],
  ['connections: {acme: {domain: "made-up}}', 1, 40],
  ['connections:\n  acme: 1\n  acme: made-up', 3, 3],
])('reports the position of the syntax error in %j', async (content, line, column) => {
  const failure = await failureOf(() => load(content));
  expect(failure.message).toMatch(new RegExp(`is not valid YAML: [a-z ]+ at line ${line}, column ${column}\\.`));
  expect(failure.message).not.toContain('made-up');
});

test('does not quote a secret that starts like an alias', async () => {
  const failure = await failureOf(() => load(acme.replace('env:AUTH0_CLIENT_SECRET', '*made-up')));
  expect(failure.message).toContain('is not valid YAML');
  expect(failure.message).not.toContain('made-up');
});

test('lists the connections for an unknown name, and suggests the closest', async () => {
  const project = await load(
    `${acme}  other:\n    domain: b.example.com\n    credentials: {}\n    destination: { files: b }\n`,
  );
  const failure = await failureOf(() => getConnection(project, 'acne'));
  expect(failure.message).toContain('has no connection "acne" (did you mean acme?).');
  expect(failure.nextStep).toBe('Connections: acme, other.');
  expect((await failureOf(() => getConnection(project, 'production'))).message).not.toContain('did you mean');
  expect((await failureOf(() => getConnection({ file, connections: new Map() }, 'acme'))).nextStep).toMatch(
    /^Add one:\n/,
  );
});

test.each([
  ['streams: [usres]', 'connections.acme.streams: unknown stream "usres" (did you mean users?).'],
  ['streams: [invoices]', 'connections.acme.streams: unknown stream "invoices". Available streams: clients, users.'],
  ['streams: [users, users]', 'connections.acme.streams contains users twice'],
  ['streams: { clients: { mode: incremental } }', 'connections.acme.streams.clients.mode is incremental, but'],
  ['streams: []', 'connections.acme.streams is empty'],
  ['streams: users', 'connections.acme.streams must be a list of streams, or a map'],
  ['streams: { users: { mode: sometimes } }', 'connections.acme.streams must be a list of streams, or a map'],
  ['start_dat: 2024-01-01', 'connections.acme has the unknown key start_dat'],
  ['start_date: 2024', 'connections.acme.start_date must be a string (in quotes)'],
  ['lookback_seconds: -1', 'connections.acme.lookback_seconds must be a whole number of seconds from 0 to'],
  ['lag_seconds: "60"', 'connections.acme.lag_seconds must be a whole number of seconds from 0 to 31536000 (a year),'],
  ['lag_seconds: 1 min', 'connections.acme.lag_seconds must be a whole number of seconds'],
  ['lag_second: 60', 'connections.acme has the unknown key lag_second'],
  ['roles: per_member', 'connections.acme.roles must be an object (keys and values)'],
  ['roles: { source: sometimes }', 'connections.acme.roles.source must be one of inline, per_member. Correct it and'],
  ['roles: { sorce: inline }', 'connections.acme.roles has the unknown key sorce'],
])('rejects %s and explains the problem', async (setting, message) => {
  const failure = await failureOf(() => load(`${acme}    ${setting}\n`));
  expect(failure.message).toContain(message);
});

test.each([
  ['', 'must be an object'],
  ['connections: []', 'connections must be an object'],
  ['connections: {Acme Inc: {}}', 'is not a valid connection name: use a-z'],
  ['connections: {acme: 1}', 'connections.acme must be an object'],
  [`${acme}defaults: { domain: made-up }`, 'defaults has the unknown key domain'],
  [`${acme}defaults: { credentials: { client_id: made-up } }`, 'defaults has the unknown key credentials'],
  [`${acme}defaults: { destination: { files: made-up } }`, 'defaults.destination.postgres is missing'],
  [`${acme}defaults: { lag_seconds: "made-up" }`, 'defaults.lag_seconds must be a whole number of seconds'],
  [`${acme}    schedule: { every: made-up }`, 'connections.acme.schedule.every must be a duration'],
  [acme.replace('files: ./data', ''), 'connections.acme.destination must contain either files or postgres'],
  [acme.replace('./data', './data, postgres: { url: env:URL }'), 'must contain either files or postgres'],
  [acme.replace('files: ./data', 'postgres: made-up'), 'connections.acme.destination.postgres must be an object'],
  [
    acme.replace('files: ./data', 'postgres: { url: "mysql://made-up", schema: pg_made-up }'),
    'connections.acme.destination.postgres.url must be a URL such as postgres://role@host:5432/database, or env:NAME or file:PATH; connections.acme.destination.postgres.schema must not start with pg_',
  ],
  [
    acme.replace('files: ./data', `postgres: { url: env:URL, schema: ${'x'.repeat(64)} }`),
    'not be longer than 63 bytes',
  ],
  [acme.replace('made-up-id', '5'), 'connections.acme.credentials.client_id must be a string (in quotes)'],
])('rejects %j and explains the problem', async (content, message) => {
  const failure = await failureOf(() => load(content));
  expect(failure.message).toContain(message);
  expect(failure.message).toContain(file);
  expect(failure.message).not.toContain('made-up');
});

describe('the defaults', () => {
  const other = `  other:
    destination: { postgres: { schema: Other } }
    lag_seconds: 5
    streams: [clients]
`;
  const defaults = `defaults:
  lag_seconds: 60
  lookback_seconds: 300
  streams: [users]
  schedule: { every: 1h }
  destination: { postgres: { url: env:DATABASE_URL } }
`;

  test('apply to each key that a connection does not set', async () => {
    const project = await load(acme.replace('destination: { files: ./data }', 'lag_seconds: 0') + other + defaults);
    expect(getConnection(project, 'acme')).toMatchObject({
      source: { domain: 'acme.eu.auth0.com', lag_seconds: 0, lookback_seconds: 300 },
      streams: [{ name: 'users', syncMode: 'incremental' }],
      schedule: { every: 3_600_000 },
      destination: { kind: 'postgres', url: 'env:DATABASE_URL', schema: 'acme' },
    });
    expect(getConnection(project, 'other')).toMatchObject({
      source: { lag_seconds: 5, lookback_seconds: 300, credentials: {} },
      streams: [{ name: 'clients' }],
      destination: { schema: 'Other', url: 'env:DATABASE_URL' },
    });
  });

  test('do not replace the folder of a connection', async () => {
    const project = await load(acme + defaults);
    expect(getConnection(project, 'acme').destination).toEqual({ kind: 'files', folder: path.join(folder, 'data') });
  });

  test('must not contain an unknown stream', async () => {
    const failure = await failureOf(() => load(`${acme}    streams: [users]\ndefaults: { streams: [usres] }\n`));
    expect(failure.message).toContain('defaults.streams: unknown stream "usres" (did you mean users?).');
  });

  test('do not replace a missing destination or database URL', async () => {
    const withoutDestination = acme.replace(/ +destination.*/, '');
    expect((await failureOf(() => load(withoutDestination))).message).toBe(
      'connections.acme.destination is missing, here and in defaults. Add one, such as destination: { files: ./data }.',
    );
    expect((await failureOf(() => load(`${withoutDestination}    destination: { postgres: {} }`))).message).toMatch(
      /^connections\.acme\.destination\.postgres\.url is missing/,
    );
  });

  test('require a separate schema of each connection', async () => {
    const two = `${acme.replace(/ +destination.*\n/, '')}${other.replace('schema: Other', 'schema: acme')}${defaults}`;
    expect((await failureOf(() => load(two))).message).toContain('is also the destination of acme');
  });
});

test('finds the line and the written value of a key', async () => {
  const project = await load(acme);
  expect(project.findLine(['connections', 'acme', 'domain'])).toBe(4);
  expect(project.findLine(['connections', 'acme', 'destination', 'files'])).toBe(6);
  expect(project.findLine(['defaults', 'lag_seconds'])).toBeUndefined();
  expect(project.getWrittenValue(['connections', 'acme', 'destination'])).toEqual({ files: './data' });
});
