import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { maskSecrets } from '../../../src/airbyte/protocol-output';
import { listSecrets, parseSourceConfig } from '../../../src/config/source';
import { ConfigError } from '../../../src/errors';
import { failureOf } from '../../support/config-failure';

const machine = { auth_type: 'oauth2_confidential_application', client_id: 'id', client_secret: 'made-up-secret' };
const token = { auth_type: 'oauth2_access_token', access_token: 'made-up-token' };
const domain = 'acme.eu.auth0.com';
const defaults = { lookbackSeconds: 180, lagSeconds: 0, rolesSource: 'inline' };

test('accepts the configuration of Airbyte’s own connector', () => {
  expect(
    parseSourceConfig({
      base_url: 'https://acme.eu.auth0.com/',
      credentials: { ...machine, audience: 'https://acme.eu.auth0.com/api/v2/' },
      start_date: '2023-08-05T00:43:59.244Z',
    }),
  ).toEqual({
    baseUrl: 'https://acme.eu.auth0.com',
    credentials: {
      type: 'client_credentials',
      clientId: 'id',
      clientSecret: 'made-up-secret',
      audience: 'https://acme.eu.auth0.com/api/v2/',
    },
    startDate: '2023-08-05T00:43:59.244Z',
    readOptions: defaults,
    pacing: { reserve: 0.1 },
  });
  expect(parseSourceConfig({ base_url: 'https://acme.eu.auth0.com', credentials: token })).toEqual({
    baseUrl: 'https://acme.eu.auth0.com',
    credentials: { type: 'access_token', accessToken: 'made-up-token' },
    readOptions: defaults,
    pacing: { reserve: 0.1 },
  });
});

test.each([
  [{ domain }],
  [{ domain: 'ACME.eu.auth0.com' }],
  [{ base_url: 'https://acme.eu.auth0.com' }],
  [{ base_url: 'https://acme.eu.auth0.com//' }],
  [{ base_url: ' https://acme.eu.auth0.com/\n' }],
  [{ domain, base_url: 'https://acme.eu.auth0.com/' }],
  [{ domain, base_url: null, start_date: null, _limit: 5, colour: { of: 'bikeshed' } }],
])('reads %j as one tenant', (tenant) => {
  expect(parseSourceConfig({ ...tenant, credentials: { ...token, _note: 1 } })).toEqual({
    baseUrl: 'https://acme.eu.auth0.com',
    credentials: { type: 'access_token', accessToken: 'made-up-token' },
    readOptions: defaults,
    pacing: { reserve: 0.1 },
  });
});

test.each([
  ['http://127.0.0.1:4010', 'http://127.0.0.1:4010'],
  ['http://127.8.9.1/', 'http://127.8.9.1'],
  ['http://localhost:80/', 'http://localhost'],
  ['http://[::1]:3000', 'http://[::1]:3000'],
  ['https://localhost:8443', 'https://localhost:8443'],
])('%s is a loopback address and may go unencrypted', (base_url, baseUrl) => {
  expect(parseSourceConfig({ base_url, credentials: token }).baseUrl).toBe(baseUrl);
});

test.each([
  ['http://acme.eu.auth0.com', 'must start with https://'],
  ['http://127.0.0.1.example.com', 'must start with https://'],
  ['http://128.0.0.1', 'must start with https://'],
  ['http://localhost.example.com', 'must start with https://'],
  ['http://[::2]', 'must start with https://'],
  ['acme.eu.auth0.com', 'must be a URL'],
  ['ftp://acme.eu.auth0.com', 'must be a URL'],
  ['https:acme.eu.auth0.com', 'must be a URL'],
  ['https://user:made-up-secret@acme.eu.auth0.com', 'must not contain a user name'],
  ['https://acme.eu.auth0.com/api/v2/', 'must end after the host'],
  ['https://acme.eu.auth0.com/?a=made-up-secret', 'must end after the host'],
  ['https://acme.eu.auth0.com/#made-up-secret', 'must end after the host'],
])('rejects the base URL %s', async (base_url, message) => {
  const failure = await failureOf(() => parseSourceConfig({ base_url, credentials: token }));
  expect(failure.message).toContain(`base_url ${message}`);
  expect(failure.message).not.toContain('made-up');
});

test.each([
  'https://acme.eu.auth0.com',
  'acme',
  'acme.eu.auth0.com/',
  'acme.eu.auth0.com:443',
  'a@acme.com',
  '1.2.3.4.5',
  'acme..com',
  'xn--.com',
])('rejects the domain %s', async (wrong) => {
  const failure = await failureOf(() => parseSourceConfig({ domain: wrong, credentials: token }));
  expect(failure.message.match(/domain must be a host name such as/g)).toHaveLength(1);
});

