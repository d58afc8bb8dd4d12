import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt } from 'jose';
import { createClientTokenSource, createFixedTokenSource, type TokenSource } from '../../../src/auth0/token';
import { type ScriptedRequest, type ScriptedServer, startScripted } from './scripted-server';

let server: ScriptedServer;
let tokens: TokenSource;
let now: number;

async function serve(answer: (request: ScriptedRequest) => void, audience?: string): Promise<void> {
  server = await startScripted(answer);
  now = Date.parse('2026-11-24T10:00:00Z');
  tokens = createClientTokenSource({
    baseUrl: server.baseUrl,
    clientId: 'an id',
    credential: { clientSecret: 'planted+secret&' },
    ...(audience === undefined ? {} : { audience }),
    now: () => now,
  });
}

afterEach(async () => {
  tokens?.close();
  await server?.close();
});

let issued: number;
const issue = (fields: object = {}) => {
  issued = 0;
  return (request: ScriptedRequest): void =>
    request.json(200, { access_token: `token-${(issued += 1)}`, expires_in: 100, token_type: 'Bearer', ...fields });
};

const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;

test('requests a token with a form whose audience ends in a slash', async () => {
  await serve(issue(), 'https://acme.example.com/api/v2');
  await expect(tokens.getToken()).resolves.toBe('token-1');
  const [request] = server.requests;
  expect(request?.method).toBe('POST');
  expect(request?.url).toBe('/oauth/token');
  expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
    grant_type: 'client_credentials',
    client_id: 'an id',
    client_secret: 'planted+secret&',
    audience: 'https://acme.example.com/api/v2/',
  });
});

test("uses the base URL's audience by default", async () => {
  await serve(issue());
  await tokens.getToken();
  expect(new URLSearchParams(server.requests[0]?.body).get('audience')).toBe(`${server.baseUrl}/api/v2/`);
});

test('renews a token after nine tenths of its lifetime', async () => {
  await serve(issue());
  await tokens.getToken();
  now += 89_000;
  await expect(tokens.getToken()).resolves.toBe('token-1');
  now += 2_000;
  await expect(tokens.getToken()).resolves.toBe('token-2');
});

test('renews a long-lived token a minute before it expires', async () => {
  await serve(issue({ expires_in: 86_400 }));
  await tokens.getToken();
  now += 86_400_000 - 61_000;
  await expect(tokens.getToken()).resolves.toBe('token-1');
  now += 2_000;
  await expect(tokens.getToken()).resolves.toBe('token-2');
});

test('shares one request between concurrent callers, also when one of them aborts', async () => {
  await serve(issue());
  const leaving = new AbortController();
  const first = tokens.getToken(leaving.signal);
  const others = [tokens.getToken(), tokens.getToken(), tokens.getScopes()];
  leaving.abort(new Error('leaving'));
  await expect(first).rejects.toThrow('leaving');
  await expect(Promise.all(others)).resolves.toEqual(['token-1', 'token-1', undefined]);
  expect(server.requests).toHaveLength(1);
});

test('replaces a rejected token once', async () => {
  await serve(issue());
  const stale = await tokens.getToken();
  expect(tokens.invalidate(stale)).toBe(true);
  await expect(tokens.getToken()).resolves.toBe('token-2');
  tokens.invalidate(stale);
  await expect(tokens.getToken()).resolves.toBe('token-2');
});

test('reads scopes from the response, or else from the token', async () => {
  await serve(issue({ scope: 'read:users read:clients' }));
  await expect(tokens.getScopes()).resolves.toEqual(['read:users', 'read:clients']);
  tokens.close();
  await server.close();
  await serve((request) => request.json(200, { access_token: jwt({ scope: 'read:roles' }), expires_in: 100 }));
  await expect(tokens.getScopes()).resolves.toEqual(['read:roles']);
});

test.each<[string, unknown]>([
  ['no token', { expires_in: 5 }],
  ['an empty token', { access_token: '', expires_in: 5 }],
  ['no end', { access_token: 'planted' }],
  ['null', null],
  ['HTML', '<html>planted</html>'],
])('rejects a 200 with %s', async (_, body) => {
  await serve(({ response }) => response.end(typeof body === 'string' ? body : JSON.stringify(body)));
  const error = await tokens.getToken().catch((thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ name: 'UnexpectedAnswer' });
  expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain('planted');
});

test('sends no request before the end of an exhausted limit', async () => {
  const grant = issue();
  await serve((request) =>
    server.requests.length === 1 ? request.json(429, {}, { 'retry-after': '7' }) : grant(request),
  );
  for (let i = 0; i < 3; i += 1) {
    await expect(tokens.getToken()).rejects.toMatchObject({ name: 'RateLimited', retryAt: now + 7_000 });
  }
  expect(server.requests).toHaveLength(1);
  now += 7_000;
  await expect(tokens.getToken()).resolves.toBe('token-1');
});

describe('a client with a private key', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const credential = {
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    algorithm: 'RS256',
  } as const;
  const signIn = async (answer: (request: ScriptedRequest) => void): Promise<void> => {
    await serve(answer);
    tokens.close();
    tokens = createClientTokenSource({ baseUrl: server.baseUrl, clientId: 'an id', credential, now: () => now });
  };

  test('signs a new assertion for each request and sends no secret', async () => {
    await signIn(issue());
    tokens.invalidate(await tokens.getToken());
    await tokens.getToken();
    const [first, second] = server.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
    const { client_assertion: assertion, ...form } = first!;
    expect(form).toEqual({
      grant_type: 'client_credentials',
      client_id: 'an id',
      audience: `${server.baseUrl}/api/v2/`,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    expect(decodeJwt(assertion!)).toMatchObject({ iss: 'an id', aud: `${server.baseUrl}/` });
    expect(second!['client_assertion']).not.toBe(assertion);
  });

  test('reports the key, not a secret, when it is rejected', async () => {
    await signIn((request) =>
      request.json(401, { error: 'invalid_client', error_description: 'Client authentication failed' }),
    );
    await expect(tokens.getToken()).rejects.toMatchObject({ name: 'BadCredentials', problem: 'private_key' });
  });

  test('reports a missing grant as such', async () => {
    await signIn((request) =>
      request.json(403, { error: 'access_denied', error_description: 'Client is not authorized to access "x".' }),
    );
    await expect(tokens.getToken()).rejects.toMatchObject({ problem: 'client_grant' });
  });
});

describe('a fixed token', () => {
  test('is used without surrounding whitespace and cannot be renewed', async () => {
    const fixed = createFixedTokenSource(` ${jwt({ scope: 'read:users' })}\n`);
    await expect(fixed.getToken()).resolves.toBe(jwt({ scope: 'read:users' }));
    await expect(fixed.getScopes()).resolves.toEqual(['read:users']);
    expect(fixed.invalidate('x')).toBe(false);
  });

  test.each(['opaque', 'a.b.c', 'a..c', `e30.${Buffer.from('[1]').toString('base64url')}.x`])(
    'that carries no readable scopes has unknown ones: %s',
    async (token) => {
      await expect(createFixedTokenSource(token).getScopes()).resolves.toBeUndefined();
    },
  );

  test('is rejected at once when it is not a valid header value', () => {
    expect(() => createFixedTokenSource('two\nlines')).toThrow(/rejected the access token/);
  });
});
