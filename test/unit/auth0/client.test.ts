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

test('a page comes with its rows, its checkpoint, its size and the clock of the server', async () => {
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

test('an envelope of totals and a bare array are read as what they are', async () => {
  await serve([json(200, { start: 0, limit: 50, total: 1, clients: [{ client_id: 'c' }] }), json(200, [])]);
  await expect(client.getPage(request)).resolves.toMatchObject({ isBareArray: false, start: 0, limit: 50, total: 1 });
  const page = await client.getPage(request);
  expect(page).toMatchObject({ isBareArray: true, rows: [] });
  expect(page).not.toHaveProperty('total');
});

test('every reserved character of a query is percent-encoded, and the path is sent as it is', async () => {
  await serve([json(200, [])]);
  const q = `created_at:{2026-01-01T00:00:00.000Z TO *] AND user_id:auth0|a+b*`;
  await client.getPage({ ...request, path: 'organizations/org_1/members', query: { q, from: "Fe26.2*'x'" } });
  const url = server.requests[0]?.url ?? '';
  expect(url).toMatch(/^\/api\/v2\/organizations\/org_1\/members\?[\w.~%&=-]+$/);
  expect(url).toContain('%7Ca%2Bb%2A');
  expect(url).toContain('%20TO%20');
  expect(new URL(url, server.baseUrl).searchParams.get('q')).toBe(q);
});

test('connections are kept for the next request', async () => {
  await serve([json(200, [])]);
  for (let i = 0; i < 5; i += 1) await client.getPage(request);
  expect(server.connections()).toBe(1);
});

test('a compressed page is read, a broken compression is not taken', async () => {
  const zipped = gzipSync(JSON.stringify(onePage));
  const gzip = { 'content-encoding': 'gzip' };
  await serve([raw(zipped, gzip), raw(Buffer.from('no gzip at all'), gzip)]);
  await expect(client.getPage(request)).resolves.toMatchObject({ rows: [{ client_id: 'c1' }] });
  expect(await failure(client.getPage(request))).toMatchObject({ name: 'UnexpectedAnswer' });
});

describe('an answer that is not a list of whole rows is never taken', () => {
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

  test('a body beyond the cap, also when it is small before decompression', async () => {
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

  test('comes as it is, asked for without a query', async () => {
    await serve([json(200, whole)]);
    await expect(client.getObject(role)).resolves.toEqual(whole);
    expect(server.requests[0]).toMatchObject({ method: 'GET', url: '/api/v2/roles/rol_planted' });
    expect(server.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${secretToken}` });
  });

  test('is asked for again after a failure, and waited for at the limit', async () => {
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
  ])('is not taken from %s', async (_, answer, words) => {
    await serve([answer]);
    const error = await failure(client.getObject(role));
    expect(error).toMatchObject({ name: 'UnexpectedAnswer', message: expect.stringMatching(words) as string });
    expect(error.message).toMatch(/^GET roles\/{id} returned an unexpected response/);
    expect(error.message).not.toContain('planted');
    expect(server.requests).toHaveLength(3);
  });
});

test('a message names the template of the path and holds nothing of what was sent or received', async () => {
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

describe('what may pass is tried again in place, with growing pauses, and then thrown', () => {
  test('a server that stays ill', async () => {
    await serve([json(503, {}, { 'retry-after': '30' })]);
    expect(await failure(client.getPage(request))).toMatchObject({
      name: 'Transient',
      cause: 'Auth0 answered 503',
      unreachable: false,
    });
    expect(slept).toEqual([1_000, 2_000]);
  });

  test('a reset connection and a body that is cut off', async () => {
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

  test('a server that trickles its answer for ever', async () => {
    const trickle = (incoming: ScriptedRequest): void => {
      const drip = setInterval(() => incoming.response.write(' '), 10);
      incoming.socket.once('close', () => clearInterval(drip));
    };
    await serve([trickle], { timeoutMs: 30, retries: 0 });
    expect(await failure(client.getPage(request))).toMatchObject({ name: 'Transient' });
  });

  test('a server that is not there', async () => {
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

  test('is waited for as Retry-After says, and does not count as a failure', async () => {
    await serve([json(429, body, { ...full, 'retry-after': '1.1' }), json(200, [])], { retries: 0 });
    const waits: string[] = [];
    const begun = Date.now();
    await client.getPage(request, { onWait: (until, reason) => waits.push(`${reason} ${until > begun}`) });
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1_090);
    expect(client.getStats()).toEqual({ requests: 2, retries: 0, rateLimited: 1, succeeded: 1 });
    expect(waits).toEqual(['rateLimit true']);
  });

  test('without Retry-After is waited for until the reset, by the clock of the server', async () => {
    const date = new Date('2020-01-01T00:00:00Z');
    const headers = { ...full, date: date.toUTCString(), 'x-ratelimit-reset': String(date.getTime() / 1000 + 1) };
    await serve([json(429, body, headers), json(200, [])]);
    const begun = Date.now();
    await client.getPage(request);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(990);
  });

  test('with a wait too long is RateLimited and says until when, to all that come in the meantime', async () => {
    await serve([json(429, body, { ...full, 'retry-after': '3600' })], { maxWaitMs: 5_000 });
    const begun = Date.now();
    for (let i = 0; i < 2; i += 1) {
      const error = await failure(client.getPage(request));
      expect(error.name).toBe('RateLimited');
      expect(error['retryAt']).toBeGreaterThanOrEqual(begun + 3_599_000);
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

  test('a token that is refused is renewed once for all requests that met the refusal', async () => {
    let valid = 't1';
    const { issued } = await serveTenant((token) => token === valid);
    await client.getPage(request);
    valid = 't2';
    await Promise.all([1, 2, 3, 4].map(() => client.getPage(request)));
    expect(issued()).toBe(2);
  });

  test('a fresh token that is refused as well ends in BadCredentials', async () => {
    const { issued } = await serveTenant(() => false);
    expect(await failure(client.getPage(request))).toMatchObject({
      name: 'BadCredentials',
      problem: 'refused_fresh_token',
    });
    expect(issued()).toBe(2);
  });

  test('the scopes of the token are known', async () => {
    await serveTenant(() => true);
    await expect(client.getScopes()).resolves.toEqual(['read:clients']);
  });
});

describe('an abort ends it at once with its reason', () => {
  test.each<[string, (incoming: ScriptedRequest) => void]>([
    ['in mid-request', () => {}],
    ['while waiting for the limit', json(429, {}, { 'retry-after': '30' })],
    ['in the pause before another try', json(503, {}, { 'retry-after': '30' })],
  ])('%s', async (_, answer) => {
    await serve([answer]);
    client.close();
    client = createAuth0Client({
      baseUrl: server.baseUrl,
      tokenSource: createFixedTokenSource('t'),
      pacer: new Pacer(),
      random: () => 1,
    });
    const reason = new Error('stop it');
    const ending = new AbortController();
    setTimeout(() => ending.abort(reason), 50);
    const begun = Date.now();
    expect(await failure(client.getPage(request, { signal: ending.signal }))).toBe(reason);
    expect(Date.now() - begun).toBeLessThan(10_000);
  });

  test('before anything was sent', async () => {
    await serve([json(200, [])]);
    const reason = new Error('too late');
    expect(await failure(client.getPage(request, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });
});
