import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { loadProject } from '../../../src/config/project';
import { streams } from '../../../src/streams/registry';
import { type CliResult, runCli } from '../../support/cli';
import { scratchFolder } from '../../support/program';
import { type OnTerminal, startOnTerminal } from '../../support/terminal';

jest.setTimeout(60_000);

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

const enter = '\r';
const down = '\u001b[B';

/** Answers questions one after the other, each once it is on the screen. */
async function converse(terminal: OnTerminal, answers: [question: string, keys: string][]): Promise<void> {
  for (const [question, keys] of answers) {
    await terminal.shows(question);
    // A prompt listens a moment after it is drawn.
    await sleep(50);
    terminal.type(keys);
  }
}

describe('on a terminal', () => {
  it('asks for a connection, tries it, and writes the file with references in place of secrets', async () => {
    const cwd = newFolder();
    const terminal = startOnTerminal(['init'], { cwd });
    await converse(terminal, [
      ['Connection name', `acme${enter}`],
      ['Which tenant?', `acme${enter}`],
      ['It is a host name', `\u007f\u007f\u007f\u007f${tenant.url}${enter}`],
      ['Streams to copy', enter],
      ['Authentication method', enter],
      ['Client ID of the application', `${tenant.clientId}${enter}`],
      ['Where is the client secret?', `${down}${enter}`],
      ['Which file?', enter],
      ['There is none. Paste the client secret', `${tenant.clientSecret}${enter}`],
      ['Where to?', enter],
      ['Destination folder', enter],
    ]);
    const { code } = await terminal.ended;
    const screen = terminal.lines().join('\n');
    expect({ code, screen }).toEqual({ code: 0, screen });
    for (const scope of readerScopes) expect(screen).toContain(scope);
    expect(screen).toMatch(/^ok +tenant/m);
    expect(screen).toContain('rollcall.yaml has the connection acme. Next: rollcall sync acme');
    expect(terminal.written()).not.toContain(tenant.clientSecret);

    const written = readFileSync(join(cwd, 'rollcall.yaml'), 'utf8');
    expect(written).not.toContain(tenant.clientSecret);
    expect(written).toMatch(/^# yaml-language-server: \$schema=\.\/(.+)\n/);
    const [, schema = ''] = /\$schema=(.+)/.exec(written) ?? [];
    expect(JSON.parse(readFileSync(join(cwd, schema), 'utf8'))).toMatchObject({ title: 'rollcall.yaml' });
    expect((await loadProject(join(cwd, 'rollcall.yaml'), streams)).connections.get('acme')).toMatchObject({
      source: {
        base_url: tenant.url,
        credentials: { client_id: tenant.clientId, client_secret: 'file:.secrets/acme' },
      },
      destination: { kind: 'files', folder: join(cwd, 'data', 'acme') },
    });
    expect(statSync(join(cwd, '.secrets', 'acme')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(cwd, '.secrets', '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('says what is wrong with credentials in words, and writes them only when that is wanted', async () => {
    const cwd = newFolder();
    const terminal = startOnTerminal(['init', 'acme', '--base-url', tenant.url, '--files', './data'], {
      cwd,
      env: { WRONG: 'not-to-be-seen' },
    });
    await converse(terminal, [
      ['Streams to copy', enter],
      ['Authentication method', enter],
      ['Client ID of the application', `${tenant.clientId}${enter}`],
      ['Where is the client secret?', enter],
      ['Name of the variable', `${'\u007f'.repeat(30)}WRONG${enter}`],
      ['Write the connection all the same?', enter],
    ]);
    const { code } = await terminal.ended;
    expect(code).toBe(4);
    expect(terminal.lines().join(' ').replace(/\s+/g, ' ')).toContain('refused the client id or the client secret');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
    expect(terminal.written()).not.toContain('not-to-be-seen');
  });

  it('ends at Ctrl-C without a trace', async () => {
    const cwd = newFolder();
    const terminal = startOnTerminal(['init', 'acme'], { cwd });
    await converse(terminal, [['Which tenant?', '\u0003']]);
    expect(await terminal.ended).toEqual({ code: 130 });
    expect(terminal.lines().join('\n')).toContain('Cancelled. Cancelled. Nothing was written.');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
  });
});

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
      /missing: the name of the connection.*, --domain, --client-id, --client-secret \(or .*\), --files \(or --postgres\)\./,
    ],
    [['acme', '--domain', 'a.example.com', '--access-token', 'env:X'], /missing: --files \(or --postgres\)\./],
    [
      ['acme', '--client-secret', 'in-the-clear'],
      /^rollcall: --client-secret is no reference\. Give it as --client-secret env:NAME/,
    ],
    [['acme', '--files', 'a', '--postgres', 'env:B'], /--files and --postgres cannot be combined/],
    [
      ['Acme Inc', '--domain', 'a.example.com', '--access-token', 'env:X', '--files', 'a', '--no-check'],
      /is no connection name/,
    ],
  ])('%j: what is missing or wrong is said', async (args, words) => {
    const cwd = newFolder();
    const { code, stdout, stderr } = await init(cwd, ...args);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(words) as string });
    expect(stderr).not.toContain('in-the-clear');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
  });

  it('adds a connection to a file with its comments, and overwrites none', async () => {
    const cwd = newFolder();
    const file = join(cwd, 'rollcall.yaml');
    const before =
      '# Ours.\ndefaults: { lag_seconds: 60 } # late\nconnections:\n  # the first\n  acme:\n    domain: acme.eu.auth0.com\n    credentials: {}\n    destination: { files: ./acme }\n';
    writeFileSync(file, before, { mode: 0o640 });
    const shared = await init(cwd, 'other', ...flags('./acme'), '--client-secret', 'env:SECRET');
    expect(shared.code).toBe(2);
    expect(shared.stderr).toContain('connections.other.destination.files is also that of acme.');
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
    expect(again.stderr).toContain('has a connection other already');
    expect(readFileSync(file, 'utf8')).toBe(after);
  });

  it('writes nothing that does not sign in, unless it is told not to try', async () => {
    const cwd = newFolder();
    const refused = await init(cwd, 'acme', ...flags(), '--client-secret', 'env:WRONG');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('--no-check writes it without trying');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
    expect((await init(cwd, 'acme', ...flags(), '--client-secret', 'env:WRONG', '--no-check')).code).toBe(0);
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(true);
  });

  it('names the scopes to grant for the streams that are wanted, and writes the file', async () => {
    tenant.updateSettings({ scopes: ['read:clients'] });
    const cwd = newFolder();
    const some = ['--stream', 'clients', 'users'];
    const { code, stderr } = await init(cwd, 'acme', ...flags(), '--client-secret', 'env:SECRET', ...some);
    expect(code).toBe(4);
    expect(stderr).toContain("users can't be read without read:users.");
    expect(stderr).not.toContain('read:organizations');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(true);
  });
});
