import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Emulator, rateLimitPresets, type RateLimits, readerScopes, startEmulator } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { type CliResult, runCli } from '../../support/cli';
import { messagesOf, streamsThatAre, tracedErrors, writeJson } from '../../support/program';
import { catalogFor, configOf } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

jest.setTimeout(120_000);

const folder = scratchFolder();
const all = ['clients', 'organization_member_roles', 'organization_members', 'organizations', 'users'];
let files = 0;

function write(value: unknown): string {
  return writeJson(folder, `${(files += 1)}.json`, value);
}

function read(config: JsonObject, catalog: JsonObject = catalogFor(['clients'])): Promise<CliResult> {
  return runCli(['read', '--config', write(config), '--catalog', write(catalog)], { program: 'source-auth0' });
}

/** The connection status that `check` writes. */
async function check(config: JsonObject, ...flags: string[]): Promise<{ status: string; message?: string }> {
  const { code, stdout, stderr } = await runCli(['check', '--config', write(config), ...flags], {
    program: 'source-auth0',
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const answers = messagesOf(stdout).filter(({ type }) => type === 'CONNECTION_STATUS');
  expect(answers).toHaveLength(1);
  return answers[0]?.['connectionStatus'] as unknown as { status: string; message?: string };
}

function changed(config: JsonObject, credentials: JsonObject): JsonObject {
  return { ...config, credentials: { ...(config['credentials'] as JsonObject), ...credentials } };
}

/** Expects a read that fails completely. */
function expectRefusal(
  { code, stdout, stderr }: CliResult,
  expected: { code: number; type: string; words: RegExp },
): void {
  expect({ code, stderr }).toEqual({ code: expected.code, stderr: '' });
  const errors = tracedErrors(stdout);
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) expect(error).toMatchObject({ failure_type: expected.type });
  for (const { message } of errors) expect(message).toMatch(expected.words);
  expect(stdout).not.toContain('stack_trace');
  expect(streamsThatAre('COMPLETE', stdout)).toEqual([]);
}

async function fetchToken({ url, clientId, clientSecret, audience }: Emulator): Promise<string> {
  const answer = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      audience,
    }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}

const tiny = {
  users: { count: 5 },
  organizations: { count: 2, members: 3 },
  clients: { count: 3 },
  roles: { count: 2 },
};

/** A web server that is not Auth0. */
let page: Server;
let pageUrl: string;
/** Their retries wait, so they run beside the other tests. */
let lost: Record<'closed' | 'unknown' | 'page', Promise<CliResult>>;

function elsewhere(base_url: string): JsonObject {
  return {
    base_url,
    credentials: { auth_type: 'oauth2_confidential_application', client_id: 'c', client_secret: 'not-to-be-seen' },
  };
}

beforeAll(async () => {
  page = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<html>not-to-be-seen</html>');
  }).listen(0, '127.0.0.1');
  await once(page, 'listening');
  pageUrl = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
  // Jest loads no module between two tests, so a first read loads what the others need.
  await read(elsewhere(pageUrl), catalogFor(['none']));
  lost = {
    closed: read(elsewhere('http://127.0.0.1:9')),
    unknown: read(elsewhere('https://tenant.invalid')),
    page: read(elsewhere(pageUrl)),
  };
});
afterAll(() => page.close());

