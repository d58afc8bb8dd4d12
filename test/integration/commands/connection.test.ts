import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findConnection, rejectCredentialFlags } from '../../../src/app/connection';
import { resolveSecrets } from '../../../src/config/references';
import { createShell } from '../../support/cli';
import { failureOf } from '../../support/config-failure';
import { scratchFolder } from '../../support/scratch';

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
const shell = createShell({}, folder);

it('options take precedence over the credentials and the start date of the file', async () => {
  const { source } = await findConnection(
    'acme',
    {
      config,
      clientSecret: 'file:./rotated',
      startDate: '2024-01-01',
      audience: 'https://a/',
    },
    shell,
  );
  expect(source).toEqual({
    domain: 'acme.eu.auth0.com',
    credentials: { client_id: 'file-id', client_secret: `file:${join(folder, 'rotated')}` },
    start_date: '2024-01-01',
    audience: 'https://a/',
  });
});

it.each([
  [{ accessToken: 'env:TOKEN' }, { access_token: 'env:TOKEN' }],
  [{ privateKey: 'file:/key.pem' }, { client_id: 'file-id', private_key: 'file:/key.pem' }],
  [{ clientId: 'flag' }, { client_id: 'flag', client_secret: 'file:secret' }],
  [{}, { client_id: 'file-id', client_secret: 'file:secret' }],
])('the options %j result in the credentials %j', async (flags, credentials) => {
  expect((await findConnection('acme', { config, ...flags }, shell)).source.credentials).toEqual(credentials);
});

it.each([{ domain: 'other.example.com' }, { baseUrl: 'http://127.0.0.1:1' }, { files: 'elsewhere' }])(
  'rejects another tenant or folder under the name of a connection: %j',
  async (flags) => {
    const failure = await failureOf(() => findConnection('acme', { config, ...flags }, shell));
    expect(failure.message).toMatch(/^--[a-z-]+ cannot be combined with the connection acme\./);
  },
);

it('completes a connection given by options from the AUTH0_* variables', async () => {
  expect((await failureOf(() => findConnection(undefined, { config }, shell))).message).toMatch(
    /^no connection was given/,
  );
  const variables = { AUTH0_DOMAIN: 'a.example.com', AUTH0_CLIENT_ID: 'id', AUTH0_CLIENT_SECRET: 'made-up' };
  const complete = createShell(variables, folder);
  const connection = await findConnection(undefined, { config, clientId: 'flag' }, complete);
  expect(await resolveSecrets(connection, complete)).toMatchObject({
    baseUrl: 'https://a.example.com',
    credentials: { clientId: 'flag', clientSecret: 'made-up' },
  });
  const other = createShell({ ...variables, AUTH0_DOMAIN: 'b.example.com' }, folder);
  expect((await findConnection(undefined, { config, clientId: 'flag' }, other)).name).not.toBe(connection.name);
});

it('rejects credential options when other workers run the sync', async () => {
  expect((await failureOf(() => rejectCredentialFlags({ config, privateKey: 'x' }))).message).toMatch(
    /^--private-key has no effect/,
  );
  expect(() => rejectCredentialFlags({ config, startDate: '2024-01-01' })).not.toThrow();
});
