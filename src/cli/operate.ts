import type { Command } from 'commander';
import type { ControlFlags } from '../commands/control-commands';
import type { LogsFlags } from '../commands/logs';
import type { PlanFlags } from '../commands/plan';
import type { StateFlags } from '../commands/state-commands';
import type { StatusFlags } from '../commands/status';
import type { SyncFlags } from '../commands/sync';
import { enableQuietMode } from '../commands/terminal/log';
import { addConnectionArgument, addTenantOptions, createProjectFileOption, type DeclareCommands } from './options';
import { declareScheduleCommands } from './schedule';
import { declareServiceCommands, declareSetupCommands } from './setup';

/** What can be done to a sync under way. */
export const declareControlCommands: DeclareCommands = (program, act) => {
  addConnectionArgument(program.command('pause'))
    .summary('Have a sync stop reading for now')
    .description(
      'Pause the sync of a connection: pages under way are finished, none is begun until it is resumed. A paused sync outlives restarts.',
    )
    .option('--reason <text>', 'why, as it is shown', 'paused by hand')
    .addHelpText('after', '\nExample:\n  $ rollcall pause acme --reason "the tenant is being migrated"')
    .action((connection: string, flags: ControlFlags & { reason: string }) =>
      act(async () => (await import('../commands/control-commands.js')).runPause(connection, flags)),
    );
  addConnectionArgument(program.command('resume'))
    .summary('Have a paused sync go on')
    .description('Resume a sync that was paused by hand, or that paused itself because its credentials were refused.')
    .addHelpText('after', '\nExample:\n  $ rollcall resume acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../commands/control-commands.js')).runResume(connection, flags)),
    );
  addConnectionArgument(program.command('cancel'))
    .summary('End a sync')
    .description('End the sync of a connection. What it has copied stays, with the state to go on from.')
    .addHelpText('after', '\nExample:\n  $ rollcall cancel acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../commands/control-commands.js')).runCancel(connection, flags)),
    );
};

