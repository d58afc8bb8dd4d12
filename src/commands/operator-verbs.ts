import { InvalidArgumentError, Option, type Command } from 'commander';
import type { DemoFlags } from './demo';
import type { RunEmulatorOptions } from './emulator';
import type { ControlFlags } from './control';
import { exitCodes } from './exit';
import type { PlanFlags } from './plan';
import type { SyncFlags } from './sync';
import type { WorkerFlags } from './worker';

/** Adds the verbs of people who run syncs with a Temporal of their own, or with the one that comes along. */
export function addOperatorVerbs(program: Command, finish: (code: number) => void): void {
  /** Every failure ends here: told in words on stderr, with its exit code. */
  async function act(verb: () => Promise<number>): Promise<void> {
    try {
      finish(await verb());
    } catch (error) {
      const { failOnTerminal } = await import('./fail.js');
      finish(failOnTerminal(error));
    }
  }
  const projectFile = () => new Option('-c, --config <file>', 'project file').default('rollcall.yaml');

  const sync = program
    .command('sync')
    .argument('[connection]', 'connection of the project file; or spell one out by the options below')
    .summary('Copy a tenant')
    .description(
      'Copy a connection: its first run copies everything, later ones what has changed where the API can tell. Uses the Temporal server that TEMPORAL_ADDRESS or a profile names, whose workers do the work; with none it starts one itself.',
    )
    .addOption(projectFile())
    .option('--full', 'read everything again, whatever was copied before')
    .option('--stream <name...>', 'copy these streams only')
    .option('--detach', 'start the sync and return; its workers are elsewhere')
    .option('--json', 'print the result as JSON');
  addTenantOptions(sync)
    .option('--files <folder>', 'destination (default: ./data)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rollcall sync acme\n  $ rollcall sync --domain acme.eu.auth0.com --client-id … \\\n      --client-secret env:AUTH0_CLIENT_SECRET --files ./data',
    )
    .action((connection: string | undefined, flags: SyncFlags) =>
      act(async () => (await import('./sync.js')).sync(connection, flags)),
    );

  const plan = program
    .command('plan')
    .argument('[connection]', 'connection of the project file; or spell one out by the options below')
    .summary('Say what a copy would cost')
    .description(
      "Tell how many requests a full read of a connection takes, and how long at the tenant's rate limit, by stream. A few requests find it out; nothing is copied.",
    )
    .addOption(projectFile())
    .option('--stream <name...>', 'these streams only')
    .option('--json', 'print the plan as JSON');
  addTenantOptions(plan)
    .addHelpText('after', '\nExample:\n  $ rollcall plan acme')
    .action((connection: string | undefined, flags: PlanFlags) =>
      act(async () => (await import('./plan.js')).plan(connection, flags)),
    );

  const named = (command: Command): Command =>
    command.argument('<connection>', 'connection of the project file').addOption(projectFile());
  named(program.command('pause'))
    .summary('Have a sync stop reading for now')
    .description(
      'Pause the sync of a connection on the Temporal server that TEMPORAL_ADDRESS or a profile names: pages under way are finished, none is begun until it is resumed. A paused sync outlives restarts.',
    )
    .option('--reason <text>', 'why, as it is shown', 'paused by hand')
    .addHelpText('after', '\nExample:\n  $ rollcall pause acme --reason "the tenant is being migrated"')
    .action((connection: string, flags: ControlFlags & { reason: string }) =>
      act(async () => (await import('./control.js')).pause(connection, flags)),
    );
  named(program.command('resume'))
    .summary('Have a paused sync go on')
    .description('Resume a sync that was paused by hand, or that paused itself because its credentials were refused.')
    .addHelpText('after', '\nExample:\n  $ rollcall resume acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('./control.js')).resume(connection, flags)),
    );
  named(program.command('cancel'))
    .summary('End a sync')
    .description('End the sync of a connection. What it has copied stays, with the state to go on from.')
    .addHelpText('after', '\nExample:\n  $ rollcall cancel acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('./control.js')).cancel(connection, flags)),
    );

  program
    .command('worker')
    .summary('Serve the syncs of a Temporal server')
    .description('Do the work of syncs that others start, for the connections of the project file, until stopped.')
    .addOption(projectFile())
    .option('--task-queue <name>', 'task queue (default: ROLLCALL_TASK_QUEUE, or "rollcall")')
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=localhost:7233 rollcall worker')
    .action((flags: WorkerFlags) => act(async () => (await import('./worker.js')).worker(flags)));

  const whole = (text: string): number => {
    if (/^\d+$/.test(text)) return Number(text);
    throw new InvalidArgumentError('It must be a whole number.');
  };
  program
    .command('emulator')
    .summary('Run an emulated Auth0 tenant')
    .description("Serve an emulated tenant over HTTP, with Auth0's limits and bodies, until stopped.")
    .addOption(
      new Option('--scenario <name>', 'what the tenant holds')
        .choices(['small', 'caps', 'empty', 'large', 'million', 'owned-roles'])
        .default('small'),
    )
    .option('--port <number>', 'port to listen on (default: any free one)', whole)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--users <number>', 'users, in place of those of the scenario', whole)
    .option('--organizations <number>', 'organizations, likewise', whole)
    .option('--clients <number>', 'clients, likewise', whole)
    .option('--roles <number>', 'roles, likewise', whole)
    .option('--seed <number>', 'another tenant of the same size', whole)
    .addOption(
      new Option('--rate-limits <plan>', 'rate limits')
        .choices(['free', 'essentials', 'enterprise', 'unlimited'])
        .default('unlimited'),
    )
    .option('--latency-ms <number>', 'milliseconds added to every answer', whole)
    .addHelpText('after', '\nExample:\n  $ rollcall emulator --port 8080 --scenario caps')
    .action((flags: RunEmulatorOptions) =>
      act(async () => {
        await (await import('./emulator.js')).runEmulator(flags);
        return exitCodes.ok;
      }),
    );

  program
    .command('demo')
    .summary('Copy an emulated tenant, to see how it goes')
    .description(
      'Start an emulated tenant and a local Temporal server, copy all into a folder, then only what changed.',
    )
    .option('--files <folder>', 'folder to copy into', './data')
    .option('--keep', "keep Temporal's UI open until Ctrl-C")
    .addHelpText('after', '\nExample:\n  $ rollcall demo --keep')
    .action((flags: DemoFlags) => act(async () => (await import('./demo.js')).demo(flags)));
}

/** The options that spell a tenant out. */
function addTenantOptions(command: Command): Command {
  return command
    .option('--domain <host>', 'tenant, such as acme.eu.auth0.com')
    .option('--base-url <url>', 'tenant, as an address')
    .option('--client-id <id>', 'machine-to-machine application')
    .option('--client-secret <ref>', 'its secret, as env:NAME or file:PATH')
    .option('--private-key <ref>', 'its key in place of a secret, as file:PATH')
    .option('--access-token <ref>', 'a token instead, as env:NAME or file:PATH')
    .option('--audience <url>', "the Management API's identifier, for custom domains")
    .option('--start-date <time>', 'leave out users last changed before it');
}
