import type { ControlFlags } from '../control';
import { ofConnection, type DeclareVerbs } from './declare';

/** What can be done to a sync under way. */
export const declareControlVerbs: DeclareVerbs = (program, act) => {
  ofConnection(program.command('pause'))
    .summary('Have a sync stop reading for now')
    .description(
      'Pause the sync of a connection: pages under way are finished, none is begun until it is resumed. A paused sync outlives restarts.',
    )
    .option('--reason <text>', 'why, as it is shown', 'paused by hand')
    .addHelpText('after', '\nExample:\n  $ rollcall pause acme --reason "the tenant is being migrated"')
    .action((connection: string, flags: ControlFlags & { reason: string }) =>
      act(async () => (await import('../control.js')).pause(connection, flags)),
    );
  ofConnection(program.command('resume'))
    .summary('Have a paused sync go on')
    .description('Resume a sync that was paused by hand, or that paused itself because its credentials were refused.')
    .addHelpText('after', '\nExample:\n  $ rollcall resume acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../control.js')).resume(connection, flags)),
    );
  ofConnection(program.command('cancel'))
    .summary('End a sync')
    .description('End the sync of a connection. What it has copied stays, with the state to go on from.')
    .addHelpText('after', '\nExample:\n  $ rollcall cancel acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../control.js')).cancel(connection, flags)),
    );
};
