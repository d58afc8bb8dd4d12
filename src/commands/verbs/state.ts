import type { Command } from 'commander';
import type { StateFlags } from '../state';
import { addConnectionArgument, type DeclareCommands } from './declare';

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
      act(async () => (await import('../state.js')).showState(connection, flags)),
    );
  verb('set')
    .summary('Have the next sync read a stream from a time on')
    .description('Set the cursor of a stream that is read incrementally: the next sync reads what changed since then.')
    .requiredOption('--stream <name...>', 'streams with a cursor: users')
    .requiredOption('--cursor <time>', 'time of ISO 8601')
    .addHelpText('after', '\nExample:\n  $ rollcall state set acme --stream users --cursor 2026-01-01T00:00:00Z')
    .action((connection: string, flags: StateFlags & { cursor: string }) =>
      act(async () => (await import('../state.js')).setState(connection, flags)),
    );
  verb('reset')
    .summary('Have the next sync read everything')
    .description(
      'Forget where streams stand: the next sync reads them from the beginning. Rows that were copied stay: in Postgres they are replaced one by one, in files they come once more, until `rollcall sync --full` replaces them all. Streams without a cursor, members of organizations among them, are read as a whole by every sync: no organization has a state of its own to reset.',
    )
    .option('--stream <name...>', 'these streams only')
    .addHelpText('after', '\nExample:\n  $ rollcall state reset acme --stream users')
    .action((connection: string, flags: StateFlags) =>
      act(async () => (await import('../state.js')).resetState(connection, flags)),
    );
  verb('export')
    .summary('Print the state as JSON')
    .description('Print the state as the array of messages that `read --state` and `rollcall state import` take.')
    .option('--stream <name...>', 'these streams only')
    .addHelpText('after', '\nExample:\n  $ rollcall state export acme > state.json')
    .action((connection: string, flags: StateFlags) =>
      act(async () => (await import('../state.js')).exportState(connection, flags)),
    );
  verb('import')
    .argument('<file>', 'state, JSON, of an export, of a read, or of the Airbyte connector')
    .summary('Replace the state by that of a file')
    .description('Replace the state by that of a file. Streams that are not in it are read from the beginning.')
    .addHelpText('after', '\nExample:\n  $ rollcall state import acme state.json')
    .action((connection: string, file: string, flags: StateFlags) =>
      act(async () => (await import('../state.js')).importState(connection, file, flags)),
    );
};
