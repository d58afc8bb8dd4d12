import type { ControlFlags } from '../control';
import type { LogsFlags } from '../logs';
import type { StatusFlags } from '../status';
import { addConnectionArgument, createProjectFileOption, type DeclareCommands } from './declare';

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
      act(async () => (await import('../status.js')).runStatus(connection, flags)),
    );
  addConnectionArgument(program.command('watch'))
    .summary('Show how a sync under way stands')
    .description(
      'Show how the sync of a connection stands until it ends: one that workers do, or one that another terminal runs. Ctrl-C ends the showing only.',
    )
    .option('--json', 'print a JSON object on a line for every change, and one for the end')
    .addHelpText('after', '\nExample:\n  $ rollcall watch acme')
    .action((connection: string, flags: ControlFlags & { json?: boolean }) =>
      act(async () => (await import('../watch.js')).runWatch(connection, flags)),
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
      act(async () => (await import('../logs.js')).runLogs(connection, flags)),
    );
};
