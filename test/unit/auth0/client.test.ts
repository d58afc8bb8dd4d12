import { gzipSync } from 'node:zlib';
import { type Auth0Client, type Auth0ClientOptions, createAuth0Client } from '../../../src/auth0/client';
import { Pacer } from '../../../src/auth0/rate-limit/pacer';
import type { ListRequest } from '../../../src/auth0/request';
import { createClientTokenSource, createFixedTokenSource } from '../../../src/auth0/token';
import { type ScriptedRequest, type ScriptedServer, startScripted } from './scripted-server';

const request: ListRequest = { path: 'clients', query: { take: 100 }, list: 'clients', key: 'client_id' };
const secretToken = 'planted.token.value';

let server: ScriptedServer;
let client: Auth0Client;
let slept: number[];

/** Answers in turn; the last one again and again. */
async function serve(
  answers: ((request: ScriptedRequest) => void)[],
  options: Partial<Auth0ClientOptions> = {},
): Promise<void> {
  let turn = 0;
  server = await startScripted((incoming) => answers[Math.min(turn++, answers.length - 1)]?.(incoming));
  slept = [];
  client = createAuth0Client({
    baseUrl: server.baseUrl,
    tokenSource: createFixedTokenSource(secretToken),
    pacer: new Pacer(),
    retries: 2,
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
    random: () => 1,
    ...options,
  });
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  (incoming: ScriptedRequest): void =>
    incoming.json(status, body, headers);
const raw =
  (body: string | Buffer, headers: Record<string, string> = {}, status = 200) =>
  (incoming: ScriptedRequest): void => {
    incoming.response.writeHead(status, headers).end(body);
  };

async function failure(work: Promise<unknown>): Promise<Record<string, unknown> & Error> {
  try {
    await work;
  } catch (error) {
    return error as Record<string, unknown> & Error;
  }
  throw new Error('it did not fail');
}

afterEach(async () => {
  client.close();
  await server.close();
});

const onePage = { clients: [{ client_id: 'c1' }], next: 'n*|+ 1' };

test("returns a page with its rows, checkpoint, size and the server's time", async () => {
  const body = JSON.stringify(onePage);
  await serve([raw(body, { date: 'Tue, 24 Nov 2026 10:00:00 GMT' })]);
  await expect(client.getPage(request)).resolves.toEqual({
    rows: [{ client_id: 'c1' }],
    isBareArray: false,
    next: 'n*|+ 1',
    bytes: body.length,
    respondedAt: Date.parse('2026-11-24T10:00:00Z'),
  });
  expect(server.requests[0]?.url).toBe('/api/v2/clients?take=100');
  expect(server.requests[0]?.headers).toMatchObject({
    authorization: `Bearer ${secretToken}`,
    'user-agent': 'rollcall',
  });
});

test('reads an envelope with totals and a bare array', async () => {
  await serve([json(200, { start: 0, limit: 50, total: 1, clients: [{ client_id: 'c' }] }), json(200, [])]);
  await expect(client.getPage(request)).resolves.toMatchObject({ isBareArray: false, start: 0, limit: 50, total: 1 });
  const page = await client.getPage(request);
  expect(page).toMatchObject({ isBareArray: true, rows: [] });
  expect(page).not.toHaveProperty('total');
});

test('percent-encodes all reserved characters of a query, and sends the path unchanged', async () => {
  await serve([json(200, [])]);
  const q = `created_at:{2026-01-01T00:00:00.000Z TO *] AND user_id:auth0|a+b*`;
  await client.getPage({ ...request, path: 'organizations/org_1/members', query: { q, from: "Fe26.2*'x'" } });
  const url = server.requests[0]?.url ?? '';
  expect(url).toMatch(/^\/api\/v2\/organizations\/org_1\/members\?[\w.~%&=-]+$/);
  expect(url).toContain('%7Ca%2Bb%2A');
  expect(url).toContain('%20TO%20');
  expect(new URL(url, server.baseUrl).searchParams.get('q')).toBe(q);
});

test('reuses connections', async () => {
  await serve([json(200, [])]);
  for (let i = 0; i < 5; i += 1) await client.getPage(request);
  expect(server.connections()).toBe(1);
});

test('reads a compressed page and rejects broken compression', async () => {
  const zipped = gzipSync(JSON.stringify(onePage));
  const gzip = { 'content-encoding': 'gzip' };
  await serve([raw(zipped, gzip), raw(Buffer.from('no gzip at all'), gzip)]);
  await expect(client.getPage(request)).resolves.toMatchObject({ rows: [{ client_id: 'c1' }] });
  expect(await failure(client.getPage(request))).toMatchObject({ name: 'UnexpectedAnswer' });
});

describe('a response that is not a complete list is rejected', () => {
  const cut = '{"clients":[{"client_id":"c';
  const zippedPage = gzipSync(JSON.stringify(onePage));
  test.each<[string, (incoming: ScriptedRequest) => void, RegExp]>([
    ['HTML', raw('<html>hello</html>', { 'content-type': 'text/html' }), /HTML/],
    ['cut JSON', raw(cut), /truncated/],
    ['cut JSON of the length that was announced', raw(cut, { 'content-length': String(cut.length) }), /truncated/],
    ['cut JSON, compressed', raw(gzipSync(cut), { 'content-encoding': 'gzip' }), /truncated/],
    ['JSON cut between two rows', raw('[{"client_id":"c1"},'), /truncated/],
    ['compressed JSON that is cut', raw(zippedPage.subarray(0, -12), { 'content-encoding': 'gzip' }), /truncated/],
    ['null', json(200, null), /list of clients/],
    ['a text', json(200, 'clients'), /list of clients/],
    ['no rows at all', json(200, { clients: null, total: 0 }), /list of clients/],
    ['an error with the status of a success', json(200, { statusCode: 500, error: 'planted' }), /list of clients/],
    ['nothing', raw(''), /nothing/],
    ['broken UTF-8', raw(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])), /UTF-8/],
    ['another envelope', json(200, { roles: [] }), /list of clients/],
    ['a total that is no number', json(200, { clients: [], total: 'many' }), /list of clients/],
    ['a row that is no object', json(200, { clients: ['c1'] }), /not an object/],
    ['a row that is null', json(200, { clients: [{ client_id: 'c1' }, null] }), /not an object/],
    ['a row that is null, without an envelope', json(200, [null]), /not an object/],
    ['a row whose key is null', json(200, [{ client_id: null }]), /without its client_id/],
    ['a row whose key is empty', json(200, [{ client_id: '' }]), /without its client_id/],
    ['a row without its key', json(200, { clients: [{ name: 'planted-row' }] }), /without its client_id/],
    ['a redirect', raw('', { location: 'https://example.org/' }, 302), /redirect/],
    ['a status without sense', raw('', {}, 204), /204/],
  ])('%s', async (_, answer, words) => {
    await serve([answer]);
    const error = await failure(client.getPage(request));
    expect(error).toMatchObject({ name: 'UnexpectedAnswer', message: expect.stringMatching(words) as string });
    expect(error.message).not.toContain('planted');
    expect(server.requests).toHaveLength(3);
  });

  test('a body above the size limit, also when it is small before decompression', async () => {
    const large = JSON.stringify([{ client_id: 'c'.repeat(100_000) }]);
    await serve([raw(large), raw(gzipSync(large), { 'content-encoding': 'gzip' })], {
      maxBodyBytes: 50_000,
      retries: 0,
    });
    for (let i = 0; i < 2; i += 1) {
      expect(await failure(client.getPage(request))).toMatchObject({
        name: 'UnexpectedAnswer',
        flaw: 'the response is too large',
      });
    }
  });
});

