import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findConnection, rejectCredentialFlags } from '../../../src/app/connection';
import { resolveSecrets } from '../../../src/config/references';
import { failureOf } from '../../support/config-failure';
import { scratchFolder } from '../../support/program';

const folder = scratchFolder();
const config = join(folder, 'rollcall.yaml');
writeFileSync(
  config,
  `connections:
  acme:
    domain: acme.eu.auth0.com
    credentials: { client_id: file-id, client_secret: file:secret }
    start_date: '2020-01-01'
    destination: { files: ./data }
`,
);
const variables = ['AUTH0_DOMAIN', 'AUTH0_CLIENT_ID', 'AUTH0_CLIENT_SECRET'];
afterEach(() => {
  for (const name of variables) Reflect.deleteProperty(process.env, name);
});

it('flags come before the file: how to sign in, and from when on', async () => {
  const { source } = await findConnection('acme', {
    config,
    clientSecret: 'file:./rotated',
    startDate: '2024-01-01',
    audience: 'https://a/',
  });
  expect(source).toEqual({
    domain: 'acme.eu.auth0.com',
    credentials: { client_id: 'file-id', client_secret: `file:${resolve('rotated')}` },
    start_date: '2024-01-01',
    audience: 'https://a/',
  });
});

it.each([
  [{ accessToken: 'env:TOKEN' }, { access_token: 'env:TOKEN' }],
  [{ privateKey: 'file:/key.pem' }, { client_id: 'file-id', private_key: 'file:/key.pem' }],
  [{ clientId: 'flag' }, { client_id: 'flag', client_secret: 'file:secret' }],
  [{}, { client_id: 'file-id', client_secret: 'file:secret' }],
])('%j signs in by %j', async (flags, credentials) => {
  expect((await findConnection('acme', { config, ...flags })).source.credentials).toEqual(credentials);
});

it.each([{ domain: 'other.example.com' }, { baseUrl: 'http://127.0.0.1:1' }, { files: 'elsewhere' }])(
  'another tenant or folder under a name of the file is refused: %j',
  async (flags) => {
    const failure = await failureOf(() => findConnection('acme', { config, ...flags }));
    expect(failure.message).toMatch(/^--[a-z-]+ cannot be given along with the connection acme\./);
  },
);

it('a connection of flags is completed from Auth0’s variables, down to the tenant', async () => {
  expect((await failureOf(() => findConnection(undefined, { config }))).message).toMatch(/^no connection was given/);
  Object.assign(process.env, { AUTH0_DOMAIN: 'a.example.com', AUTH0_CLIENT_ID: 'id', AUTH0_CLIENT_SECRET: 'made-up' });
  const connection = await findConnection(undefined, { config, clientId: 'flag' });
  expect(await resolveSecrets(connection)).toMatchObject({
    baseUrl: 'https://a.example.com',
    credentials: { clientId: 'flag', clientSecret: 'made-up' },
  });
  process.env['AUTH0_DOMAIN'] = 'b.example.com';
  expect((await findConnection(undefined, { config, clientId: 'flag' })).name).not.toBe(connection.name);
});

it('flags that sign in are refused where workers elsewhere do the work', async () => {
  expect((await failureOf(() => rejectCredentialFlags({ config, privateKey: 'x' }))).message).toMatch(
    /^--private-key does not reach the workers/,
  );
  expect(() => rejectCredentialFlags({ config, startDate: '2024-01-01' })).not.toThrow();
});
