import type { ControlFlags } from '../control';
import { addConnectionArgument, type DeclareCommands } from './declare';

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
      act(async () => (await import('../control.js')).runPause(connection, flags)),
    );
  addConnectionArgument(program.command('resume'))
    .summary('Have a paused sync go on')
    .description('Resume a sync that was paused by hand, or that paused itself because its credentials were refused.')
    .addHelpText('after', '\nExample:\n  $ rollcall resume acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../control.js')).runResume(connection, flags)),
    );
  addConnectionArgument(program.command('cancel'))
    .summary('End a sync')
    .description('End the sync of a connection. What it has copied stays, with the state to go on from.')
    .addHelpText('after', '\nExample:\n  $ rollcall cancel acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../control.js')).runCancel(connection, flags)),
    );
};