test.each([
  [undefined, 'https://acme.eu.auth0.com/api/v2/'],
  [null, 'https://acme.eu.auth0.com/api/v2/'],
  ['https://acme.eu.auth0.com/api/v2', 'https://acme.eu.auth0.com/api/v2/'],
  ['https://other.eu.auth0.com/api/v2/', 'https://other.eu.auth0.com/api/v2/'],
])('reads the audience %s as %s', (audience, expected) => {
  expect(parseSourceConfig({ domain, credentials: { ...machine, audience } }).credentials).toMatchObject({
    audience: expected,
  });
});

test.each([
  ['2024-01-31', '2024-01-31T00:00:00.000Z'],
  ['2017-01-25T00:00:00Z', '2017-01-25T00:00:00.000Z'],
  ['2024-01-31T08:30:00.123456789+02:00', '2024-01-31T06:30:00.123Z'],
])('reads the start date %s as %s', (start_date, startDate) => {
  expect(parseSourceConfig({ domain, credentials: token, start_date }).startDate).toBe(startDate);
});

test.each([
  [{}, {}],
  [{ lookback_seconds: null, lag_seconds: null, roles: null }, {}],
  [{ roles: {} }, {}],
  [{ roles: { source: null, _note: 1 } }, {}],
  [{ lookback_seconds: 0 }, { lookbackSeconds: 0 }],
  [
    { lookback_seconds: 31536000, lag_seconds: 60 },
    { lookbackSeconds: 31536000, lagSeconds: 60 },
  ],
  [{ roles: { source: 'inline' } }, { rolesSource: 'inline' }],
  [{ roles: { source: 'per_member' } }, { rolesSource: 'per_member' }],
])('reads %j as the defaults with %j', (settings, options) => {
  expect(parseSourceConfig({ domain, credentials: token, ...settings }).readOptions).toEqual({
    ...defaults,
    ...options,
  });
});

const odd = [-1, 1.5, -1.5, 31536001, 1e300, '180', '', true, [], {}];
test.each(['lookback_seconds', 'lag_seconds'].flatMap((key) => odd.map((value) => [key, value] as const)))(
  'rejects %s: %j with one problem',
  async (key, value) => {
    const failure = await failureOf(() => parseSourceConfig({ domain, credentials: token, [key]: value }));
    expect(failure.message).toBe(
      `the configuration is invalid: ${key} must be a whole number of seconds from 0 to 31536000 (a year), without quotes. ` +
        'Correct it and run the command again. The `spec` command lists all keys.',
    );
    expect(failure.where).toBe(key);
  },
);

test.each([
  [{}, { reserve: 0.1 }],
  [{ rate_limit_reserve: null, max_concurrency: null }, { reserve: 0.1 }],
  [{ rate_limit_reserve: 0 }, { reserve: 0 }],
  [
    { rate_limit_reserve: 0.9, max_concurrency: 1 },
    { reserve: 0.9, maxConcurrency: 1 },
  ],
])('reads the pacing of %j as %j', (settings, pacing) => {
  expect(parseSourceConfig({ domain, credentials: token, ...settings }).pacing).toEqual(pacing);
});

test.each([
  ...[-0.1, 0.91, '0.1', true, {}].map((value) => ['rate_limit_reserve', value, 'a number from 0 to 0.9'] as const),
  ...[0, 101, 1.5, '8', []].map((value) => ['max_concurrency', value, 'a whole number from 1 to 100'] as const),
])('rejects %s: %j with one problem', async (key, value, what) => {
  const failure = await failureOf(() => parseSourceConfig({ domain, credentials: token, [key]: value }));
  expect(failure.message).toBe(
    `the configuration is invalid: ${key} must be ${what}, without quotes. ` +
      'Correct it and run the command again. The `spec` command lists all keys.',
  );
});

test('trims values', () => {
  expect(
    parseSourceConfig({ domain: ` ${domain} `, credentials: { ...token, access_token: 'made-up-token\n' } }),
  ).toEqual(parseSourceConfig({ domain, credentials: token }));
});

test('names all problems in one message, without any value', async () => {
  const failure = await failureOf(() =>
    parseSourceConfig(
      { credentials: { ...machine, client_id: 5, client_secret: '  ' }, start_date: 'made-up' },
      { describePath: (path) => `connections.acme.${path}` },
    ),
  );
  expect(failure.message).toBe(
    'the configuration is invalid: connections.acme.credentials.client_id must be a string (in quotes); ' +
      'connections.acme.credentials.client_secret is empty; ' +
      'connections.acme.start_date is not an ISO 8601 date or time, such as 2024-01-31 or 2024-01-31T08:30:00Z; ' +
      'connections.acme.domain is missing; set it or base_url. ' +
      'Correct it and run the command again. The `spec` command lists all keys.',
  );
  expect(failure.where).toBe('connections.acme.credentials.client_id');
});

