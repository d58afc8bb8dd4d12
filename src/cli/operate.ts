import type { Command } from 'commander';
import type { CommandContext } from '../app/command-context';
import {
  addConnectionArgument,
  addHelp,
  addTenantOptions,
  createProjectFileOption,
  type DeclareCommand,
  lazily,
  listLeafCommands,
} from './options';
import { declareSchedule } from './schedule';
import { declareConfig, declareDemo, declareDoctor, declareEmulator, declareInit, declareWorker } from './setup';
import { declareState } from './state';

const connectionArgumentHelp = 'connection in the project file; omit it to specify a tenant with the options below';

const declareSync: DeclareCommand = (program, act) => {
  const command = program
    .command('sync')
    .argument('[connection]', connectionArgumentHelp)
    .addOption(createProjectFileOption())
    .option('--full', 'read everything again and replace the copied data')
    .option('--stream <name...>', 'copy only these streams')
    .option('--detach', 'start the sync and return without waiting for it')
    .option('--json', 'print the result as JSON');
  addTenantOptions(command).option('--files <folder>', 'destination (default: ./data)');
  addHelp(command, {
    summary: 'Copy a tenant',
    description:
      'Sync a connection. The first sync reads everything; later syncs read only changed users, and all records of the other streams. With TEMPORAL_ADDRESS or a Temporal profile, the workers of that server run the sync; otherwise the command starts a local server.',
    examples: [
      'rollcall sync acme',
      'rollcall sync --domain acme.eu.auth0.com --client-id … \\\n      --client-secret env:AUTH0_CLIENT_SECRET --files ./data',
    ],
  }).action(lazily(act, async () => (await import('../commands/sync.js')).runSync));
};

const declarePlan: DeclareCommand = (program, act) => {
  const command = program
    .command('plan')
    .argument('[connection]', connectionArgumentHelp)
    .addOption(createProjectFileOption())
    .option('--stream <name...>', 'only these streams')
    .option('--json', 'print the plan as JSON');
  addHelp(addTenantOptions(command), {
    summary: 'Estimate the cost of a full refresh',
    description:
      "Estimate per stream how many requests a full refresh takes, and how long at the tenant's rate limit. The command sends a few requests and copies nothing.",
    examples: ['rollcall plan acme'],
  }).action(lazily(act, async () => (await import('../commands/plan.js')).runPlan));
};

const declareStatus: DeclareCommand = (program, act) => {
  const command = program
    .command('status')
    .argument('[connection]', 'connection in the project file (default: all)')
    .addOption(createProjectFileOption())
    .option('--json', 'print one JSON object');
  addHelp(command, {
    summary: 'Show the status of syncs and schedules',
    description:
      'Show for each connection the running or last sync, and its schedule: the next run, skipped and missed runs, and the results of the last runs. Times are local.',
    examples: ['rollcall status', 'rollcall status acme --json'],
  }).action(lazily(act, async () => (await import('../commands/status.js')).runStatus));
};

const declareWatch: DeclareCommand = (program, act) => {
  const command = addConnectionArgument(program.command('watch')).option(
    '--json',
    'print one JSON object per line for each change, and one for the result',
  );
  addHelp(command, {
    summary: 'Follow a running sync',
    description:
      'Follow the running sync of a connection until it ends, whether a worker or another terminal runs it. Ctrl-C stops the output, not the sync.',
    examples: ['rollcall watch acme'],
  }).action(lazily(act, async () => (await import('../commands/follow.js')).runWatch));
};

const declareLogs: DeclareCommand = (program, act) => {
  const command = addConnectionArgument(program.command('logs'))
    .option('-f, --follow', 'print new events until the sync ends')
    .option('--json', 'print one JSON object per line for each event');
  addHelp(command, {
    summary: 'Show the events of the latest sync',
    description:
      "Show the events of a connection's latest sync from Temporal's history: fetches, deliveries, waits, pauses, failures and the result.",
    examples: ['rollcall logs acme --follow'],
  }).action(lazily(act, async () => (await import('../commands/logs.js')).runLogs));
};

const declarePause: DeclareCommand = (program, act) => {
  const command = addConnectionArgument(program.command('pause')).option(
    '--reason <text>',
    'reason to show in the status (default: paused by a user)',
  );
  addHelp(command, {
    summary: 'Pause a sync',
    description:
      'Pause the sync of a connection. Pages in progress are finished; no further page is read until the sync is resumed. A paused sync survives restarts.',
    examples: ['rollcall pause acme --reason "the tenant is being migrated"'],
  }).action(lazily(act, async () => (await import('../commands/control-commands.js')).runPause));
};

const declareResume: DeclareCommand = (program, act) => {
  addHelp(addConnectionArgument(program.command('resume')), {
    summary: 'Resume a paused sync',
    description: 'Resume a sync that a user paused, or that paused itself because Auth0 rejected its credentials.',
    examples: ['rollcall resume acme'],
  }).action(lazily(act, async () => (await import('../commands/control-commands.js')).runResume));
};

const declareCancel: DeclareCommand = (program, act) => {
  addHelp(addConnectionArgument(program.command('cancel')), {
    summary: 'Cancel a sync',
    description: 'Cancel the sync of a connection. Copied data and the saved state are kept.',
    examples: ['rollcall cancel acme'],
  }).action(lazily(act, async () => (await import('../commands/control-commands.js')).runCancel));
};

/** In the order of the help. */
const commandGroups = [
  { heading: 'Setup', commands: [declareInit, declareDoctor, declareConfig] },
  { heading: 'Sync', commands: [declareSync, declarePlan] },
  { heading: 'Status', commands: [declareStatus, declareWatch, declareLogs] },
  { heading: 'Control', commands: [declarePause, declareResume, declareCancel] },
  { heading: 'State', commands: [declareState] },
  { heading: 'Schedules', commands: [declareSchedule] },
  { heading: 'Services', commands: [declareWorker, declareEmulator, declareDemo] },
];

/** Declares all commands but those of the Airbyte protocol. Errors are reported on stderr. */
export function addOperatorCommands(program: Command, context: CommandContext, finish: (code: number) => void): void {
  async function act(command: (context: CommandContext) => Promise<number>): Promise<void> {
    try {
      finish(await command(context));
    } catch (error) {
      const { failOnTerminal } = await import('../commands/failure-output.js');
      finish(failOnTerminal(context.log, error));
    }
  }
  program.showHelpAfterError('Run `rollcall --help` for the commands.');
  for (const { heading, commands } of commandGroups) {
    program.commandsGroup(`${heading}:`);
    for (const declare of commands) declare(program, act);
  }
  for (const { command, path } of listLeafCommands(program)) {
    command
      .option('-q, --quiet', 'print only the result and errors')
      .showHelpAfterError(`Run \`rollcall ${path} --help\` for the options.`);
  }
  program.hook('preAction', (_, command) => {
    if (command.opts()['quiet'] === true) context.log.quiet = true;
  });
}
