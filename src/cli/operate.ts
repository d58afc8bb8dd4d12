import type { Command } from 'commander';
import type { CommandContext } from '../app/command-context';
import type { ControlFlags, PauseFlags } from '../commands/control-commands';
import type { LogsFlags } from '../commands/logs';
import type { PlanFlags } from '../commands/plan';
import type { StateFlags } from '../commands/state-commands';
import type { StatusFlags } from '../commands/status';
import type { SyncFlags } from '../commands/sync';
import { addConnectionArgument, addTenantOptions, createProjectFileOption, type DeclareCommands } from './options';
import { declareScheduleCommands } from './schedule';
import { declareServiceCommands, declareSetupCommands } from './setup';

/** What can be done to a sync under way. */
export const declareControlCommands: DeclareCommands = (program, act) => {
  addConnectionArgument(program.command('pause'))
    .summary('Pause a sync')
    .description(
      'Pause the sync of a connection. Pages in progress are finished; no further page is read until the sync is resumed. A paused sync survives restarts.',
    )
    .option('--reason <text>', 'reason to show in the status (default: paused by a user)')
    .addHelpText('after', '\nExample:\n  $ rollcall pause acme --reason "the tenant is being migrated"')
    .action((connection: string, flags: PauseFlags) =>
      act(async (context) => (await import('../commands/control-commands.js')).runPause(connection, flags, context)),
    );
  addConnectionArgument(program.command('resume'))
    .summary('Resume a paused sync')
    .description('Resume a sync that a user paused, or that paused itself because Auth0 rejected its credentials.')
    .addHelpText('after', '\nExample:\n  $ rollcall resume acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async (context) => (await import('../commands/control-commands.js')).runResume(connection, flags, context)),
    );
  addConnectionArgument(program.command('cancel'))
    .summary('Cancel a sync')
    .description('Cancel the sync of a connection. Copied data and the saved state are kept.')
    .addHelpText('after', '\nExample:\n  $ rollcall cancel acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async (context) => (await import('../commands/control-commands.js')).runCancel(connection, flags, context)),
    );
};

