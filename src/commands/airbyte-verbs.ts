import type { Command } from 'commander';
import { errorLine } from '../airbyte/messages';
import type { ReadFlags } from './read';
import type { Verb } from './verb';

interface VerbFlags {
  debug?: boolean;
}

/** Adds `spec`, `check`, `discover` and `read`, as every Airbyte source has them. */
export function addAirbyteVerbs(program: Command, finish: (code: number) => void): void {
  program.commandsGroup('Airbyte source:');
  function add<Flags extends VerbFlags>(name: string, summary: string, load: () => Promise<Verb<Flags>>): Command {
    return program
      .command(name)
      .summary(summary)
      .description(`${summary} (Airbyte protocol).`)
      .option('--debug', 'log more')
      .configureOutput({ outputError: (text) => process.stdout.write(usageLine(text, `${program.name()} ${name}`)) })
      .action(async (flags: Flags) => {
        const { runVerb } = await import('./verb.js');
        finish(await runVerb(await load(), flags));
      });
  }

  add('spec', 'Print the specification of the configuration', async () => {
    const { spec } = await import('./spec.js');
    return (_flags, { output }) => spec(output);
  }).addHelpText('after', '\nExample:\n  $ source-auth0 spec');
  add<VerbFlags & { config: string }>('check', 'Check that the tenant can be read', async () => {
    const { check } = await import('./check.js');
    return (flags, context) => check(flags, context);
  })
    .requiredOption('--config <file>', 'configuration, JSON')
    .addHelpText('after', '\nExample:\n  $ source-auth0 check --config config.json');
  add<VerbFlags & { config: string }>('discover', 'Print the catalog of streams', async () => {
    const { discover } = await import('./discover.js');
    return (flags, { output }) => discover(flags, output);
  })
    .requiredOption('--config <file>', 'configuration, JSON')
    .addHelpText('after', '\nExample:\n  $ source-auth0 discover --config config.json');
  add<VerbFlags & ReadFlags>('read', 'Read the configured streams', async () => {
    const { read } = await import('./read.js');
    return (flags, context) => read(flags, context);
  })
    .requiredOption('--config <file>', 'configuration, JSON')
    .requiredOption('--catalog <file>', 'configured catalog, JSON')
    .option('--state <file>', 'state that an earlier read wrote, JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ source-auth0 read --config config.json --catalog catalog.json \\\n      --state state.json',
    );
}

/** What commander says of a wrong command line, as a message of the protocol: its reader reads nothing else. */
function usageLine(text: string, command: string): string {
  const what = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ');
  return errorLine({ message: `${what}. See \`${command} --help\`.`, failureType: 'config_error' }, Date.now());
}