test.each<[unknown, string]>([
  [null, 'must be an object'],
  [[], 'must be an object'],
  [{ domain }, 'credentials is missing'],
  [{ domain, credentials: 'made-up-secret' }, 'credentials must be an object'],
  [
    { domain, credentials: {} },
    'credentials.auth_type must be one of oauth2_confidential_application, private_key_jwt, oauth2_access_token',
  ],
  [
    { domain, credentials: { auth_type: 'made-up' } },
    'credentials.auth_type must be one of oauth2_confidential_application',
  ],
  [{ domain, credentials: { ...machine, client_secret: undefined } }, 'credentials.client_secret is missing'],
  [{ domain, credentials: { ...token, access_token: null } }, 'credentials.access_token is missing'],
  [
    { domain, base_url: 'https://other.eu.auth0.com', credentials: token },
    'domain and base_url refer to different tenants',
  ],
  [{ domain, credentials: token, roles: 'made-up' }, 'roles must be an object (keys and values)'],
  [{ domain, credentials: token, roles: { source: 'made-up' } }, 'roles.source must be one of inline, per_member.'],
])('rejects %j', async (json, message) => {
  const failure = await failureOf(() => parseSourceConfig(json));
  expect(failure.message).toContain(message);
  expect(failure.message).not.toContain('made-up');
});

describe('credentials with a private key', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString();
  const signing = { auth_type: 'private_key_jwt', client_id: 'id', private_key: pem };

  test('use RS256 unless another algorithm is set', () => {
    const { credentials } = parseSourceConfig({ domain, credentials: signing });
    const client = { type: 'private_key_jwt', clientId: 'id', audience: `https://${domain}/api/v2/` };
    expect(credentials).toEqual({ ...client, privateKey: pem, algorithm: 'RS256' });
    const other = parseSourceConfig({ domain, credentials: { ...signing, algorithm: 'PS256', key_id: 'k1' } });
    expect(other.credentials).toEqual({ ...client, privateKey: pem, algorithm: 'PS256', keyId: 'k1' });
  });

  test.each([
    [{ private_key: 'made-up-secret' }, 'credentials.private_key is not a private key in PEM format'],
    [{ private_key: undefined }, 'credentials.private_key is missing'],
    [{ algorithm: 'HS256' }, 'credentials.algorithm'],
  ])('are rejected when they cannot sign: %j', async (part, message) => {
    const failure = await failureOf(() => parseSourceConfig({ domain, credentials: { ...signing, ...part } }));
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain('made-up-secret');
  });

  test('have a secret, as a whole and by lines', () => {
    const secrets = listSecrets(parseSourceConfig({ domain, credentials: signing }));
    const masked = maskSecrets(`the key ${pem} or its second line ${pem.split('\n')[2]}`, secrets);
    expect(masked).toBe('the key **** or its second line ****');
  });
});

test('lists the secrets of a configuration', () => {
  expect(listSecrets(parseSourceConfig({ domain, credentials: machine }))).toEqual(['made-up-secret']);
  expect(listSecrets(parseSourceConfig({ domain, credentials: token }))).toEqual(['made-up-token']);
});

test('any JSON is either a valid configuration or a ConfigError without any value', () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('a.b', 'https://a.b', '2024-01-01'), fc.domain(), fc.webUrl());
  const secret = fc.constantFrom('s3cr3t-value', 's3cr3t\u0000', 5, null);
  const credentials = fc.record(
    {
      auth_type: fc.constantFrom('oauth2_confidential_application', 'oauth2_access_token', 's3cr3t', 1),
      client_id: secret,
      client_secret: secret,
      access_token: secret,
      audience: value,
    },
    { requiredKeys: [] },
  );
  const config = fc.record(
    {
      domain: value,
      base_url: value,
      credentials: fc.oneof(credentials, value),
      start_date: value,
      lookback_seconds: value,
      lag_seconds: fc.oneof(fc.double(), secret),
      roles: fc.oneof(fc.record({ source: fc.oneof(secret, value) }), secret),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(config, value), (json) => {
      try {
        expect(new URL(parseSourceConfig(json).baseUrl).origin).toBe(parseSourceConfig(json).baseUrl);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        expect((error as ConfigError).message).not.toContain('s3cr3t');
      }
    }),
    { numRuns: 500 },
  );
});
