import { Command, CommanderError } from 'commander';
import { exitCodes, formatExitCodeHelp } from '../errors';
import { version } from '../version';
import { addAirbyteCommands } from './airbyte';
import { addOperatorCommands } from './operate';

const programDescriptions = {
  rollcall:
    "Copies an Auth0 tenant's clients, users, organizations, members and roles. Every sync is a Temporal workflow, so it survives the crash of any process.",
  'source-auth0': 'Airbyte source for Auth0. Writes Airbyte protocol messages to standard output.',
};

const examples = {
  rollcall: ['rollcall demo', 'rollcall sync acme', 'TEMPORAL_ADDRESS=localhost:7233 rollcall worker'],
  'source-auth0': ['source-auth0 spec', 'source-auth0 check --config config.json'],
};

/**
 * The entry of every command. The module of a verb is loaded when the verb is called, so that help and `spec` answer
 * without loading Temporal. The exit code of the process is set here and nowhere else.
 */
export async function main(name: 'rollcall' | 'source-auth0'): Promise<void> {
  const program = new Command(name).description(programDescriptions[name]).version(version).showSuggestionAfterError();
  program.exitOverride().configureHelp({ helpWidth: Math.min(process.stdout.columns || 80, 100) });
  program.addHelpText(
    'after',
    ['', 'Examples:', ...examples[name].map((line) => `  $ ${line}`), formatExitCodeHelp()].join('\n'),
  );
  const finish = (code: number): void => {
    process.exitCode = code;
  };
  if (name === 'rollcall') addOperatorCommands(program, finish);
  addAirbyteCommands(program, finish);
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version are no errors; whatever else commander refuses it has told the user already.
    finish(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  }
  // Temporal's runtime keeps a process alive that has not used it to its end, one that failed early for example.
  process.stdout.write('', () => process.exit());
}