describe('check and read', () => {
  let tenant: Emulator;
  let config: JsonObject;

  beforeAll(async () => {
    tenant = await startEmulator({ scenario: tiny });
    config = configOf(tenant);
  });
  afterEach(() => tenant.updateSettings({ scopes: readerScopes }));
  afterAll(() => tenant.close());

  it('accept the configurations of Airbyte’s own connector', async () => {
    const access_token = await fetchToken(tenant);
    const token = { base_url: tenant.url, credentials: { auth_type: 'oauth2_access_token', access_token } };
    const answers = await Promise.all([
      check(config),
      check({ ...config, base_url: tenant.url }),
      check({ ...token, start_date: '2023-08-05T00:43:59.244Z' }),
      check(token, '--debug'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(4).fill('SUCCEEDED'));
  });

  it('report the rate limits that the tenant names', async () => {
    const { free, essentials } = rateLimitPresets;
    const told = async (rateLimits: RateLimits): Promise<string[]> => {
      const limited = await startEmulator({ scenario: tiny, rateLimits });
      const { stdout } = await runCli(['check', '--config', write(configOf(limited))], { program: 'source-auth0' });
      await limited.close();
      return messagesOf(stdout).flatMap(({ log }) => (log as { message: string } | undefined)?.message ?? []);
    };
    expect(await told(free)).toEqual([`The tenant's rate limit allows bursts of ${free.global.size} requests.`]);
    const { users, clients } = essentials.groups;
    expect(await told(essentials)).toEqual(
      expect.arrayContaining([
        `The rate limit of users allows bursts of ${users.size} requests.`,
        `The rate limit of clients allows bursts of ${clients.size} requests.`,
      ]),
    );
  });

  it('accept an empty tenant', async () => {
    const empty = await startEmulator({ scenario: 'empty' });
    expect(await check(configOf(empty))).toEqual({ status: 'SUCCEEDED' });
    await empty.close();
  });

  it('report a wrong secret', async () => {
    const wrong = changed(config, { client_secret: 'not-to-be-seen' });
    const [answer, ended] = await Promise.all([check(wrong), read(wrong, catalogFor())]);
    const words = /rejected the client ID or the client secret. Copy both from/;
    expect(answer.status).toBe('FAILED');
    expect(answer.message).toMatch(words);
    expectRefusal(ended, { code: 4, type: 'config_error', words });
    expect(streamsThatAre('INCOMPLETE', ended.stdout).sort()).toEqual(all);
    expect(ended.stdout).not.toContain('not-to-be-seen');
  });

  it('report an unknown audience', async () => {
    const wrong = changed(config, { audience: 'https://elsewhere.example.com/api/v2/' });
    const [answer, ended] = await Promise.all([check(wrong), read(wrong)]);
    expect(answer.status).toBe('FAILED');
    expectRefusal(ended, {
      code: 4,
      type: 'config_error',
      words: /no API with the configured audience. Set the audience to/,
    });
  });

  it('report an expired access token', async () => {
    let aheadMs = 0;
    const later = await startEmulator({ scenario: tiny, now: () => Date.now() + aheadMs });
    const access_token = await fetchToken(later);
    aheadMs = 48 * 3600 * 1000;
    const expired = { base_url: later.url, credentials: { auth_type: 'oauth2_access_token', access_token } };
    const words = /access token has expired. Get a new .* or use a client ID and secret/;
    const [checked, ended] = await Promise.all([check(expired), read(expired)]);
    expect(checked.status).toBe('FAILED');
    expect(checked.message).toMatch(words);
    expectRefusal(ended, { code: 4, type: 'config_error', words });
    expect(ended.stdout).not.toContain(access_token);
    await later.close();
  });

  it('report a missing scope for its stream, and read the others', async () => {
    tenant.updateSettings({ scopes: readerScopes.filter((scope) => scope !== 'read:clients') });
    const [answer, ended] = await Promise.all([check(config), read(config, catalogFor())]);
    expect(answer.status).toBe('FAILED');
    expect(answer.message).toMatch(/scopes are missing to read clients .*: read:clients$/);
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 3, stderr: '' });
    expect(streamsThatAre('INCOMPLETE', ended.stdout)).toEqual(['clients']);
    expect(streamsThatAre('COMPLETE', ended.stdout).sort()).toEqual(all.filter((name) => name !== 'clients'));
    expect(tracedErrors(ended.stdout)).toMatchObject([
      {
        failure_type: 'config_error',
        stream_descriptor: { name: 'clients' },
        message: expect.stringContaining('read:clients'),
      },
    ]);
  });

  it('report all missing scopes in one message, and read nothing', async () => {
    tenant.updateSettings({ scopes: [] });
    const [answer, ended] = await Promise.all([check(config), read(config, catalogFor())]);
    expect(answer.message).toMatch(
      /clients .*users .*organizations .*: read:clients read:users read:organizations read:organization_members read:organization_member_roles$/,
    );
    expectRefusal(ended, { code: 4, type: 'config_error', words: /the token lacks the scope read:/ });
  });

  it('report an unknown stream, and read the others', async () => {
    const [some, none] = await Promise.all([
      read(config, catalogFor(['userz', 'clients'])),
      read(config, catalogFor(['userz'])),
    ]);
    expect({ code: some.code, stderr: some.stderr }).toEqual({ code: 3, stderr: '' });
    expect(streamsThatAre('COMPLETE', some.stdout)).toEqual(['clients']);
    expect(streamsThatAre('INCOMPLETE', some.stdout)).toEqual(['userz']);
    expect(some.stdout).not.toContain('stack_trace');
    expectRefusal(none, {
      code: 2,
      type: 'config_error',
      words: /no stream "userz". Available streams: clients, users/,
    });
  });

  it('report an unknown sync mode, and read the others', async () => {
    const catalog = catalogFor(['users', 'clients']);
    (catalog['streams'] as JsonObject[])[0]!['sync_mode'] = 'sometimes';
    const { code, stdout } = await read(config, catalog);
    expect(code).toBe(3);
    expect(streamsThatAre('COMPLETE', stdout)).toEqual(['clients']);
    expect(tracedErrors(stdout)).toMatchObject([
      {
        stream_descriptor: { name: 'users' },
        message: expect.stringContaining('must be full_refresh or incremental'),
      },
    ]);
  });
});

describe('an address without a tenant', () => {
  it('makes check fail with the reason', async () => {
    const [closed, unknown, html] = await Promise.all([
      check(elsewhere('http://127.0.0.1:9')),
      check(elsewhere('https://tenant.invalid')),
      check(elsewhere(pageUrl)),
    ]);
    expect([closed.status, unknown.status, html.status]).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect(closed.message).toMatch(/connection was refused. Check the domain/);
    expect(unknown.message).toMatch(/host name (cannot be resolved|cannot be looked up). Check the domain/);
    expect(html.message).toMatch(/returned an unexpected response.*check that the domain is an Auth0 tenant/);
  });

  it('makes read fail with the reason after its retries', async () => {
    const [closed, unknown, html] = await Promise.all([lost.closed, lost.unknown, lost.page]);
    const code = 5;
    const type = 'transient_error';
    expectRefusal(closed, { code, type, words: /connection was refused. Check the domain/ });
    expectRefusal(unknown, {
      code,
      type,
      words: /host name (cannot be resolved|cannot be looked up). Check the domain/,
    });
    expectRefusal(html, {
      code,
      type,
      words: /returned an unexpected response.*check that the domain is an Auth0 tenant/,
    });
    for (const { stdout } of [closed, unknown, html]) {
      expect(stdout).not.toContain('not-to-be-seen');
      // The log names the reason after the first attempt.
      expect(messagesOf(stdout).find(({ type: each }) => each === 'LOG')).toMatchObject({
        log: { level: 'WARN', message: expect.stringMatching(/attempt 1 failed: POST \/oauth\/token/) },
      });
    }
  });
});