/** What tells how things stand, and changes nothing. */
export const declareInspectCommands: DeclareCommands = (program, act) => {
  program
    .command('status')
    .argument('[connection]', 'connection of the project file; all of them without it')
    .summary('Tell how syncs and schedules stand')
    .description(
      'Tell of each connection: the sync under way, or how the last one ended, and its schedule: when the next run is due, which were skipped or missed, how the last ones ended. Times are local.',
    )
    .addOption(createProjectFileOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExamples:\n  $ rollcall status\n  $ rollcall status acme --json')
    .action((connection: string | undefined, flags: StatusFlags) =>
      act(async () => (await import('../commands/status.js')).runStatus(connection, flags)),
    );
  addConnectionArgument(program.command('watch'))
    .summary('Show how a sync under way stands')
    .description(
      'Show how the sync of a connection stands until it ends: one that workers do, or one that another terminal runs. Ctrl-C ends the showing only.',
    )
    .option('--json', 'print a JSON object on a line for every change, and one for the end')
    .addHelpText('after', '\nExample:\n  $ rollcall watch acme')
    .action((connection: string, flags: ControlFlags & { json?: boolean }) =>
      act(async () => (await import('../commands/follow.js')).runWatch(connection, flags)),
    );

  addConnectionArgument(program.command('logs'))
    .summary('Tell what happened in the newest sync')
    .description(
      "Tell what happened in the newest sync of a connection, from Temporal's history: slices, deliveries, waits, pauses, failures and how it ended.",
    )
    .option('-f, --follow', 'go on until the sync ends')
    .option('--json', 'print a JSON object on a line for everything')
    .addHelpText('after', '\nExample:\n  $ rollcall logs acme --follow')
    .action((connection: string, flags: LogsFlags) =>
      act(async () => (await import('../commands/logs.js')).runLogs(connection, flags)),
    );
};

/** Looking at, and changing, where the next run of a connection goes on. */
export const declareStateCommands: DeclareCommands = (program, act) => {
  const state = program
    .command('state')
    .summary('Show, set, reset, export or import where syncs go on')
    .description(
      'Look at where the next sync of a connection goes on, as its destination holds it, and change it between two syncs.',
    )
    .addHelpText('after', '\nExamples:\n  $ rollcall state show acme\n  $ rollcall state reset acme --stream users');
  const verb = (name: string): Command => addConnectionArgument(state.command(name));

  verb('show')
    .summary('Tell where each stream stands')
    .description(
      'Tell of each stream up to when its changes are known, whether it was read to its end, and the last run.',
    )
    .option('--stream <name...>', 'these streams only')
    .option('--json', 'print it as JSON, with the states')
    .addHelpText('after', '\nExample:\n  $ rollcall state show acme')
    .action((connection: string, flags: StateFlags) =>
      act(async () => (await import('../commands/state-commands.js')).showState(connection, flags)),
    );
  verb('set')
    .summary('Have the next sync read a stream from a time on')
    .description('Set the cursor of a stream that is read incrementally: the next sync reads what changed since then.')
    .requiredOption('--stream <name...>', 'streams with a cursor: users')
    .requiredOption('--cursor <time>', 'time of ISO 8601')
    .addHelpText('after', '\nExample:\n  $ rollcall state set acme --stream users --cursor 2026-01-01T00:00:00Z')
    .action((connection: string, flags: StateFlags & { cursor: string }) =>
      act(async () => (await import('../commands/state-commands.js')).setState(connection, flags)),
    );
  verb('reset')
    .summary('Have the next sync read everything')
    .description(
      'Forget where streams stand: the next sync reads them from the beginning. Rows that were copied stay: in Postgres they are replaced one by one, in files they come once more, until `rollcall sync --full` replaces them all. Streams without a cursor, members of organizations among them, are read as a whole by every sync: no organization has a state of its own to reset.',
    )
    .option('--stream <name...>', 'these streams only')
    .addHelpText('after', '\nExample:\n  $ rollcall state reset acme --stream users')
    .action((connection: string, flags: StateFlags) =>
      act(async () => (await import('../commands/state-commands.js')).resetState(connection, flags)),
    );
  verb('export')
    .summary('Print the state as JSON')
    .description('Print the state as the array of messages that `read --state` and `rollcall state import` take.')
    .option('--stream <name...>', 'these streams only')
    .addHelpText('after', '\nExample:\n  $ rollcall state export acme > state.json')
    .action((connection: string, flags: StateFlags) =>
      act(async () => (await import('../commands/state-commands.js')).exportState(connection, flags)),
    );
  verb('import')
    .argument('<file>', 'state, JSON, of an export, of a read, or of the Airbyte connector')
    .summary('Replace the state by that of a file')
    .description('Replace the state by that of a file. Streams that are not in it are read from the beginning.')
    .addHelpText('after', '\nExample:\n  $ rollcall state import acme state.json')
    .action((connection: string, file: string, flags: StateFlags) =>
      act(async () => (await import('../commands/state-commands.js')).importState(connection, file, flags)),
    );
};

const connectionArgumentHelp = 'connection of the project file; or spell one out by the options below';

/** Copying a tenant, and what that would cost. */
export const declareSyncCommands: DeclareCommands = (program, act) => {
  const sync = program
    .command('sync')
    .argument('[connection]', connectionArgumentHelp)
    .summary('Copy a tenant')
    .description(
      'Copy a connection: its first run copies everything, later ones what has changed where the API can tell. Uses the Temporal server that TEMPORAL_ADDRESS or a profile names, whose workers do the work; with none it starts one itself.',
    )
    .addOption(createProjectFileOption())
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
      act(async () => (await import('../commands/sync.js')).runSync(connection, flags)),
    );

  const plan = program
    .command('plan')
    .argument('[connection]', connectionArgumentHelp)
    .summary('Say what a copy would cost')
    .description(
      "Tell how many requests a full read of a connection takes, and how long at the tenant's rate limit, by stream. A few requests find it out; nothing is copied.",
    )
    .addOption(createProjectFileOption())
    .option('--stream <name...>', 'these streams only')
    .option('--json', 'print the plan as JSON');
  addTenantOptions(plan)
    .addHelpText('after', '\nExample:\n  $ rollcall plan acme')
    .action((connection: string | undefined, flags: PlanFlags) =>
      act(async () => (await import('../commands/plan.js')).runPlan(connection, flags)),
    );
};

/** The verbs of people who run syncs with a Temporal of their own, or with the one that comes along; in the help's order. */
const commandGroups = [
  { heading: 'Set-up', declare: declareSetupCommands },
  { heading: 'Sync', declare: declareSyncCommands },
  { heading: 'Look', declare: declareInspectCommands },
  { heading: 'Control', declare: declareControlCommands },
  { heading: 'State', declare: declareStateCommands },
  { heading: 'Schedules', declare: declareScheduleCommands },
  { heading: 'Services', declare: declareServiceCommands },
];

export function addOperatorCommands(program: Command, finish: (code: number) => void): void {
  async function act(verb: () => Promise<number>): Promise<void> {
    try {
      finish(await verb());
    } catch (error) {
      const { failOnTerminal } = await import('../commands/failure-output.js');
      finish(failOnTerminal(error));
    }
  }
  for (const { heading, declare } of commandGroups) {
    program.commandsGroup(`${heading}:`);
    declare(program, act);
  }
  for (const verb of listLeafCommands(program))
    verb.option('-q, --quiet', 'say nothing but the result and what went wrong');
  program.hook('preAction', (_, verb) => {
    if (verb.opts()['quiet'] === true) enableQuietMode();
  });
}

function listLeafCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : listLeafCommands(each)));
}
