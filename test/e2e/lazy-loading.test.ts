import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { startEmulator } from 'auth0-emulator';
import { declareProgram } from '../support/cli';
import { configOf } from '../support/compare-copy';
import { messagesOf, run, writeJson } from '../support/program';
import { scratchFolder } from '../support/scratch';

const root = join(__dirname, '..', '..');
const folder = scratchFolder();
const hook = join(folder, 'hook.js');

/** Makes a process report which modules of Temporal it loads and that it starts a process. */
beforeAll(() => {
  writeFileSync(
    hook,
    `const { _load: load } = require('node:module');
    require('node:module')._load = function (name, ...rest) {
      if (name.startsWith('@temporalio')) process.stderr.write('loaded ' + name + '\\n');
      return load.call(this, name, ...rest);
    };
    require('node:child_process').spawn = () => process.stderr.write('started a process\\n');`,
  );
});

const env = { NODE_OPTIONS: `--require ${hook}` };

it('the hook reports a module of Temporal that a process loads', () => {
  const script = "require('@temporalio/common')";
  const { stderr } = spawnSync(process.execPath, ['--eval', script], { cwd: root, env, encoding: 'utf8' });
  expect(stderr).toContain('loaded @temporalio/common');
});

it.each(['rollcall', 'source-auth0'] as const)('%s --help does not load Temporal', async (program) => {
  const { code, stdout, stderr } = await run(program, ['--help'], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`Usage: ${program}`);
});

it('the help of every command does not load Temporal', () => {
  const list = (command: Command): string[][] =>
    command.commands.flatMap((each) => [[each.name()], ...list(each).map((path) => [each.name(), ...path])]);
  const commands = list(declareProgram());
  const script = `
    const { runCli } = require(${JSON.stringify(join(root, 'dist', 'cli', 'main.js'))});
    const { stdout, stderr, stdin, env } = process;
    const context = { stdout, stderr, stdin, env, cwd: '/', now: Date.now, signal: new AbortController().signal };
    (async () => {
      for (const command of ${JSON.stringify(commands)}) await runCli('rollcall', [...command, '--help'], context);
    })();`;
  const ended = spawnSync(process.execPath, ['--eval', script], { env, encoding: 'utf8' });
  expect({ status: ended.status, stderr: ended.stderr }).toEqual({ status: 0, stderr: '' });
  expect(ended.stdout.match(/^Usage: /gm)).toHaveLength(commands.length);
});

it('spec, check and discover load nothing of Temporal and start no process', async () => {
  const tenant = await startEmulator({ scenario: 'small' });
  try {
    const config = writeJson(folder, 'config.json', configOf(tenant));
    const commands = [
      { command: ['spec'], answer: 'SPEC' },
      { command: ['check', '--config', config], answer: 'CONNECTION_STATUS' },
      { command: ['discover', '--config', config], answer: 'CATALOG' },
    ];
    for (const { command, answer } of commands) {
      const { code, stdout, stderr } = await run('source-auth0', command, { env });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(messagesOf(stdout).at(-1)?.['type']).toBe(answer);
    }
  } finally {
    await tenant.close();
  }
});
