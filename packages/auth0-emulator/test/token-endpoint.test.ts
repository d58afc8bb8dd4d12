import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { readerScopes } from '../src/settings';
import { type Emulator, startEmulator } from '../src/server';
import { toText } from '../src/json';
import { requestToken } from './visitor';

let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'empty', tokenLifetimeSeconds: 3_600 });
});
afterAll(() => emulator.close());
afterEach(() => emulator.updateSettings({ tokenRefusal: undefined }));

it('answers valid credentials in a form with a signed token, its lifetime and scopes', async () => {
  const { status, headers, body } = await requestToken(emulator);

  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.any(String) as string,
    scope: readerScopes.join(' '),
    expires_in: 3_600,
    token_type: 'Bearer',
  });
  expect(headers.get('content-type')).toBe('application/json');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('pragma')).toBe('no-cache');
  const token = toText(body['access_token']);
  const claims = decodeJwt(token);
  expect(decodeProtectedHeader(token).alg).toBe('RS256');
  expect(claims).toMatchObject({
    iss: `${emulator.url}/`,
    sub: `${emulator.clientId}@clients`,
    aud: emulator.audience,
    azp: emulator.clientId,
    gty: 'client-credentials',
  });
  expect(Number(claims.exp) - Number(claims.iat)).toBe(3_600);
});

it('accepts a JSON body', async () => {
  const response = await fetch(`${emulator.url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: emulator.clientId,
      client_secret: emulator.clientSecret,
      audience: emulator.audience,
    }),
  });
  expect(response.status).toBe(200);
});

it('accepts the audience with https and with the host of the request', async () => {
  expect((await requestToken(emulator, { audience: `https://${emulator.domain}/api/v2/` })).status).toBe(200);
});

const clientGrantText =
  'You need to create a "client-grant" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants';

it.each([
  ['a wrong secret', { client_secret: 'wrong' }, 401, { error: 'access_denied', error_description: 'Unauthorized' }],
  ['a wrong client id', { client_id: 'wrong' }, 401, { error: 'access_denied', error_description: 'Unauthorized' }],
  [
    'an unknown audience',
    { audience: 'https://tenant.example.com/api/v2' },
    403,
    {
      error: 'access_denied',
      error_description: 'Service not enabled within domain: https://tenant.example.com/api/v2',
    },
  ],
  [
    'an empty refresh token',
    { grant_type: 'refresh_token', refresh_token: '' },
    400,
    { error: 'invalid_request', error_description: 'Missing required parameter: refresh_token' },
  ],
  [
    'another grant type',
    { grant_type: 'password' },
    403,
    { error: 'unauthorized_client', error_description: "Grant type 'password' not allowed for the client." },
  ],
])('rejects %s as Auth0 does', async (_what, form, status, body) => {
  const reply = await requestToken(emulator, form);
  expect({ status: reply.status, body: reply.body }).toEqual({ status, body });
});

it('rejects an audience without a trailing slash', async () => {
  expect((await requestToken(emulator, { audience: emulator.audience.slice(0, -1) })).status).toBe(403);
});

it('rejects a client without a grant and names the audience', async () => {
  emulator.updateSettings({ tokenRefusal: 'no-grant' });
  const { status, body } = await requestToken(emulator);
  const description = `Client is not authorized to access "${emulator.audience}". ${clientGrantText}`;
  expect({ status, body }).toEqual({ status: 403, body: { error: 'access_denied', error_description: description } });
});

it.each([
  ['grant-type-off', 403, 'unauthorized_client', "Grant type 'client_credentials' not allowed for the client."],
  ['quota-exceeded', 429, 'too_many_requests', 'Client quota exceeded'],
  ['global-limit', 500, 'access_denied', 'Global limit has been reached'],
] as const)('can be set to refuse with %s', async (tokenRefusal, status, error, description) => {
  emulator.updateSettings({ tokenRefusal });
  const reply = await requestToken(emulator);
  expect(reply.status).toBe(status);
  expect(reply.body).toMatchObject({ error, error_description: description });
  expect(reply.headers.has('retry-after')).toBe(tokenRefusal === 'quota-exceeded');
  expect(reply.headers.has('auth0-client-quota-limit')).toBe(tokenRefusal === 'quota-exceeded');
});

it('has its own rate limit', async () => {
  const limited = await startEmulator({
    scenario: 'empty',
    rateLimits: { groups: { token: { size: 1, perMinute: 1 } } },
  });
  const first = await requestToken(limited);
  const second = await requestToken(limited);
  await limited.close();
  expect([first.status, second.status]).toEqual([200, 429]);
  expect(second.headers.get('x-ratelimit-remaining')).toBe('0');
});

describe('a client with a registered key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const algorithm = 'RS256';
  const now = (): number => Math.floor(Date.now() / 1_000);
  beforeAll(() =>
    emulator.updateSettings({
      clientKey: { publicKey: publicKey.export({ format: 'pem', type: 'spki' }).toString(), algorithm },
    }),
  );
  afterAll(() => emulator.updateSettings({ clientKey: undefined }));

  const assert = ({ claims = {}, alg = algorithm, key = privateKey }: Assertion = {}): Promise<string> =>
    new SignJWT({
      iss: emulator.clientId,
      sub: emulator.clientId,
      aud: `${emulator.url}/`,
      exp: now() + 60,
      jti: randomUUID(),
      ...claims,
    })
      .setProtectedHeader({ alg })
      .sign(key);
  const ask = (assertion: string): ReturnType<typeof requestToken> =>
    requestToken(emulator, {
      client_secret: '',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });

  it('is accepted with an assertion, once', async () => {
    const assertion = await assert();
    expect((await ask(assertion)).status).toBe(200);
    expect((await ask(assertion)).status).toBe(401);
  });

  it.each<[string, Assertion]>([
    ['of another client', { claims: { iss: 'other' } }],
    ['about another client', { claims: { sub: 'other' } }],
    ['for another tenant', { claims: { aud: 'https://other.example.com/' } }],
    ['that has expired', { claims: { exp: now() - 60 } }],
    ['good for an hour', { claims: { exp: now() + 3_600 } }],
    ['without an id', { claims: { jti: undefined } }],
    ['by another algorithm', { alg: 'RS384' }],
    ['by another key', { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }],
    ['too long', { claims: { more: 'x'.repeat(2_000) } }],
  ])('is rejected with an assertion %s', async (_, wrong) => {
    const { status, body } = await ask(await assert(wrong));
    expect([status, body]).toEqual([
      401,
      { error: 'invalid_client', error_description: 'Client authentication failed' },
    ]);
  });

  it('is rejected with its secret', async () => {
    expect((await requestToken(emulator)).status).toBe(401);
  });
});

interface Assertion {
  claims?: Record<string, unknown>;
  alg?: string;
  key?: KeyObject;
}
