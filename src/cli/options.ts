import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../app/command-context';

/** Runs a command; an error is reported on stderr and sets the exit code. */
export type RunAction = (command: (context: CommandContext) => Promise<number>) => Promise<void>;

/** Declares a command: arguments, options and help. The action imports the command's module when it runs. */
export type DeclareCommand = (parent: Command, act: RunAction) => void;

/** The action of a command: loads its function, and calls it with the arguments, the options and the context. */
export function lazily<Args extends unknown[]>(
  act: RunAction,
  load: () => Promise<(...args: [...Args, CommandContext]) => Promise<number>>,
): (...args: Args) => Promise<void> {
  // Commander adds the command itself at the end.
  return (...args) => act(async (context) => (await load())(...(args.slice(0, -1) as Args), context));
}

export interface CommandHelp {
  /** For the list of commands. */
  summary: string;
  description: string;
  /** Command lines; a line break continues one. */
  examples: string[];
}

export function addHelp(command: Command, { summary, description, examples }: CommandHelp): Command {
  const lines = examples.map((example) => `  $ ${example}`);
  const heading = examples.length > 1 ? 'Examples' : 'Example';
  return command
    .summary(summary)
    .description(description)
    .addHelpText('after', ['', `${heading}:`, ...lines].join('\n'));
}

export function createProjectFileOption(): Option {
  return new Option('-c, --config <file>', 'project file').default('rollcall.yaml');
}

/** For a command on one connection of the project file. */
export function addConnectionArgument(command: Command): Command {
  return command.argument('<connection>', 'connection in the project file').addOption(createProjectFileOption());
}

/** The options that describe a tenant. */
export function addTenantOptions(command: Command): Command {
  return command
    .option('--domain <host>', 'tenant domain, such as acme.eu.auth0.com')
    .option('--base-url <url>', 'tenant URL, instead of --domain')
    .option('--client-id <id>', 'client ID of a machine-to-machine application')
    .option('--client-secret <ref>', 'its client secret, as env:NAME or file:PATH')
    .option('--private-key <ref>', 'its private key instead of a secret, as file:PATH')
    .option('--access-token <ref>', 'access token instead of a client, as env:NAME or file:PATH')
    .option('--audience <url>', 'identifier of the Management API, for custom domains')
    .option('--start-date <time>', 'skip users last updated before this time');
}

export function parseWholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Use a whole number.');
}

/** The commands without subcommands, with the words that call them: `schedule create`. */
export function listLeafCommands(parent: Command, prefix = ''): { command: Command; path: string }[] {
  return parent.commands.flatMap((command) => {
    const path = `${prefix}${command.name()}`;
    return command.commands.length === 0 ? [{ command, path }] : listLeafCommands(command, `${path} `);
  });
}
