import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import type { Finding } from '../../../src/preflight/finding';
import { type CliOptions, type CliResult, runCli, startCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { createNamespace, getTemporalAddress } from '../../support/servers';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const folder = scratchFolder();
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small', rateLimits: { global: { size: 50, perSecond: 16 } } });
  projectFor(folder, tenant);
});
afterEach(() => tenant.updateSettings({ scopes: readerScopes, clockAheadMs: 0 }));
afterAll(async () => {
  await tenant.close();
});

const doctor = (args: string[] = [], options: CliOptions = {}): Promise<CliResult> =>
  runCli(['doctor', ...args], { cwd: folder, ...options });

/** The findings of a doctor, by what was looked at; and its exit code. */
async function examine(args: string[] = [], options: CliOptions = {}) {
  const { code, stdout, stderr } = await doctor([...args, '--json'], options);
  expect(stderr).toBe('');
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  const of = (check: string, connection?: string): Finding[] =>
    findings.filter((each) => each.check === check && each.connection === connection);
  return { code, findings, of };
}

it('passes all checks, in lines of 80 columns', async () => {
  const { code, stdout, stderr } = await doctor();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes(folder))).toEqual([]);
  for (const line of [
    /^ok +configuration +rollcall\.yaml contains acme\.$/m,
    /^ok +temporal +No server is configured/m,
    /^ok +staging +.*\.rollcall\/staging can be\s+created/m,
    /^ok +destination +.*data can be\s+created/m,
    /^ok +scopes +Granted and used: read:clients read:users/m,
    /^ok +clock/m,
    /^ok +rate limit +Rate limit of the tenant: \d+ of 50 requests left/m,
    /^All checks passed\.$/m,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(stdout).not.toContain(tenant.clientSecret);
  expect(await examine()).toMatchObject({ code: 0 });
});

it('warns that a sync downloads a `temporal` binary when there is none', async () => {
  const { code, of } = await examine([], { env: { PATH: join(folder, 'none'), XDG_CACHE_HOME: join(folder, 'none') } });
  expect(code).toBe(0);
  expect(of('temporal')).toEqual([
    {
      check: 'temporal',
      state: 'warning',
      message: 'No `temporal` binary is on PATH or in the cache.',
      fix: '`rollcall sync` downloads one.',
    },
  ]);
});

it('distinguishes required, optional and unneeded scopes', async () => {
  const scopes = readerScopes.filter((scope) => scope !== 'read:users' && scope !== 'read:roles');
  tenant.updateSettings({ scopes: [...scopes, 'update:users'] });
  const { code, of } = await examine(['acme']);
  expect(code).toBe(4);
  expect(of('scopes', 'acme')).toEqual([
    expect.objectContaining({ state: 'ok' }),
    expect.objectContaining({
      state: 'error',
      message: 'users cannot be read without read:users.',
      fix: expect.stringContaining('Grant read:users'),
    }),
    expect.objectContaining({ state: 'warning', message: expect.stringContaining('Without read:roles') }),
    expect.objectContaining({ state: 'warning', message: 'Granted but not needed: update:users.' }),
  ]);
});

it('requires only the scopes of the configured streams', async () => {
  tenant.updateSettings({ scopes: ['read:clients'] });
  const file = join(folder, 'clients.yaml');
  const { url, clientId, clientSecret } = tenant;
  const credentials = { client_id: clientId, client_secret: clientSecret };
  const acme = { base_url: url, credentials, streams: ['clients'], destination: { files: './data' } };
  writeFileSync(file, JSON.stringify({ connections: { acme } }));
  const { code, of } = await examine(['--config', file]);
  expect(code).toBe(0);
  expect(of('scopes', 'acme')).toEqual([expect.objectContaining({ state: 'ok' })]);
});

it.each([60_000, -60_000])('warns of a clock difference of %j ms', async (clockAheadMs) => {
  tenant.updateSettings({ clockAheadMs });
  const { code, of } = await examine(['acme']);
  expect(code).toBe(0);
  const words = clockAheadMs > 0 ? /[56]\d s ahead of/ : /6\d s behind/;
  expect(of('clock', 'acme')).toMatchObject([{ state: 'warning', message: expect.stringMatching(words) }]);
});

