import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { startEmulator } from 'auth0-emulator';
import { messagesOf, run, scratchFolder, writeJson } from '../support/program';
import { configOf } from '../support/compare-copy';
import { declareProgram } from '../support/cli';

const folder = scratchFolder();
const airbyteVerbs = ['spec', 'check', 'discover', 'read'];

/** Makes a program tell which modules of Temporal's it loads, and that it starts a process. */
function watched(): Record<string, string> {
  const hook = join(folder, 'hook.js');
  writeFileSync(
    hook,
    `const { _load: load } = require('node:module');
    require('node:module')._load = function (name, ...rest) {
      if (name.startsWith('@temporalio')) process.stderr.write('loaded ' + name + '\\n');
      return load.call(this, name, ...rest);
    };
    require('node:child_process').spawn = () => process.stderr.write('started a process\\n');`,
  );
  return { NODE_OPTIONS: `--require ${hook}` };
}

/** The words that lead to every verb, and to every group of them. */
function pathsOf(command: Command): string[][] {
  return command.commands.flatMap((each) => [[each.name()], ...pathsOf(each).map((path) => [each.name(), ...path])]);
}

const program = declareProgram();
const helps: ['rollcall' | 'source-auth0', string[]][] = [
  ['rollcall', []],
  ...pathsOf(program).map((path): ['rollcall', string[]] => ['rollcall', path]),
  ['source-auth0', []],
  ...airbyteVerbs.map((verb): ['source-auth0', string[]] => ['source-auth0', [verb]]),
];

it.each(helps)('%s %j --help fits a terminal, has an example and loads nothing of Temporal', async (program, verb) => {
  const { code, stdout, stderr } = await run(program, [...verb, '--help'], { env: watched() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).toMatch(/Examples?:\n {2}\$ .*(rollcall|source-auth0)/);
});

it('the help lists the exit codes once', async () => {
  const { stdout } = await run('rollcall', ['--help']);
  expect(stdout.match(/Exit codes:/g)).toHaveLength(1);
  for (const code of [0, 1, 2, 3, 4, 5, 130, 141]) expect(stdout).toMatch(new RegExp(`^ {2}${code} +\\S`, 'm'));
});

it('spec, check and discover answer without a server or anything of Temporal', async () => {
  const tenant = await startEmulator({ scenario: 'small' });
  try {
    const config = writeJson(folder, 'config.json', configOf(tenant));
    const answers = { spec: [], check: ['--config', config], discover: ['--config', config] };
    for (const [verb, flags] of Object.entries(answers)) {
      const { code, stdout, stderr } = await run('source-auth0', [verb, ...flags], { env: watched() });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const types = messagesOf(stdout).map(({ type }) => type);
      expect(types.at(-1)).toBe({ spec: 'SPEC', check: 'CONNECTION_STATUS', discover: 'CATALOG' }[verb]);
    }
  } finally {
    await tenant.close();
  }
});

const mistakes: [string[], string][] = [
  [['snyc'], "unknown command 'snyc'\n(Did you mean sync?)"],
  [['sync', '--fulll'], "unknown option '--fulll'\n(Did you mean --full?)"],
  [['sync', 'acme', 'other'], 'too many arguments'],
  [['sync', '--files'], "option '--files <folder>' argument missing"],
  [['emulator', '--port', 'x'], 'It must be a whole number'],
  [['emulator', '--scenario', 'x'], 'Allowed choices are small'],
];

it.concurrent.each(mistakes)('rollcall %j is told what is wrong with it', async (args, words) => {
  const { code, stdout, stderr } = await run('rollcall', args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(words);
  expect(stderr).not.toMatch(/^ +at /m);
});

it('a program without a command shows its help, as an error', async () => {
  const { code, stderr } = await run('rollcall', []);
  expect(code).toBe(2);
  expect(stderr).toContain('Usage: rollcall');
});

const unprotocolled: [string[], string][] = [
  [['read'], "required option '--config <file>' not specified"],
  [['check', '--config'], "option '--config <file>' argument missing"],
  [['spec', '--debgu'], "unknown option '--debgu' (Did you mean --debug?). See `source-auth0 spec --help`."],
];

it.concurrent.each(unprotocolled)('source-auth0 %j is answered in the protocol', async (args, words) => {
  const { code, stdout, stderr } = await run('source-auth0', args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  expect(messagesOf(stdout)).toMatchObject([
    { type: 'TRACE', trace: { error: { message: expect.stringContaining(words), failure_type: 'config_error' } } },
  ]);
});
