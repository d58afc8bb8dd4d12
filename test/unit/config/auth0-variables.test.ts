import path from 'node:path';
import { applyAuth0Variables } from '../../../src/config/auth0-variables';
import { parseConnection } from '../../../src/config/project';
import { resolveSecrets } from '../../../src/config/references';
import { failureOf } from '../../support/config-failure';
import { createShell } from '../../support/cli';

const all = {
  AUTH0_DOMAIN: 'variable.example.com',
  AUTH0_CLIENT_ID: 'variable-id',
  AUTH0_CLIENT_SECRET: 'variable-secret',
  AUTH0_AUDIENCE: 'https://variable.example.com/api/v2/',
};

const connection = (source: object) => parseConnection('acme', { destination: { files: 'data' }, ...source }, [], '.');
const complete = (source: object, variables: Record<string, string>) =>
  applyAuth0Variables(connection(source).source, createShell(variables));

test('uses the variables for a connection without settings of its tenant', async () => {
  expect(await resolveSecrets(connection({}), createShell(all))).toMatchObject({
    baseUrl: 'https://variable.example.com',
    credentials: {
      type: 'client_credentials',
      clientId: 'variable-id',
      clientSecret: 'variable-secret',
      audience: 'https://variable.example.com/api/v2/',
    },
  });
});

test('does not change a complete connection', () => {
  const whole = { domain: 'acme.eu.auth0.com', credentials: { client_id: 'file', client_secret: 'file' } };
  expect(complete(whole, { ...all, AUTH0_ACCESS_TOKEN: 'token', AUTH0_CLIENT_SIGNING_KEY_PATH: 'key.pem' })).toEqual(
    whole,
  );
});

test.each<[object, Record<string, string>, object]>([
  [{ base_url: 'http://127.0.0.1:1' }, { AUTH0_DOMAIN: 'x' }, { base_url: 'http://127.0.0.1:1', credentials: {} }],
  [
    { credentials: { client_id: 'file' } },
    all,
    { credentials: { client_id: 'file', client_secret: 'env:AUTH0_CLIENT_SECRET' } },
  ],
  [
    { domain: 'd', credentials: { client_secret: 'file' } },
    all,
    {
      domain: 'd',
      credentials: { client_id: 'env:AUTH0_CLIENT_ID', client_secret: 'file' },
      audience: 'env:AUTH0_AUDIENCE',
    },
  ],
  [
    { credentials: { client_id: 'file', private_key: 'file:key' }, audience: 'file' },
    all,
    { credentials: { client_id: 'file', private_key: 'file:key' }, audience: 'file' },
  ],
  [{}, { ...all, AUTH0_ACCESS_TOKEN: 't' }, { credentials: { access_token: 'env:AUTH0_ACCESS_TOKEN' } }],
  [{}, { ...all, AUTH0_API_TOKEN: 't' }, { credentials: { access_token: 'env:AUTH0_API_TOKEN' } }],
  [{ credentials: { client_id: 'file' } }, { AUTH0_ACCESS_TOKEN: 't' }, { credentials: { client_id: 'file' } }],
  [
    {},
    { AUTH0_CLIENT_ID: 'id', AUTH0_CLIENT_SIGNING_KEY_PATH: 'key.pem', AUTH0_CLIENT_SECRET: 's' },
    { credentials: { client_id: 'env:AUTH0_CLIENT_ID', private_key: `file:${path.resolve('key.pem')}` } },
  ],
  [
    { credentials: { client_id: 'file' } },
    { AUTH0_CLIENT_SIGNING_KEY_PATH: '/key.pem', AUTH0_CLIENT_SIGNING_ALGORITHM: 'PS256' },
    {
      credentials: {
        client_id: 'file',
        private_key: 'file:/key.pem',
        algorithm: 'env:AUTH0_CLIENT_SIGNING_ALGORITHM',
      },
    },
  ],
  [{}, { AUTH0_DOMAIN: '', AUTH0_CLIENT_ID: '' }, { credentials: {} }],
])('completes %j with %j to %j', (source, variables, expected) => {
  expect(complete(source, variables)).toMatchObject(expected);
  const { credentials, audience } = complete(source, variables);
  expect(credentials).toEqual((expected as { credentials: object }).credentials);
  if (!('AUTH0_AUDIENCE' in variables)) expect(audience).toBeUndefined();
});

test('names missing settings, and the variables that set them', async () => {
  const failure = await failureOf(() =>
    resolveSecrets(connection({}), createShell({ AUTH0_DOMAIN: 'acme.eu.auth0.com' })),
  );
  expect(failure.message).toMatch(/--client-id is missing; --client-secret is missing\. .*AUTH0_CLIENT_ID/);
});

test('reserve and concurrency of the environment take precedence over the file', async () => {
  const paced = connection({ rate_limit_reserve: 0.5 });
  const variables = { ...all, ROLLCALL_RATE_LIMIT_RESERVE: '0', ROLLCALL_MAX_CONCURRENCY: '2' };
  expect((await resolveSecrets(paced, createShell(variables))).pacing).toEqual({ reserve: 0, maxConcurrency: 2 });
  expect((await resolveSecrets(paced, createShell(all))).pacing).toEqual({ reserve: 0.5 });
});