/** What tells how things stand, and changes nothing. */
export const declareInspectCommands: DeclareCommands = (program, act) => {
  program
    .command('status')
    .argument('[connection]', 'connection in the project file (default: all)')
    .summary('Show the status of syncs and schedules')
    .description(
      'Show for each connection the running or last sync, and its schedule: the next run, skipped and missed runs, and the results of the last runs. Times are local.',
    )
    .addOption(createProjectFileOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExamples:\n  $ rollcall status\n  $ rollcall status acme --json')
    .action((connection: string | undefined, flags: StatusFlags) =>
      act(async (context) => (await import('../commands/status.js')).runStatus(connection, flags, context)),
    );
  addConnectionArgument(program.command('watch'))
    .summary('Follow a running sync')
    .description(
      'Follow the running sync of a connection until it ends, whether a worker or another terminal runs it. Ctrl-C stops the output, not the sync.',
    )
    .option('--json', 'print one JSON object per line for each change, and one for the result')
    .addHelpText('after', '\nExample:\n  $ rollcall watch acme')
    .action((connection: string, flags: ControlFlags & { json?: boolean }) =>
      act(async (context) => (await import('../commands/follow.js')).runWatch(connection, flags, context)),
    );

  addConnectionArgument(program.command('logs'))
    .summary('Show the events of the latest sync')
    .description(
      "Show the events of a connection's latest sync from Temporal's history: fetches, deliveries, waits, pauses, failures and the result.",
    )
    .option('-f, --follow', 'print new events until the sync ends')
    .option('--json', 'print one JSON object per line for each event')
    .addHelpText('after', '\nExample:\n  $ rollcall logs acme --follow')
    .action((connection: string, flags: LogsFlags) =>
      act(async (context) => (await import('../commands/logs.js')).runLogs(connection, flags, context)),
    );
};

/** Looking at, and changing, where the next run of a connection goes on. */
export const declareStateCommands: DeclareCommands = (program, act) => {
  const state = program
    .command('state')
    .summary('Show or change the saved state')
    .description(
      'Show or change the state from which the next sync of a connection resumes. The destination stores the state. It cannot be changed while a sync is running.',
    )
    .addHelpText('after', '\nExamples:\n  $ rollcall state show acme\n  $ rollcall state reset acme --stream users');
  const verb = (name: string): Command => addConnectionArgument(state.command(name));

  verb('show')
    .summary('Show the state of each stream')
    .description('Show for each stream the cursor, whether the last read finished, and the time of the last run.')
    .option('--stream <name...>', 'only these streams')
    .option('--json', 'print JSON, including the raw states')
    .addHelpText('after', '\nExample:\n  $ rollcall state show acme')
    .action((connection: string, flags: StateFlags) =>
      act(async (context) => (await import('../commands/state-commands.js')).showState(connection, flags, context)),
    );
  verb('set')
    .summary('Set the cursor of a stream')
    .description('Set the cursor of an incremental stream. The next sync reads the records changed since that time.')
    .requiredOption('--stream <name...>', 'incremental streams: users')
    .requiredOption('--cursor <time>', 'ISO 8601 time')
    .addHelpText('after', '\nExample:\n  $ rollcall state set acme --stream users --cursor 2026-01-01T00:00:00Z')
    .action((connection: string, flags: StateFlags & { cursor: string }) =>
      act(async (context) => (await import('../commands/state-commands.js')).setState(connection, flags, context)),
    );
  verb('reset')
    .summary('Reset the state of streams')
    .description(
      'Delete the saved state of streams. The next sync reads them from the beginning. Copied records are kept: Postgres updates them in place, files contain them twice. `rollcall sync --full` replaces them. Streams without a cursor, such as organization members, are read completely by every sync and have no state per organization.',
    )
    .option('--stream <name...>', 'only these streams')
    .addHelpText('after', '\nExample:\n  $ rollcall state reset acme --stream users')
    .action((connection: string, flags: StateFlags) =>
      act(async (context) => (await import('../commands/state-commands.js')).resetState(connection, flags, context)),
    );
  verb('export')
    .summary('Print the state as JSON')
    .description(
      'Print the state as a JSON array of state messages, the format of `read --state` and `rollcall state import`.',
    )
    .option('--stream <name...>', 'only these streams')
    .addHelpText('after', '\nExample:\n  $ rollcall state export acme > state.json')
    .action((connection: string, flags: StateFlags) =>
      act(async (context) => (await import('../commands/state-commands.js')).exportState(connection, flags, context)),
    );
  verb('import')
    .argument('<file>', 'JSON state file from an export, a read, or the Airbyte connector')
    .summary('Replace the state with a file')
    .description(
      'Replace the state with the contents of a file. Streams that the file does not contain are read from the beginning.',
    )
    .addHelpText('after', '\nExample:\n  $ rollcall state import acme state.json')
    .action((connection: string, file: string, flags: StateFlags) =>
      act(async (context) =>
        (await import('../commands/state-commands.js')).importState(connection, file, flags, context),
      ),
    );
};

const connectionArgumentHelp = 'connection in the project file; omit it to specify a tenant with the options below';

/** Copying a tenant, and what that would cost. */
export const declareSyncCommands: DeclareCommands = (program, act) => {
  const sync = program
    .command('sync')
    .argument('[connection]', connectionArgumentHelp)
    .summary('Copy a tenant')
    .description(
      'Sync a connection. The first sync reads everything; later syncs read only changed users, and all records of the other streams. With TEMPORAL_ADDRESS or a Temporal profile, the workers of that server run the sync; otherwise the command starts a local server.',
    )
    .addOption(createProjectFileOption())
    .option('--full', 'read everything again and replace the copied data')
    .option('--stream <name...>', 'copy only these streams')
    .option('--detach', 'start the sync and return without waiting for it')
    .option('--json', 'print the result as JSON');
  addTenantOptions(sync)
    .option('--files <folder>', 'destination (default: ./data)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rollcall sync acme\n  $ rollcall sync --domain acme.eu.auth0.com --client-id … \\\n      --client-secret env:AUTH0_CLIENT_SECRET --files ./data',
    )
    .action((connection: string | undefined, flags: SyncFlags) =>
      act(async (context) => (await import('../commands/sync.js')).runSync(connection, flags, context)),
    );

  const plan = program
    .command('plan')
    .argument('[connection]', connectionArgumentHelp)
    .summary('Estimate the cost of a full refresh')
    .description(
      "Estimate per stream how many requests a full refresh takes, and how long at the tenant's rate limit. The command sends a few requests and copies nothing.",
    )
    .addOption(createProjectFileOption())
    .option('--stream <name...>', 'only these streams')
    .option('--json', 'print the plan as JSON');
  addTenantOptions(plan)
    .addHelpText('after', '\nExample:\n  $ rollcall plan acme')
    .action((connection: string | undefined, flags: PlanFlags) =>
      act(async (context) => (await import('../commands/plan.js')).runPlan(connection, flags, context)),
    );
};

/** The verbs of people who run syncs with a Temporal of their own, or with the one that comes along; in the help's order. */
const commandGroups = [
  { heading: 'Setup', declare: declareSetupCommands },
  { heading: 'Sync', declare: declareSyncCommands },
  { heading: 'Status', declare: declareInspectCommands },
  { heading: 'Control', declare: declareControlCommands },
  { heading: 'State', declare: declareStateCommands },
  { heading: 'Schedules', declare: declareScheduleCommands },
  { heading: 'Services', declare: declareServiceCommands },
];

export function addOperatorCommands(program: Command, context: CommandContext, finish: (code: number) => void): void {
  async function act(command: (context: CommandContext) => Promise<number>): Promise<void> {
    try {
      finish(await command(context));
    } catch (error) {
      const { failOnTerminal } = await import('../commands/failure-output.js');
      finish(failOnTerminal(context.log, error));
    }
  }
  for (const { heading, declare } of commandGroups) {
    program.commandsGroup(`${heading}:`);
    declare(program, act);
  }
  for (const verb of listLeafCommands(program)) verb.option('-q, --quiet', 'print only the result and errors');
  program.hook('preAction', (_, verb) => {
    if (verb.opts()['quiet'] === true) context.log.quiet = true;
  });
}

function listLeafCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : listLeafCommands(each)));
}
