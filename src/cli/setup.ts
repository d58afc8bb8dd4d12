import { Option } from 'commander';
import {
  addHelp,
  addTenantOptions,
  createProjectFileOption,
  type DeclareCommand,
  lazily,
  parseWholeNumber,
} from './options';

export const declareInit: DeclareCommand = (program, act) => {
  const command = program
    .command('init')
    .argument('[connection]', 'name of the connection')
    .addOption(createProjectFileOption())
    .option('--stream <name...>', 'copy only these streams')
    .option('--no-input', 'do not prompt')
    .option('--no-check', 'do not test the credentials');
  addTenantOptions(command)
    .option('--files <folder>', 'folder to copy into')
    .option('--postgres <ref>', 'URL of the Postgres database to copy into, as env:NAME or file:PATH');
  addHelp(command, {
    summary: 'Add a connection to the project file',
    description:
      'Add a connection to the project file; the file is created if it does not exist. The command asks for the tenant, the credentials and the destination, and tests the credentials. The file contains references to secrets, never their values. Without a terminal, pass all values as options.',
    examples: [
      'rollcall init',
      'rollcall init acme --domain acme.eu.auth0.com --client-id … \\\n      --client-secret file:secrets/acme --files ./data/acme',
    ],
  }).action(lazily(act, async () => (await import('../commands/init.js')).runInit));
};

export const declareDoctor: DeclareCommand = (program, act) => {
  const command = program
    .command('doctor')
    .argument('[connection]', 'connection in the project file (default: all)')
    .addOption(createProjectFileOption())
    .option('--fix', 'add missing search attributes to Temporal')
    .option('--json', 'print the results as JSON');
  addHelp(command, {
    summary: 'Check everything a sync needs',
    description:
      'Check the project file, Temporal and staging, and for each connection the destination, credentials, scopes, clock and rate limit. Each problem is reported with a fix. The exit code is that of the most severe problem; warnings exit with 0.',
    examples: ['rollcall doctor acme'],
  }).action(lazily(act, async () => (await import('../commands/doctor.js')).runDoctor));
};

export const declareConfig: DeclareCommand = (program, act) => {
  const config = addHelp(program.command('config'), {
    summary: 'Show the effective settings, or the file schema',
    description: 'Show the effective settings of the project file, or print its JSON schema.',
    examples: ['rollcall config show acme', 'rollcall config schema > schema.json'],
  });
  declareConfigShow(config, act);
  addHelp(config.command('schema'), {
    summary: 'Print the JSON schema of the project file',
    description: 'Print the JSON schema of rollcall.yaml, for completion and validation in editors.',
    examples: ['rollcall config schema > rollcall.schema.json'],
  }).action(lazily(act, async () => (await import('../commands/config-commands.js')).runConfigSchema));
};

const declareConfigShow: DeclareCommand = (config, act) => {
  const command = config
    .command('show')
    .argument('[connection]', 'connection in the project file (default: all)')
    .addOption(createProjectFileOption())
    .option('--json', 'print the settings as JSON');
  addHelp(command, {
    summary: 'Show the effective settings and their origins',
    description:
      'Show the effective value and the origin of every setting: a line of the file, an environment variable, or the default. Secrets are hidden; references that cannot be resolved are marked.',
    examples: ['rollcall config show acme'],
  }).action(lazily(act, async () => (await import('../commands/config-commands.js')).runConfigShow));
};

export const declareWorker: DeclareCommand = (program, act) => {
  const command = program
    .command('worker')
    .addOption(createProjectFileOption())
    .option('--task-queue <name>', 'task queue (default: ROLLCALL_TASK_QUEUE, or "rollcall")')
    .option('--listen <host:port>', 'serve /metrics, /healthz, /readyz (default: ROLLCALL_LISTEN, or off)');
  addHelp(command, {
    summary: 'Run a worker',
    description:
      "Run the syncs of the project file's connections that other commands and schedules start, until stopped. Requires TEMPORAL_ADDRESS or a Temporal profile.",
    examples: ['TEMPORAL_ADDRESS=localhost:7233 rollcall worker --listen 127.0.0.1:9464'],
  }).action(lazily(act, async () => (await import('../commands/worker-command.js')).runWorkerCommand));
};

export const declareEmulator: DeclareCommand = (program, act) => {
  // The names are those of the emulator, which is not loaded for the help.
  const scenarios = ['small', 'caps', 'empty', 'large', 'million', 'owned-roles'];
  const plans = ['free', 'essentials', 'enterprise', 'unlimited'];
  const command = program
    .command('emulator')
    .addOption(new Option('--scenario <name>', 'data of the tenant').choices(scenarios).default('small'))
    .option('--port <number>', 'port to listen on (default: any free port)', parseWholeNumber)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--users <number>', "number of users, instead of the scenario's", parseWholeNumber)
    .option('--organizations <number>', 'number of organizations', parseWholeNumber)
    .option('--clients <number>', 'number of clients', parseWholeNumber)
    .option('--roles <number>', 'number of roles', parseWholeNumber)
    .option('--seed <number>', 'seed of the generated data', parseWholeNumber)
    .addOption(new Option('--rate-limits <plan>', 'rate limits of this Auth0 plan').choices(plans).default('unlimited'))
    .option('--latency-ms <number>', 'milliseconds added to every response', parseWholeNumber);
  addHelp(command, {
    summary: 'Run an emulated Auth0 tenant',
    description: "Serve an emulated tenant over HTTP with Auth0's rate limits and response bodies, until stopped.",
    examples: ['rollcall emulator --port 8080 --scenario caps'],
  }).action(lazily(act, async () => (await import('../commands/emulator-command.js')).runEmulator));
};

export const declareDemo: DeclareCommand = (program, act) => {
  const command = program
    .command('demo')
    .option('--files <folder>', 'folder to copy into', './data')
    .option('--keep', 'keep the Temporal UI open until Ctrl-C');
  addHelp(command, {
    summary: 'Run a demo against an emulated tenant',
    description:
      'Start an emulated tenant and a local Temporal server, copy the tenant to a folder, then copy only the changes.',
    examples: ['rollcall demo --keep'],
  }).action(lazily(act, async () => (await import('../commands/demo.js')).runDemo));
};
