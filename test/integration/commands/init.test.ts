import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { loadProject } from '../../../src/config/project';
import { streams } from '../../../src/streams/registry';
import { type CliResult, runCli } from '../../support/cli';
import { scratchFolder } from '../../support/scratch';

const root = scratchFolder();
let tenant: Emulator;
let folders = 0;
beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
});
afterEach(() => tenant.updateSettings({ scopes: readerScopes }));
afterAll(() => tenant.close());

function newFolder(): string {
  const folder = join(root, String((folders += 1)));
  mkdirSync(folder);
  return folder;
}

describe('without a terminal', () => {
  const flags = (files = './data'): string[] => [
    '--base-url',
    tenant.url,
    '--client-id',
    tenant.clientId,
    '--files',
    files,
  ];
  const init = (cwd: string, ...args: string[]): Promise<CliResult> =>
    runCli(['init', ...args], { cwd, env: { SECRET: tenant.clientSecret, WRONG: 'wrong' } });

  it.each([
    [
      [],
      /missing: the connection name.*, --domain, --client-id, --client-secret \(or .*\), --files \(or --postgres\)\./,
    ],
    [['acme', '--domain', 'a.example.com', '--access-token', 'env:X'], /missing: --files \(or --postgres\)\./],
    [
      ['acme', '--client-secret', 'in-the-clear'],
      /^rollcall: --client-secret is not a reference\. Use --client-secret env:NAME/,
    ],
    [['acme', '--files', 'a', '--postgres', 'env:B'], /--files and --postgres cannot be combined/],
    [
      ['Acme Inc', '--domain', 'a.example.com', '--access-token', 'env:X', '--files', 'a', '--no-check'],
      /is not a valid connection name/,
    ],
  ])('rejects missing or invalid options: %j', async (args, words) => {
    const cwd = newFolder();
    const { code, stdout, stderr } = await init(cwd, ...args);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(words) as string });
    expect(stderr).not.toContain('in-the-clear');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
  });

  it('adds a connection to an existing file, keeps its comments, and overwrites no connection', async () => {
    const cwd = newFolder();
    const file = join(cwd, 'rollcall.yaml');
    const before =
      '# Ours.\ndefaults: { lag_seconds: 60 } # late\nconnections:\n  # the first\n  acme:\n    domain: acme.eu.auth0.com\n    credentials: {}\n    destination: { files: ./acme }\n';
    writeFileSync(file, before, { mode: 0o640 });
    const shared = await init(cwd, 'other', ...flags('./acme'), '--client-secret', 'env:SECRET');
    expect(shared.code).toBe(2);
    expect(shared.stderr).toContain('connections.other.destination.files is also the destination of acme.');
    const { code } = await init(cwd, 'other', ...flags(), '--client-secret', 'env:SECRET', '--stream', 'users');
    expect(code).toBe(0);
    const after = readFileSync(file, 'utf8');
    expect(after.startsWith(before)).toBe(true);
    expect(after).not.toContain(tenant.clientSecret);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    const { connections } = await loadProject(file, streams);
    expect(connections.get('other')).toMatchObject({
      source: { lag_seconds: 60, credentials: { client_id: tenant.clientId, client_secret: 'env:SECRET' } },
      streams: [{ name: 'users' }],
    });

    const again = await init(cwd, 'other', ...flags(), '--client-secret', 'env:WRONG', '--no-check');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('already contains a connection other');
    expect(readFileSync(file, 'utf8')).toBe(after);
  });

  it('writes no connection whose credentials are rejected, except with --no-check', async () => {
    const cwd = newFolder();
    const refused = await init(cwd, 'acme', ...flags(), '--client-secret', 'env:WRONG');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('Use --no-check to write the connection without testing it.');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
    expect((await init(cwd, 'acme', ...flags(), '--client-secret', 'env:WRONG', '--no-check')).code).toBe(0);
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(true);
  });

  it('writes the file and names the scopes that the selected streams need', async () => {
    tenant.updateSettings({ scopes: ['read:clients'] });
    const cwd = newFolder();
    const some = ['--stream', 'clients', 'users'];
    const { code, stderr } = await init(cwd, 'acme', ...flags(), '--client-secret', 'env:SECRET', ...some);
    expect(code).toBe(4);
    expect(stderr).toContain('users cannot be read without read:users.');
    expect(stderr).not.toContain('read:organizations');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(true);
  });
});
