import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { type CliResult, runCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

const folder = scratchFolder();
let tenant: Emulator;
beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'caps' });
  tenant.updateSettings({ rateLimits: { global: { size: 50, perSecond: 16 } } });
  projectFor(folder, tenant);
});
beforeEach(() => tenant.resetStatistics());
afterAll(() => tenant.close());

const plan = (...args: string[]): Promise<CliResult> => runCli(['plan', ...args], { cwd: folder });

it('prints requests and seconds by stream on 80 columns, and how they were estimated', async () => {
  const { code, stdout, stderr } = await plan('acme');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).toMatch(/│ clients +│ +1,100 │ +11 │ +[\d.]+ │/);
  expect(stdout).toMatch(/│ users +│ about 2,7\d\d │ +3\d │ +[\d.]+ │/);
  expect(stdout).toMatch(/│ total +│ +│ +1,2\d\d │ +[\d.]+ │/);
  expect(stdout).toMatch(/^Rate limit \(tenant\), reserve excluded: burst 45, then [\d.]+\/s or more\.$/m);
  expect(stdout).toMatch(/^users: 2,\d\d\d to 2,\d\d\d or more \(from sampled time ranges\)\.$/m);
  expect(stdout).toContain(`This estimate used ${tenant.readStatistics().requests} requests.`);
  expect(stdout).toContain('Estimate for a full refresh');
});

it('prints one JSON object without the secret for a tenant given by options', async () => {
  const { url, clientId, clientSecret } = tenant;
  const tenantFlags = ['--base-url', url, '--client-id', clientId, '--client-secret', 'env:SECRET'];
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const args = ['plan', ...tenantFlags, '--stream', 'clients', 'organizations', '--json'];
  const { code, stdout } = await runCli(args, { cwd: empty, env: { SECRET: clientSecret } });
  expect(code).toBe(0);
  expect(stdout).not.toContain(clientSecret);
  expect(JSON.parse(stdout)).toMatchObject({
    streams: [
      { stream: 'clients', rows: { likely: 1_100 }, requests: 11 },
      { stream: 'organizations', rows: { likely: 1_200 }, requests: 12 },
    ],
    requests: 23,
    seconds: 0,
    limits: [{ name: 'tenant', burst: 45 }],
    requestsSpent: tenant.readStatistics().requests,
  });
});

it('prints what an unreadable stream lacks, and exits as a sync would', async () => {
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => scope !== 'read:users') });
  const { code, stdout } = await plan('acme');
  tenant.updateSettings({ scopes: readerScopes });
  expect(code).toBe(3);
  expect(stdout).toMatch(/│ users +│ +– │ +– │ +– │/);
  expect(stdout).toMatch(/^users: the token lacks the scope read:users$/m);
  expect(stdout).toMatch(/│ clients +│ +1,100 │ +11 │/);
});

it('fails with one message when Auth0 rejects the credentials', async () => {
  const args = ['plan', '--base-url', tenant.url, '--client-id', tenant.clientId, '--client-secret', 'env:SECRET'];
  const { code, stdout, stderr } = await runCli(args, { cwd: folder, env: { SECRET: 'wrong' } });
  expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
  expect(stderr).toMatch(/^rollcall: Auth0 rejected the client ID or the client secret\. .*\n$/);
});
