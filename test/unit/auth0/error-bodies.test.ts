import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { toActivityFailure } from '../../../src/activities/activity-failure';
import { type Auth0Client, createAuth0Client } from '../../../src/auth0/client';
import { Pacer } from '../../../src/auth0/rate-limit/pacer';
import { createClientTokenSource, createFixedTokenSource } from '../../../src/auth0/token';
import { type Answer, type Asked, rows } from './error-bodies';
import { type ScriptedServer, startScripted } from './scripted-server';

const users = { path: 'users', query: { q: 'planted' }, list: 'users', key: 'user_id' };
const members = {
  path: 'organizations/org_planted/members',
  query: { from: 'planted' },
  list: 'members',
  key: 'user_id',
};

const asks: Record<Asked, (client: Auth0Client) => Promise<unknown>> = {
  'POST /oauth/token': (client) => client.getPage(users),
  'GET users': (client) => client.getPage(users),
  'GET organizations/{id}/members': (client) => client.getPage(members),
  'GET roles/{id}': (client) => client.getObject({ path: 'roles/rol_planted', key: 'id' }),
};

let server: ScriptedServer;
let client: Auth0Client;
/** What has been slept, so to say: it is added to the time. */
let slept: number;
const now = (): number => Date.now() + slept;

interface Setting {
  /** So many requests of the kind get the answer, and then what they ask for. */
  times: number;
  maxWaitMs: number;
  /** The token is got with an id and a secret. */
  secret: boolean;
}

async function serve(asked: Asked, { status, body, headers }: Answer, { times, maxWaitMs, secret }: Setting) {
  let left = times;
  const whole = { users: [], members: [], id: 'rol_planted', access_token: 'planted.token.x', expires_in: 86_400 };
  server = await startScripted(({ url, json, response }) => {
    const hit = (url === '/oauth/token') === (asked === 'POST /oauth/token');
    if (!hit || left === 0) return json(200, whole);
    left -= 1;
    if (typeof body === 'object') return json(status, body, headers);
    response.writeHead(status, headers).end(body);
  });
  slept = 0;
  const { baseUrl } = server;
  const tokenSource = secret
    ? createClientTokenSource({ baseUrl, clientId: 'planted', credential: { clientSecret: 'planted' }, now })
    : createFixedTokenSource('planted.token.x');
  const sleep = (ms: number): Promise<void> => {
    slept += ms;
    return Promise.resolve();
  };
  const random = (): number => 0;
  client = createAuth0Client({
    baseUrl,
    tokenSource,
    pacer: new Pacer({ now, random }),
    maxWaitMs,
    retries: 2,
    now,
    sleep,
    random,
  });
}

const sent = (toToken: boolean): number =>
  server.requests.filter(({ url }) => (url === '/oauth/token') === toToken).length;

async function refusal(asked: Asked): Promise<Error & Record<string, unknown>> {
  return asks[asked](client).then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => error as Error & Record<string, unknown>,
  );
}

type Failure = Error & Partial<Pick<ApplicationFailure, 'nextRetryDelay'>>;

async function failureOf(error: Error): Promise<Failure> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('WARN', () => undefined) });
  return environment.run(async (): Promise<Failure> => toActivityFailure(error));
}

afterEach(async () => {
  client.close();
  await server.close();
});

const named = rows.map((row) => ({ name: `${row[1]}: ${row[0]}`, row }));

test.each(named)('$name', async ({ row: [, asked, answer, { error: facts, says, failureType, retried, waits }] }) => {
  const ofToken = asked === 'POST /oauth/token';
  await serve(asked, answer, { times: Infinity, maxWaitMs: 100, secret: ofToken });
  const startedAt = now();
  const error = await refusal(asked);
  expect(error).toMatchObject(facts);
  expect(error.message).toMatch(says);
  if (error.name !== 'BadCredentials') expect(error.message.startsWith(asked)).toBe(true);
  expect(JSON.stringify([error, error.message, error.stack])).not.toContain('planted');
  if (waits !== undefined) {
    expect(error['retryAt']).toBeGreaterThanOrEqual(startedAt + waits);
    expect(error['retryAt']).toBeLessThanOrEqual(now() + waits);
  }

  const failure = await failureOf(error);
  expect(failure).toMatchObject({
    type: error.name,
    message: error.message,
    nonRetryable: !retried,
    details: [{ failureType }],
  });
  expect(failure.nextRetryDelay === undefined).toBe(waits === undefined);
  expect(sent(ofToken)).toBe(retried && waits === undefined ? 3 : 1);
});

test.each(named.filter(({ row: [, , , meaning] }) => meaning.retried))(
  '$name, and the retry succeeds',
  async ({ row: [, asked, answer, { waits }] }) => {
    const ofToken = asked === 'POST /oauth/token';
    await serve(asked, answer, { times: 1, maxWaitMs: 3_600_000, secret: ofToken });
    const startedAt = now();
    await asks[asked](client);
    expect(sent(ofToken)).toBe(2);
    expect(client.getStats()).toMatchObject({
      retries: waits === undefined ? 1 : 0,
      rateLimited: answer.status === 429 && !ofToken ? 1 : 0,
    });
    expect(now() - startedAt).toBeGreaterThanOrEqual(waits ?? 0);
  },
);

describe('a token requested with client credentials is renewed once', () => {
  const renewed = named.filter(
    ({ row: [, asked, { status }, { afresh }] }) => asked !== 'POST /oauth/token' && status === 401 && afresh,
  );

  test.each(renewed)('$name', async ({ row: [, asked, answer, { afresh }] }) => {
    await serve(asked, answer, { times: Infinity, maxWaitMs: 100, secret: true });
    const error = await refusal(asked);
    expect(error).toMatchObject({ name: 'BadCredentials', problem: afresh });
    expect(await failureOf(error)).toMatchObject({ nonRetryable: true, details: [{ failureType: 'config_error' }] });
    expect([sent(true), sent(false)]).toEqual([2, 2]);
  });

  test.each(renewed)('$name, and the retry succeeds', async ({ row: [, asked, answer] }) => {
    await serve(asked, answer, { times: 1, maxWaitMs: 100, secret: true });
    await asks[asked](client);
    expect([sent(true), sent(false)]).toEqual([2, 2]);
  });
});

test.each(
  named.filter(({ row: [, asked, { status }, { retried }] }) => asked === 'GET users' && status === 401 && retried),
)('does not renew the token after $name', async ({ row: [, asked, answer] }) => {
  await serve(asked, answer, { times: 1, maxWaitMs: 100, secret: true });
  await asks[asked](client);
  expect([sent(true), sent(false)]).toEqual([1, 2]);
});
