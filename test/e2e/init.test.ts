import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { loadProject } from '../../src/config/project';
import { streams } from '../../src/streams/registry';
import { type OnTerminal, startOnTerminal } from '../support/terminal';
import { scratchFolder } from '../support/scratch';
import { until } from '../support/wait';

jest.setTimeout(120_000);

const root = scratchFolder();
let tenant: Emulator;
let folders = 0;
const terminals: OnTerminal[] = [];

beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
});
afterAll(async () => {
  for (const terminal of terminals) terminal.kill();
  await tenant.close();
});

function startInit(args: string[], options: { cwd: string; env?: Record<string, string> }): OnTerminal {
  const terminal = startOnTerminal(['init', ...args], options);
  terminals.push(terminal);
  return terminal;
}

function newFolder(): string {
  const folder = join(root, String((folders += 1)));
  mkdirSync(folder);
  return folder;
}

const enter = '\r';
const down = '\u001b[B';

/** A prompt reads keys a moment after it is drawn, and earlier ones are lost: keys without an effect are typed again. */
const retryMs = 2_000;

/** Types the keys, and Enter separately, each until the screen changes. */
async function typeKeys(terminal: OnTerminal, keys: string): Promise<void> {
  for (const part of keys.split(/(?=\r)/)) {
    const { length } = terminal.written();
    let typedAt = -Infinity;
    await until(
      () => {
        if (terminal.written().length > length) return true;
        if (performance.now() - typedAt > retryMs) {
          terminal.type(part);
          typedAt = performance.now();
        }
        return false;
      },
      `an effect of ${JSON.stringify(part)}`,
    );
  }
}

/** Answers each prompt when it appears. */
async function answerPrompts(terminal: OnTerminal, answers: [question: string, keys: string][]): Promise<void> {
  for (const [question, keys] of answers) {
    await terminal.shows(question);
    await typeKeys(terminal, keys);
  }
}

describe('rollcall init on a terminal', () => {
  it('prompts for a connection, tests it, and writes the file with references instead of secrets', async () => {
    const cwd = newFolder();
    const terminal = startInit([], { cwd });
    await answerPrompts(terminal, [
      ['Connection name', `acme${enter}`],
      ['Tenant domain', `acme${enter}`],
      ['such as acme.eu.auth0.com', `\u007f\u007f\u007f\u007f${tenant.url}${enter}`],
      ['Streams to copy', enter],
      ['Authentication method', enter],
      ['Client ID of the application', `${tenant.clientId}${enter}`],
      ['Where is the client secret stored?', `${down}${enter}`],
      ['Path of the file', enter],
      ['File not found. Paste the client secret', `${tenant.clientSecret}${enter}`],
      ['Files', enter],
      ['Destination folder', enter],
    ]);
    const { code } = await terminal.ended;
    const screen = terminal.lines().join('\n');
    expect({ code, screen }).toEqual({ code: 0, screen });
    for (const scope of readerScopes) expect(screen).toContain(scope);
    expect(screen).toMatch(/^ok +tenant/m);
    expect(screen).toContain('Added acme to rollcall.yaml. Next: rollcall sync acme');
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

  it('explains rejected credentials, and writes them only on request', async () => {
    const cwd = newFolder();
    const terminal = startInit(['acme', '--base-url', tenant.url, '--files', './data'], {
      cwd,
      env: { WRONG: 'not-to-be-shown' },
    });
    await answerPrompts(terminal, [
      ['Streams to copy', enter],
      ['Authentication method', enter],
      ['Client ID of the application', `${tenant.clientId}${enter}`],
      ['Where is the client secret stored?', enter],
      ['Name of the variable', `${'\u007f'.repeat(30)}WRONG${enter}`],
      ['Write the connection anyway?', enter],
    ]);
    const { code } = await terminal.ended;
    expect(code).toBe(4);
    expect(terminal.lines().join(' ').replace(/\s+/g, ' ')).toContain('rejected the client ID or the client secret');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
    expect(terminal.written()).not.toContain('not-to-be-shown');
  });

  it('writes nothing after Ctrl-C', async () => {
    const cwd = newFolder();
    const terminal = startInit(['acme'], { cwd });
    await answerPrompts(terminal, [['Tenant domain', '\u0003']]);
    expect(await terminal.ended).toEqual({ code: 130 });
    expect(terminal.lines().join('\n')).toContain('Cancelled. Nothing was written.');
    expect(existsSync(join(cwd, 'rollcall.yaml'))).toBe(false);
  });
});
