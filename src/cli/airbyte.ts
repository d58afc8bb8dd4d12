import type { Command } from 'commander';
import { formatErrorLine } from '../airbyte/messages';
import type { CommandContext } from '../app/command-context';
import type { AirbyteCommand } from '../commands/airbyte-command';
import type { ReadFlags } from '../commands/read';
import { addHelp } from './options';

interface AirbyteFlags {
  debug?: boolean;
}

/** Declares `spec`, `check`, `discover` and `read`, the commands of every Airbyte source. */
export function addAirbyteCommands(program: Command, context: CommandContext, finish: (code: number) => void): void {
  program.commandsGroup('Airbyte source:');
  function add<Flags extends AirbyteFlags>(
    name: string,
    { summary, example, load }: { summary: string; example: string; load: () => Promise<AirbyteCommand<Flags>> },
  ): Command {
    const command = program
      .command(name)
      .option('--debug', 'log at debug level')
      .showHelpAfterError(false)
      .configureOutput({
        outputError: (text) => context.stdout.write(formatUsageErrorLine(text, `${program.name()} ${name}`)),
      });
    const help = { summary, description: `${summary} (Airbyte protocol).`, examples: [example] };
    return addHelp(command, help).action(async (flags: Flags) => {
      const { runAirbyteCommand } = await import('../commands/airbyte-command.js');
      finish(await runAirbyteCommand(await load(), flags, context));
    });
  }

  add('spec', {
    summary: 'Print the connector specification',
    example: 'source-auth0 spec',
    load: async () => {
      const { runSpec } = await import('../commands/airbyte-discovery.js');
      return (_flags, context) => runSpec(context);
    },
  });
  add<AirbyteFlags & { config: string }>('check', {
    summary: 'Check the credentials and scopes',
    example: 'source-auth0 check --config config.json',
    load: async () => (await import('../commands/check.js')).runCheck,
  }).requiredOption('--config <file>', 'JSON configuration file');
  add<AirbyteFlags & { config: string }>('discover', {
    summary: 'Print the catalog of streams',
    example: 'source-auth0 discover --config config.json',
    load: async () => (await import('../commands/airbyte-discovery.js')).runDiscover,
  }).requiredOption('--config <file>', 'JSON configuration file');
  add<AirbyteFlags & ReadFlags>('read', {
    summary: 'Read the configured streams',
    example: 'source-auth0 read --config config.json --catalog catalog.json \\\n      --state state.json',
    load: async () => (await import('../commands/read.js')).runRead,
  })
    .requiredOption('--config <file>', 'JSON configuration file')
    .requiredOption('--catalog <file>', 'JSON configured catalog file')
    .option('--state <file>', 'JSON state file of an earlier read');
}

/** An error of the command line as a protocol message: callers read nothing else. */
function formatUsageErrorLine(text: string, command: string): string {
  const what = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ');
  return formatErrorLine({ message: `${what}. See \`${command} --help\`.`, failureType: 'config_error' }, Date.now());
}
