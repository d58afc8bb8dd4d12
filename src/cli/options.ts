import type { CommandContext } from '../app/command-context';
import { Option, InvalidArgumentError, type Command } from 'commander';

/** Runs a command; an error is reported on stderr and sets the exit code. */
export type RunAction = (command: (context: CommandContext) => Promise<number>) => Promise<void>;

/** Adds some verbs to the program: their arguments, options and help, nothing of what they do. */
export type DeclareCommands = (program: Command, act: RunAction) => void;

export function createProjectFileOption(): Option {
  return new Option('-c, --config <file>', 'project file').default('rollcall.yaml');
}

/** A verb about one connection of the project's file. */
export function addConnectionArgument(command: Command): Command {
  return command.argument('<connection>', 'connection in the project file').addOption(createProjectFileOption());
}

/** The options that spell a tenant out. */
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

/** Parses an option's value. */
export function parseWholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Use a whole number.');
}
