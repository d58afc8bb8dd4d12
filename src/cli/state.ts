import { addConnectionArgument, addHelp, type DeclareCommand, lazily } from './options';

export const declareState: DeclareCommand = (program, act) => {
  const state = addHelp(program.command('state'), {
    summary: 'Show or change the saved state',
    description:
      'Show or change the state from which the next sync of a connection resumes. The destination stores the state. It cannot be changed while a sync is running.',
    examples: ['rollcall state show acme', 'rollcall state reset acme --stream users'],
  });
  for (const declare of [declareShow, declareSet, declareReset, declareExport, declareImport]) declare(state, act);
};

const declareShow: DeclareCommand = (state, act) => {
  const command = addConnectionArgument(state.command('show'))
    .option('--stream <name...>', 'only these streams')
    .option('--json', 'print JSON, including the raw states');
  addHelp(command, {
    summary: 'Show the state of each stream',
    description: 'Show for each stream the cursor, whether the last read finished, and the time of the last run.',
    examples: ['rollcall state show acme'],
  }).action(lazily(act, async () => (await import('../commands/state-commands.js')).showState));
};

const declareSet: DeclareCommand = (state, act) => {
  const command = addConnectionArgument(state.command('set'))
    .requiredOption('--stream <name...>', 'incremental streams: users')
    .requiredOption('--cursor <time>', 'ISO 8601 time');
  addHelp(command, {
    summary: 'Set the cursor of a stream',
    description: 'Set the cursor of an incremental stream. The next sync reads the records changed since that time.',
    examples: ['rollcall state set acme --stream users --cursor 2026-01-01T00:00:00Z'],
  }).action(lazily(act, async () => (await import('../commands/state-commands.js')).setState));
};

const declareReset: DeclareCommand = (state, act) => {
  const command = addConnectionArgument(state.command('reset')).option('--stream <name...>', 'only these streams');
  addHelp(command, {
    summary: 'Reset the state of streams',
    description:
      'Delete the saved state of streams. The next sync reads them from the beginning. Copied records are kept: Postgres updates them in place, files contain them twice. `rollcall sync --full` replaces them. Streams without a cursor, such as organization members, are read completely by every sync and have no state per organization.',
    examples: ['rollcall state reset acme --stream users'],
  }).action(lazily(act, async () => (await import('../commands/state-commands.js')).resetState));
};

const declareExport: DeclareCommand = (state, act) => {
  const command = addConnectionArgument(state.command('export')).option('--stream <name...>', 'only these streams');
  addHelp(command, {
    summary: 'Print the state as JSON',
    description:
      'Print the state as a JSON array of state messages, the format of `read --state` and `rollcall state import`.',
    examples: ['rollcall state export acme > state.json'],
  }).action(lazily(act, async () => (await import('../commands/state-commands.js')).exportState));
};

const declareImport: DeclareCommand = (state, act) => {
  const command = addConnectionArgument(state.command('import')).argument(
    '<file>',
    'JSON state file from an export, a read, or the Airbyte connector',
  );
  addHelp(command, {
    summary: 'Replace the state with a file',
    description:
      'Replace the state with the contents of a file. Streams that the file does not contain are read from the beginning.',
    examples: ['rollcall state import acme state.json'],
  }).action(lazily(act, async () => (await import('../commands/state-commands.js')).importState));
};
