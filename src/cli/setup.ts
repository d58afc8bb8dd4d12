import { Option } from 'commander';
import type { ConfigShowFlags } from '../commands/config-commands';
import type { DemoFlags } from '../commands/demo';
import type { DoctorFlags } from '../commands/doctor';
import type { EmulatorFlags } from '../commands/emulator-command';
import type { InitFlags } from '../commands/init';
import type { WorkerFlags } from '../commands/worker-command';
import { exitCodes } from '../errors';
import { addTenantOptions, createProjectFileOption, type DeclareCommands, parseWholeNumber } from './options';

/** What is done before the first sync, and when something is amiss. */
export const declareSetupCommands: DeclareCommands = (program, act) => {
  const init = program
    .command('init')
    .argument('[connection]', 'name of the connection')
    .summary('Write a connection into the project file')
    .description(
      'Ask for a tenant, how to sign in and where to copy it, try the credentials, and write the connection into the project file: a new one, or one more in a file that is there, with its comments. Secrets are named, not written. Without a terminal the options say it all.',
    )
    .addOption(createProjectFileOption())
    .option('--stream <name...>', 'copy these streams only')
    .option('--no-input', 'ask nothing')
    .option('--no-check', 'do not try the credentials');
  addTenantOptions(init)
    .option('--files <folder>', 'folder to copy into')
    .option('--postgres <ref>', 'database to copy into, as env:NAME or file:PATH')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rollcall init\n  $ rollcall init acme --domain acme.eu.auth0.com --client-id … \\\n      --client-secret file:secrets/acme --files ./data/acme',
    )
    .action((connection: string | undefined, flags: InitFlags) =>
      act(async () => (await import('../commands/init.js')).runInit(connection, flags)),
    );
  program
    .command('doctor')
    .argument('[connection]', 'connection of the project file; all of them when left out')
    .summary('Look whether all is as a sync needs it')
    .description(
      'Look at the project file, Temporal, staging, and of each connection its destination, credentials, scopes, clock and rate limit; say what is amiss and what to do. The exit code is that of the worst, 0 when there is nothing but warnings.',
    )
    .addOption(createProjectFileOption())
    .option('--fix', 'add the search attributes that Temporal lacks')
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', '\nExample:\n  $ rollcall doctor acme')
    .action((connection: string | undefined, flags: DoctorFlags) =>
      act(async () => (await import('../commands/doctor.js')).runDoctor(connection, flags)),
    );
  const config = program
    .command('config')
    .summary('Show the settings that hold, and the schema of the file')
    .description('Show the settings of the project file as they hold, or the schema of that file.')
    .addHelpText('after', '\nExamples:\n  $ rollcall config show acme\n  $ rollcall config schema > schema.json');
  config
    .command('show')
    .argument('[connection]', 'connection of the project file; all of them when left out')
    .summary('Show the settings that hold, and where each comes from')
    .description(
      'Show every setting of a connection as commands find it here, with its origin: a line of the file, a variable, or the default. Secrets are not shown; of a reference is told whether it leads somewhere.',
    )
    .addOption(createProjectFileOption())
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  $ rollcall config show acme')
    .action((connection: string | undefined, flags: ConfigShowFlags) =>
      act(async () => (await import('../commands/config-commands.js')).runConfigShow(connection, flags)),
    );
  config
    .command('schema')
    .summary('Print the JSON schema of the project file')
    .description('Print the JSON schema of rollcall.yaml, for editors that complete and check YAML.')
    .addHelpText('after', '\nExample:\n  $ rollcall config schema > rollcall.schema.json')
    .action(() => act(async () => (await import('../commands/config-commands.js')).runConfigSchema()));
};

/** What runs until it is stopped, and the demonstration that starts all of it. */
export const declareServiceCommands: DeclareCommands = (program, act) => {
  program
    .command('worker')
    .summary('Serve the syncs of a Temporal server')
    .description('Do the work of syncs that others start, for the connections of the project file, until stopped.')
    .addOption(createProjectFileOption())
    .option('--task-queue <name>', 'task queue (default: ROLLCALL_TASK_QUEUE, or "rollcall")')
    .option('--listen <host:port>', 'serve /metrics, /healthz, /readyz (default: ROLLCALL_LISTEN, or nowhere)')
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=localhost:7233 rollcall worker --listen 127.0.0.1:9464')
    .action((flags: WorkerFlags) =>
      act(async () => (await import('../commands/worker-command.js')).runWorkerCommand(flags)),
    );

  program
    .command('emulator')
    .summary('Run an emulated Auth0 tenant')
    .description("Serve an emulated tenant over HTTP, with Auth0's limits and bodies, until stopped.")
    .addOption(
      new Option('--scenario <name>', 'what the tenant holds')
        .choices(['small', 'caps', 'empty', 'large', 'million', 'owned-roles'])
        .default('small'),
    )
    .option('--port <number>', 'port to listen on (default: any free one)', parseWholeNumber)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--users <number>', 'users, in place of those of the scenario', parseWholeNumber)
    .option('--organizations <number>', 'organizations, likewise', parseWholeNumber)
    .option('--clients <number>', 'clients, likewise', parseWholeNumber)
    .option('--roles <number>', 'roles, likewise', parseWholeNumber)
    .option('--seed <number>', 'another tenant of the same size', parseWholeNumber)
    .addOption(
      new Option('--rate-limits <plan>', 'rate limits')
        .choices(['free', 'essentials', 'enterprise', 'unlimited'])
        .default('unlimited'),
    )
    .option('--latency-ms <number>', 'milliseconds added to every answer', parseWholeNumber)
    .addHelpText('after', '\nExample:\n  $ rollcall emulator --port 8080 --scenario caps')
    .action((flags: EmulatorFlags) =>
      act(async () => {
        await (await import('../commands/emulator-command.js')).runEmulator(flags);
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
    .action((flags: DemoFlags) => act(async () => (await import('../commands/demo.js')).runDemo(flags)));
};