it('checks every connection after a failure, and exits with the most severe code', async () => {
  const file = join(folder, 'lost.yaml');
  mkdirSync(join(folder, 'own'), { recursive: true });
  writeFileSync(join(folder, 'in-the-way'), '');
  const { url, clientId } = tenant;
  const nothing = { credentials: { access_token: 'made-up' }, destination: { files: 'in-the-way/data' } };
  const own = { files: 'in-the-way/other' };
  const connections = {
    lost: { base_url: 'http://127.0.0.1:9', ...nothing },
    unset: {
      base_url: url,
      ...nothing,
      credentials: { client_id: clientId, client_secret: 'env:NOT_SET' },
      destination: own,
    },
    refused: {
      base_url: url,
      credentials: { client_id: clientId, client_secret: 'not-to-be-seen' },
      destination: { postgres: { url: 'postgres://x:not-to-be-seen@127.0.0.1:9/db' } },
    },
  };
  writeFileSync(file, JSON.stringify({ connections }));
  const { code, of, findings } = await examine(['--config', file], { env: { TEMPORAL_ADDRESS: '127.0.0.1:9' } });
  expect(code).toBe(5);
  expect(JSON.stringify(findings)).not.toContain('not-to-be-seen');
  expect(of('temporal')).toMatchObject([{ state: 'error', code: 5 }]);
  expect(of('tenant', 'lost')).toMatchObject([{ state: 'error', code: 5 }]);
  expect(of('destination', 'lost')).toMatchObject([
    { code: 5, message: expect.stringContaining('a file exists where') },
  ]);
  expect(of('credentials', 'unset')).toMatchObject([{ state: 'error', code: 2, fix: 'Set NOT_SET.' }]);
  expect(of('tenant', 'refused')).toMatchObject([{ state: 'error', code: 4 }]);
  expect(of('destination', 'refused')).toMatchObject([
    { message: expect.stringContaining('the connection was refused') },
  ]);
  expect(await examine(['--config', file, 'unset'])).toMatchObject({ code: 5 });
  expect((await examine(['--config', join(folder, 'none.yaml')])).of('configuration')).toMatchObject([{ code: 2 }]);
  const named = await examine(['refusd', '--config', file]);
  expect(named.code).toBe(2);
  expect(named.of('configuration')).toMatchObject([{ message: expect.stringContaining('did you mean refused?') }]);
  expect(named.of('staging')).toMatchObject([{ state: 'ok' }]);
  rmSync(join(folder, 'in-the-way'));
});

it('reports a namespace that does not exist, with the command that creates it', async () => {
  const env = { TEMPORAL_ADDRESS: getTemporalAddress(), TEMPORAL_NAMESPACE: 'missing' };
  const { code, of } = await examine(['acme'], { env });
  expect(code).toBe(2);
  expect(of('temporal')).toMatchObject([
    { state: 'error', fix: expect.stringContaining('temporal operator namespace create --namespace missing') },
  ]);
});

it('warns of missing search attributes and of a task queue without a worker', async () => {
  const { env } = await createNamespace({ searchAttributes: false });
  const { code, of } = await examine(['acme'], { env });
  expect(code).toBe(0);
  expect(of('temporal')).toMatchObject([{ state: 'ok' }]);
  expect(of('search attributes')).toMatchObject([{ state: 'warning', fix: 'Run `rollcall doctor --fix`.' }]);
  expect(of('worker')).toMatchObject([{ state: 'warning', fix: expect.stringContaining('rollcall worker') }]);
});

it('adds missing search attributes with --fix', async () => {
  const { env } = await createNamespace({ searchAttributes: false });
  const { of } = await examine(['--fix'], { env });
  expect(of('search attributes')).toMatchObject([{ state: 'ok', message: expect.stringMatching(/^Added: /) }]);
  expect((await examine([], { env })).of('search attributes')).toMatchObject([{ state: 'ok' }]);
});

it('finds a worker that polls the task queue', async () => {
  const { env } = await createNamespace();
  const worker = startCli(['worker'], { cwd: folder, env });
  await worker.waitForOutput('Polling task queue');
  // The server lists a worker once its first poll has arrived.
  await until(async () => (await examine([], { env })).of('worker')[0]?.state === 'ok');
  worker.interrupt();
  expect((await worker.ended).code).toBe(0);
});