describe('a single object', () => {
  const role = { path: 'roles/rol_planted', key: 'id' };
  const whole = { id: 'rol_planted', name: 'a role', description: '' };

  test('is returned unchanged, requested without a query', async () => {
    await serve([json(200, whole)]);
    await expect(client.getObject(role)).resolves.toEqual(whole);
    expect(server.requests[0]).toMatchObject({ method: 'GET', url: '/api/v2/roles/rol_planted' });
    expect(server.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${secretToken}` });
  });

  test('is requested again after a failure and after a 429', async () => {
    await serve([raw('', {}, 502), json(429, {}, { 'retry-after': '0.1' }), json(200, whole)]);
    let sent = 0;
    await expect(client.getObject(role, { onRequest: () => (sent += 1) })).resolves.toEqual(whole);
    expect(sent).toBe(3);
    expect(client.getStats()).toEqual({ requests: 3, retries: 1, rateLimited: 1, succeeded: 1 });
  });

  test.each<[string, (incoming: ScriptedRequest) => void, RegExp]>([
    ['cut JSON', raw('{"id":"rol_planted","na'), /truncated/],
    ['HTML', raw('<html>planted</html>'), /HTML/],
    ['a list', json(200, [whole]), /not an object/],
    ['null', json(200, null), /not an object/],
    ['an object without its key', json(200, { roles: [whole] }), /without its id/],
    ['an object whose key is no text', json(200, { id: 7 }), /without its id/],
  ])('is not read from %s', async (_, answer, words) => {
    await serve([answer]);
    const error = await failure(client.getObject(role));
    expect(error).toMatchObject({ name: 'UnexpectedAnswer', message: expect.stringMatching(words) as string });
    expect(error.message).toMatch(/^GET roles\/{id} returned an unexpected response/);
    expect(error.message).not.toContain('planted');
    expect(server.requests).toHaveLength(3);
  });
});

test('messages contain the path template and nothing of the request or the response', async () => {
  const echo = (incoming: ScriptedRequest): void =>
    incoming.json(400, { error: 'Bad Request', message: `bad value ${incoming.url}`, errorCode: 'invalid_uri' });
  await serve([echo]);
  const error = await failure(
    client.getPage({
      path: 'organizations/org_planted/members',
      query: { q: 'planted' },
      list: 'members',
      key: 'user_id',
    }),
  );
  expect(error.message).toMatch(/^GET organizations\/{id}\/members was rejected with status 400 \(invalid_uri\)\. \w/);
  expect(`${JSON.stringify(error)} ${error.message} ${error.stack}`).not.toContain('planted');
});

describe('transient failures are retried with growing pauses and then thrown', () => {
  test('a server that keeps failing', async () => {
    await serve([json(503, {}, { 'retry-after': '30' })]);
    expect(await failure(client.getPage(request))).toMatchObject({
      name: 'Transient',
      cause: 'Auth0 answered 503',
      unreachable: false,
    });
    expect(slept).toEqual([1_000, 2_000]);
  });

  test('a reset connection and a truncated body', async () => {
    const reset = (incoming: ScriptedRequest): void => void incoming.socket.resetAndDestroy();
    const cut = (incoming: ScriptedRequest): void => {
      incoming.response.writeHead(200, { 'content-length': '1000' }).write('[{"client_id":');
      setTimeout(() => incoming.socket.destroy(), 20);
    };
    await serve([reset, cut, json(200, onePage)]);
    await expect(client.getPage(request)).resolves.toMatchObject({ rows: [{ client_id: 'c1' }] });
    expect(client.getStats().retries).toBe(2);
  });

  test('a server that does not answer in time', async () => {
    await serve([() => {}], { timeoutMs: 50, retries: 0 });
    expect(await failure(client.getPage(request))).toMatchObject({ name: 'Transient', cause: 'the request timed out' });
  });

  test('a server that never completes its response', async () => {
    const trickle = (incoming: ScriptedRequest): void => {
      const drip = setInterval(() => incoming.response.write(' '), 10);
      incoming.socket.once('close', () => clearInterval(drip));
    };
    await serve([trickle], { timeoutMs: 30, retries: 0 });
    expect(await failure(client.getPage(request))).toMatchObject({ name: 'Transient' });
  });

  test('a server that refuses connections', async () => {
    await serve([json(200, [])], { retries: 0 });
    await server.close();
    expect(await failure(client.getPage(request))).toMatchObject({
      name: 'Transient',
      unreachable: true,
      cause: 'the connection was refused',
    });
  });
});

describe('a 429', () => {
  const full = { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0' };
  const body = {
    statusCode: 429,
    error: 'Too Many Requests',
    message: 'Global limit has been reached',
    errorCode: 'too_many_requests',
  };

  test('is retried after its Retry-After and is not a failure', async () => {
    await serve([json(429, body, { ...full, 'retry-after': '1.1' }), json(200, [])], { retries: 0 });
    const waits: string[] = [];
    const startedAt = Date.now();
    await client.getPage(request, { onWait: (until, reason) => waits.push(`${reason} ${until > startedAt}`) });
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_090);
    expect(client.getStats()).toEqual({ requests: 2, retries: 0, rateLimited: 1, succeeded: 1 });
    expect(waits).toEqual(['rateLimit true']);
  });

  test("without Retry-After is retried after the reset, by the server's clock", async () => {
    const date = new Date('2020-01-01T00:00:00Z');
    const headers = { ...full, date: date.toUTCString(), 'x-ratelimit-reset': String(date.getTime() / 1000 + 1) };
    await serve([json(429, body, headers), json(200, [])]);
    const startedAt = Date.now();
    await client.getPage(request);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  test('with a wait that is too long rejects this and later requests with the time to retry', async () => {
    await serve([json(429, body, { ...full, 'retry-after': '3600' })], { maxWaitMs: 5_000 });
    const startedAt = Date.now();
    for (let i = 0; i < 2; i += 1) {
      const error = await failure(client.getPage(request));
      expect(error.name).toBe('RateLimited');
      expect(error['retryAt']).toBeGreaterThanOrEqual(startedAt + 3_599_000);
    }
    expect(server.requests).toHaveLength(1);
  });
});

describe('with a client id and secret', () => {
  const grant = (token: string) => ({
    access_token: token,
    expires_in: 3600,
    token_type: 'Bearer',
    scope: 'read:clients',
  });

  async function serveTenant(accepts: (token: string) => boolean): Promise<{ issued(): number }> {
    let issued = 0;
    await serve([
      (incoming) => {
        if (incoming.url === '/oauth/token') incoming.json(200, grant(`t${(issued += 1)}`));
        else if (accepts(incoming.headers.authorization?.slice(7) ?? '')) incoming.json(200, []);
        else
          incoming.json(401, {
            statusCode: 401,
            error: 'Unauthorized',
            message: 'Expired token received for JSON Web Token validation',
          });
      },
    ]);
    client.close();
    const tokenSource = createClientTokenSource({
      baseUrl: server.baseUrl,
      clientId: 'id',
      credential: { clientSecret: 's' },
    });
    client = createAuth0Client({ baseUrl: server.baseUrl, tokenSource, pacer: new Pacer() });
    return { issued: () => issued };
  }

  test('a rejected token is renewed once for all concurrent requests', async () => {
    let valid = 't1';
    const { issued } = await serveTenant((token) => token === valid);
    await client.getPage(request);
    valid = 't2';
    await Promise.all([1, 2, 3, 4].map(() => client.getPage(request)));
    expect(issued()).toBe(2);
  });

  test('a rejected new token fails with BadCredentials', async () => {
    const { issued } = await serveTenant(() => false);
    expect(await failure(client.getPage(request))).toMatchObject({
      name: 'BadCredentials',
      problem: 'refused_fresh_token',
    });
    expect(issued()).toBe(2);
  });

  test("the token's scopes are known", async () => {
    await serveTenant(() => true);
    await expect(client.getScopes()).resolves.toEqual(['read:clients']);
  });
});

describe('an abort rejects the call at once with its reason', () => {
  test.each<[string, (incoming: ScriptedRequest) => void]>([
    ['during a request', () => {}],
    ['during a rate limit wait', json(429, {}, { 'retry-after': '30' })],
    ['during the pause before a retry', json(503, {}, { 'retry-after': '30' })],
  ])('%s', async (_, answer) => {
    await serve([answer]);
    client.close();
    client = createAuth0Client({
      baseUrl: server.baseUrl,
      tokenSource: createFixedTokenSource('t'),
      pacer: new Pacer(),
      random: () => 1,
    });
    const reason = new Error('aborted by the test');
    const ending = new AbortController();
    setTimeout(() => ending.abort(reason), 50);
    const startedAt = Date.now();
    expect(await failure(client.getPage(request, { signal: ending.signal }))).toBe(reason);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
  });

  test('before the first request', async () => {
    await serve([json(200, [])]);
    const reason = new Error('aborted before');
    expect(await failure(client.getPage(request, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });
});
