import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { toActivityFailure } from '../../../src/activities/activity-attempt';
import { type Auth0Client, createAuth0Client } from '../../../src/auth0/client';
import { Pacer } from '../../../src/auth0/rate-limit/pacer';
import { createClientTokenSource, createFixedTokenSource } from '../../../src/auth0/token';
import { type Answer, type RequestLabel, rows } from './error-bodies';
import { type ScriptedServer, startScripted } from './scripted-server';

const users = { path: 'users', query: { q: 'planted' }, list: 'users', key: 'user_id' };
const members = {
  path: 'organizations/org_planted/members',
  query: { from: 'planted' },
  list: 'members',
  key: 'user_id',
};

const sendRequest: Record<RequestLabel, (client: Auth0Client) => Promise<unknown>> = {
  'POST /oauth/token': (client) => client.getPage(users),
  'GET users': (client) => client.getPage(users),
  'GET organizations/{id}/members': (client) => client.getPage(members),
  'GET roles/{id}': (client) => client.getObject({ path: 'roles/rol_planted', key: 'id' }),
};

let server: ScriptedServer;
let client: Auth0Client;
/** Simulated sleep, added to the clock. */
let slept: number;
const now = (): number => Date.now() + slept;

interface Setting {
  /** Number of requests that get the error; later ones succeed. */
  times: number;
  maxWaitMs: number;
  /** Whether the token is requested with client credentials. */
  secret: boolean;
}

async function serve(label: RequestLabel, { status, body, headers }: Answer, { times, maxWaitMs, secret }: Setting) {
  let left = times;
  const whole = { users: [], members: [], id: 'rol_planted', access_token: 'planted.token.x', expires_in: 86_400 };
  server = await startScripted(({ url, json, response }) => {
    const hit = (url === '/oauth/token') === (label === 'POST /oauth/token');
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

async function refusal(label: RequestLabel): Promise<Error & Record<string, unknown>> {
  return sendRequest[label](client).then(
    () => Promise.reject(new Error('the request succeeded')),
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

test.each(named)(
  '$name',
  async ({ row: [, label, answer, { error: facts, pattern, failureType, isRetried, waitMs }] }) => {
    const ofToken = label === 'POST /oauth/token';
    await serve(label, answer, { times: Infinity, maxWaitMs: 100, secret: ofToken });
    const startedAt = now();
    const error = await refusal(label);
    expect(error).toMatchObject(facts);
    expect(error.message).toMatch(pattern);
    if (error.name !== 'BadCredentials') expect(error.message.startsWith(label)).toBe(true);
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain('planted');
    if (waitMs !== undefined) {
      expect(error['retryAt']).toBeGreaterThanOrEqual(startedAt + waitMs);
      expect(error['retryAt']).toBeLessThanOrEqual(now() + waitMs);
    }

    const failure = await failureOf(error);
    expect(failure).toMatchObject({
      type: error.name,
      message: error.message,
      nonRetryable: !isRetried,
      details: [{ failureType }],
    });
    expect(failure.nextRetryDelay === undefined).toBe(waitMs === undefined);
    expect(sent(ofToken)).toBe(isRetried && waitMs === undefined ? 3 : 1);
  },
);

test.each(named.filter(({ row: [, , , meaning] }) => meaning.isRetried))(
  '$name, and the retry succeeds',
  async ({ row: [, label, answer, { waitMs }] }) => {
    const ofToken = label === 'POST /oauth/token';
    await serve(label, answer, { times: 1, maxWaitMs: 3_600_000, secret: ofToken });
    const startedAt = now();
    await sendRequest[label](client);
    expect(sent(ofToken)).toBe(2);
    expect(client.getStats()).toMatchObject({
      retries: waitMs === undefined ? 1 : 0,
      rateLimited: answer.status === 429 && !ofToken ? 1 : 0,
    });
    expect(now() - startedAt).toBeGreaterThanOrEqual(waitMs ?? 0);
  },
);

describe('a token requested with client credentials is renewed once', () => {
  const renewed = named.filter(
    ({ row: [, label, { status }, { freshTokenProblem }] }) =>
      label !== 'POST /oauth/token' && status === 401 && freshTokenProblem,
  );

  test.each(renewed)('$name', async ({ row: [, label, answer, { freshTokenProblem }] }) => {
    await serve(label, answer, { times: Infinity, maxWaitMs: 100, secret: true });
    const error = await refusal(label);
    expect(error).toMatchObject({ name: 'BadCredentials', problem: freshTokenProblem });
    expect(await failureOf(error)).toMatchObject({ nonRetryable: true, details: [{ failureType: 'config_error' }] });
    expect([sent(true), sent(false)]).toEqual([2, 2]);
  });

  test.each(renewed)('$name, and the retry succeeds', async ({ row: [, label, answer] }) => {
    await serve(label, answer, { times: 1, maxWaitMs: 100, secret: true });
    await sendRequest[label](client);
    expect([sent(true), sent(false)]).toEqual([2, 2]);
  });
});

test.each(
  named.filter(({ row: [, label, { status }, { isRetried }] }) => label === 'GET users' && status === 401 && isRetried),
)('does not renew the token after $name', async ({ row: [, label, answer] }) => {
  await serve(label, answer, { times: 1, maxWaitMs: 100, secret: true });
  await sendRequest[label](client);
  expect([sent(true), sent(false)]).toEqual([1, 2]);
});
