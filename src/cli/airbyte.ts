import type { Command } from 'commander';
import { formatErrorLine } from '../airbyte/messages';
import type { CommandContext } from '../app/command-context';
import type { AirbyteCommand } from '../commands/airbyte-command';
import type { ReadFlags } from '../commands/read';

interface AirbyteFlags {
  debug?: boolean;
}

/** Declares `spec`, `check`, `discover` and `read`, the commands of every Airbyte source. */
export function addAirbyteCommands(program: Command, context: CommandContext, finish: (code: number) => void): void {
  program.commandsGroup('Airbyte source:');
  function add<Flags extends AirbyteFlags>(
    name: string,
    summary: string,
    load: () => Promise<AirbyteCommand<Flags>>,
  ): Command {
    return program
      .command(name)
      .summary(summary)
      .description(`${summary} (Airbyte protocol).`)
      .option('--debug', 'log at debug level')
      .configureOutput({
        outputError: (text) => context.stdout.write(toUsageErrorLine(text, `${program.name()} ${name}`)),
      })
      .action(async (flags: Flags) => {
        const { runAirbyteCommand } = await import('../commands/airbyte-command.js');
        finish(await runAirbyteCommand(await load(), flags, context));
      });
  }

  add('spec', 'Print the connector specification', async () => {
    const { runSpec } = await import('../commands/airbyte-discovery.js');
    return (_flags, context) => runSpec(context);
  }).addHelpText('after', '\nExample:\n  $ source-auth0 spec');
  add<AirbyteFlags & { config: string }>('check', 'Check the credentials and scopes', async () => {
    const { runCheck } = await import('../commands/check.js');
    return (flags, context) => runCheck(flags, context);
  })
    .requiredOption('--config <file>', 'JSON configuration file')
    .addHelpText('after', '\nExample:\n  $ source-auth0 check --config config.json');
  add<AirbyteFlags & { config: string }>('discover', 'Print the catalog of streams', async () => {
    const { runDiscover } = await import('../commands/airbyte-discovery.js');
    return (flags, context) => runDiscover(flags, context);
  })
    .requiredOption('--config <file>', 'JSON configuration file')
    .addHelpText('after', '\nExample:\n  $ source-auth0 discover --config config.json');
  add<AirbyteFlags & ReadFlags>('read', 'Read the configured streams', async () => {
    const { runRead } = await import('../commands/read.js');
    return (flags, context) => runRead(flags, context);
  })
    .requiredOption('--config <file>', 'JSON configuration file')
    .requiredOption('--catalog <file>', 'JSON configured catalog file')
    .option('--state <file>', 'JSON state file of an earlier read')
    .addHelpText(
      'after',
      '\nExample:\n  $ source-auth0 read --config config.json --catalog catalog.json \\\n      --state state.json',
    );
}

/** An error of the command line as a protocol message: callers read nothing else. */
function toUsageErrorLine(text: string, command: string): string {
  const what = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ');
  return formatErrorLine({ message: `${what}. See \`${command} --help\`.`, failureType: 'config_error' }, Date.now());
}
