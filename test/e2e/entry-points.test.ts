import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Linter } from 'eslint';
import packageJson from '../../package.json';

const ROOT = join(__dirname, '..', '..');
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-')));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const entries = [
  ['bin/rollcall', 'rollcall'],
  ['bin/source-auth0', 'source-auth0'],
  ['scripts/setup.cjs', 'setup'],
  ['bin/requirements.cjs', 'rollcall'],
] as const;

/** Runs an entry on a machine that looks like another, and on which nothing else can be loaded. */
function runOn(machine: { node?: string; platform?: string }, entry: string): { code: number | null; stderr: string } {
  const disguise = join(scratch, 'machine.cjs');
  const { node = process.versions.node, platform = process.platform } = machine;
  writeFileSync(
    disguise,
    `Object.defineProperty(process.versions, 'node', { value: '${node}' });
     Object.defineProperty(process, 'platform', { value: '${platform}' });`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', disguise, join(ROOT, entry)], {
    encoding: 'utf8',
    env: {},
  });
  expect(stdout).toBe('');
  return { code: status, stderr };
}

describe.each(entries)('%s', (entry, program) => {
  it.each(['8.17.0', '18.20.8', '20.18.3'])('refuses Node %s in one sentence', (node) => {
    const sentence = `Rollcall needs Node 20.19 or later, and this is Node ${node}. Install a newer version: https://nodejs.org/en/download`;
    expect(runOn({ node }, entry)).toEqual({ code: 2, stderr: `${program}: ${sentence}\n` });
  });

  it('refers to WSL on Windows', () => {
    const sentence =
      'Rollcall runs on Linux and macOS. On Windows, run it in WSL: https://learn.microsoft.com/windows/wsl/install';
    expect(runOn({ platform: 'win32' }, entry)).toEqual({ code: 2, stderr: `${program}: ${sentence}\n` });
  });
});

it.each(['20.19.0', '21.0.0', '22.11.0', '24.21.0', '100.0.0'])('accepts Node %s', (node) => {
  expect(runOn({ node }, 'bin/requirements.cjs')).toEqual({ code: 0, stderr: '' });
});

it('parses on an old Node up to the check of its version', () => {
  for (const entry of [
    'bin/rollcall',
    'bin/source-auth0',
    'bin/start.cjs',
    'bin/requirements.cjs',
    'scripts/setup.cjs',
  ]) {
    const messages = new Linter().verify(readFileSync(join(ROOT, entry), 'utf8'), {
      languageOptions: { ecmaVersion: 5, sourceType: 'commonjs' },
    });
    expect({ entry, messages }).toEqual({ entry, messages: [] });
  }
});

it('checks the machine first in every npm script', () => {
  const scripts = Object.entries(packageJson.scripts).filter(([name]) => name !== 'test');
  expect(packageJson.scripts.pretest).toBe('node scripts/setup.cjs');
  for (const [name, command] of scripts) {
    expect({ name, command }).toEqual({
      name,
      command: expect.stringMatching(/^node (scripts\/setup|bin\/requirements)\.cjs( |$)/),
    });
  }
});

it('names the supported systems where a newcomer reads first', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toMatch(
    /Node 20\.19 or later and git, on Linux or macOS \(on Windows, use WSL\)/,
  );
});

it('says how to build a clone that is not built', () => {
  cpSync(join(ROOT, 'bin'), join(scratch, 'clone', 'bin'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(scratch, 'clone', 'package.json'));
  const { status, stderr } = spawnSync(process.execPath, [join(scratch, 'clone/bin/rollcall')], { encoding: 'utf8' });
  const sentence = `Rollcall is not built. Run \`npm run setup\` in ${join(scratch, 'clone')}`;
  expect({ status, stderr }).toEqual({ status: 2, stderr: `rollcall: ${sentence}\n` });
});
