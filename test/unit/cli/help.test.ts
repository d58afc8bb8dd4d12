import type { Command } from 'commander';
import type { ProgramName } from '../../../src/cli/main';
import { declareProgram, runCli } from '../../support/cli';
import { messagesOf } from '../../support/program';

/** The words that lead to every command, and to every group of commands. */
function listCommands(command: Command): string[][] {
  return command.commands.flatMap((each) => [
    [each.name()],
    ...listCommands(each).map((path) => [each.name(), ...path]),
  ]);
}

const commands = (['rollcall', 'source-auth0'] as const).flatMap((program) =>
  [[], ...listCommands(declareProgram(program))].map((path): [ProgramName, string[]] => [program, path]),
);

it.each(commands)('the help of %s %j fits a terminal and has an example', async (program, command) => {
  const { code, stdout, stderr } = await runCli([...command, '--help'], { program });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).toMatch(/Examples?:\n {2}\$ .*(rollcall|source-auth0)/);
});

it('the help lists every exit code once', async () => {
  const { stdout } = await runCli(['--help']);
  expect(stdout.match(/Exit codes:/g)).toHaveLength(1);
  for (const code of [0, 1, 2, 3, 4, 5, 130, 141]) expect(stdout).toMatch(new RegExp(`^ {2}${code} +\\S`, 'm'));
});

const mistakes: [string[], string][] = [
  [['snyc'], "unknown command 'snyc'\n(Did you mean sync?)"],
  [['sync', '--fulll'], "unknown option '--fulll'\n(Did you mean --full?)"],
  [['sync', 'acme', 'other'], 'too many arguments'],
  [['sync', '--files'], "option '--files <folder>' argument missing"],
  [['emulator', '--port', 'x'], 'Use a whole number.'],
  [['emulator', '--scenario', 'x'], 'Allowed choices are small'],
];

it.each(mistakes)('rollcall %j prints what is wrong and exits with 2', async (args, message) => {
  const { code, stdout, stderr } = await runCli(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/^ +at /m);
});

it('rollcall without a command prints its help on stderr and exits with 2', async () => {
  const { code, stderr } = await runCli([]);
  expect(code).toBe(2);
  expect(stderr).toContain('Usage: rollcall');
});

const protocolMistakes: [string[], string][] = [
  [['read'], "required option '--config <file>' not specified"],
  [['check', '--config'], "option '--config <file>' argument missing"],
  [['spec', '--debgu'], "unknown option '--debgu' (Did you mean --debug?). See `source-auth0 spec --help`."],
];

it.each(protocolMistakes)('source-auth0 %j reports the mistake as a protocol message', async (args, message) => {
  const { code, stdout, stderr } = await runCli(args, { program: 'source-auth0' });
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  expect(messagesOf(stdout)).toMatchObject([
    { type: 'TRACE', trace: { error: { message: expect.stringContaining(message), failure_type: 'config_error' } } },
  ]);
});
