import { Option } from 'commander';
import type { ConfigShowFlags } from '../commands/config-commands';
import type { DemoFlags } from '../commands/demo';
import type { DoctorFlags } from '../commands/doctor';
import type { EmulatorFlags } from '../commands/emulator-command';
import type { InitFlags } from '../commands/init';
import type { WorkerFlags } from '../commands/worker-command';
import { addTenantOptions, createProjectFileOption, type DeclareCommands, parseWholeNumber } from './options';

/** What is done before the first sync, and when something is amiss. */
export const declareSetupCommands: DeclareCommands = (program, act) => {
  const init = program
    .command('init')
    .argument('[connection]', 'name of the connection')
    .summary('Add a connection to the project file')
    .description(
      'Add a connection to the project file; the file is created if it does not exist. The command asks for the tenant, the credentials and the destination, and tests the credentials. The file contains references to secrets, never their values. Without a terminal, pass all values as options.',
    )
    .addOption(createProjectFileOption())
    .option('--stream <name...>', 'copy only these streams')
    .option('--no-input', 'do not prompt')
    .option('--no-check', 'do not test the credentials');
  addTenantOptions(init)
    .option('--files <folder>', 'folder to copy into')
    .option('--postgres <ref>', 'URL of the Postgres database to copy into, as env:NAME or file:PATH')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rollcall init\n  $ rollcall init acme --domain acme.eu.auth0.com --client-id … \\\n      --client-secret file:secrets/acme --files ./data/acme',
    )
    .action((connection: string | undefined, flags: InitFlags) =>
      act(async (context) => (await import('../commands/init.js')).runInit(connection, flags, context)),
    );
  program
    .command('doctor')
    .argument('[connection]', 'connection in the project file (default: all)')
    .summary('Check everything a sync needs')
    .description(
      'Check the project file, Temporal and staging, and for each connection the destination, credentials, scopes, clock and rate limit. Each problem is reported with a fix. The exit code is that of the most severe problem; warnings exit with 0.',
    )
    .addOption(createProjectFileOption())
    .option('--fix', 'add missing search attributes to Temporal')
    .option('--json', 'print the results as JSON')
    .addHelpText('after', '\nExample:\n  $ rollcall doctor acme')
    .action((connection: string | undefined, flags: DoctorFlags) =>
      act(async (context) => (await import('../commands/doctor.js')).runDoctor(connection, flags, context)),
    );
  const config = program
    .command('config')
    .summary('Show the effective settings, or the file schema')
    .description('Show the effective settings of the project file, or print its JSON schema.')
    .addHelpText('after', '\nExamples:\n  $ rollcall config show acme\n  $ rollcall config schema > schema.json');
  config
    .command('show')
    .argument('[connection]', 'connection in the project file (default: all)')
    .summary('Show the effective settings and their origins')
    .description(
      'Show the effective value and the origin of every setting: a line of the file, an environment variable, or the default. Secrets are hidden; references that cannot be resolved are marked.',
    )
    .addOption(createProjectFileOption())
    .option('--json', 'print the settings as JSON')
    .addHelpText('after', '\nExample:\n  $ rollcall config show acme')
    .action((connection: string | undefined, flags: ConfigShowFlags) =>
      act(async (context) =>
        (await import('../commands/config-commands.js')).runConfigShow(connection, flags, context),
      ),
    );
  config
    .command('schema')
    .summary('Print the JSON schema of the project file')
    .description('Print the JSON schema of rollcall.yaml, for completion and validation in editors.')
    .addHelpText('after', '\nExample:\n  $ rollcall config schema > rollcall.schema.json')
    .action(() => act(async (context) => (await import('../commands/config-commands.js')).runConfigSchema(context)));
};

/** What runs until it is stopped, and the demonstration that starts all of it. */
export const declareServiceCommands: DeclareCommands = (program, act) => {
  program
    .command('worker')
    .summary('Run a worker')
    .description(
      "Run the syncs of the project file's connections that other commands and schedules start, until stopped. Requires TEMPORAL_ADDRESS or a Temporal profile.",
    )
    .addOption(createProjectFileOption())
    .option('--task-queue <name>', 'task queue (default: ROLLCALL_TASK_QUEUE, or "rollcall")')
    .option('--listen <host:port>', 'serve /metrics, /healthz, /readyz (default: ROLLCALL_LISTEN, or off)')
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=localhost:7233 rollcall worker --listen 127.0.0.1:9464')
    .action((flags: WorkerFlags) =>
      act(async (context) => (await import('../commands/worker-command.js')).runWorkerCommand(flags, context)),
    );

  program
    .command('emulator')
    .summary('Run an emulated Auth0 tenant')
    .description("Serve an emulated tenant over HTTP with Auth0's rate limits and response bodies, until stopped.")
    .addOption(
      new Option('--scenario <name>', 'data of the tenant')
        .choices(['small', 'caps', 'empty', 'large', 'million', 'owned-roles'])
        .default('small'),
    )
    .option('--port <number>', 'port to listen on (default: any free port)', parseWholeNumber)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--users <number>', "number of users, instead of the scenario's", parseWholeNumber)
    .option('--organizations <number>', 'number of organizations', parseWholeNumber)
    .option('--clients <number>', 'number of clients', parseWholeNumber)
    .option('--roles <number>', 'number of roles', parseWholeNumber)
    .option('--seed <number>', 'seed of the generated data', parseWholeNumber)
    .addOption(
      new Option('--rate-limits <plan>', 'rate limits of this Auth0 plan')
        .choices(['free', 'essentials', 'enterprise', 'unlimited'])
        .default('unlimited'),
    )
    .option('--latency-ms <number>', 'milliseconds added to every response', parseWholeNumber)
    .addHelpText('after', '\nExample:\n  $ rollcall emulator --port 8080 --scenario caps')
    .action((flags: EmulatorFlags) =>
      act(async (context) => (await import('../commands/emulator-command.js')).runEmulator(flags, context)),
    );

  program
    .command('demo')
    .summary('Run a demo against an emulated tenant')
    .description(
      'Start an emulated tenant and a local Temporal server, copy the tenant to a folder, then copy only the changes.',
    )
    .option('--files <folder>', 'folder to copy into', './data')
    .option('--keep', 'keep the Temporal UI open until Ctrl-C')
    .addHelpText('after', '\nExample:\n  $ rollcall demo --keep')
    .action((flags: DemoFlags) =>
      act(async (context) => (await import('../commands/demo.js')).runDemo(flags, context)),
    );
};
