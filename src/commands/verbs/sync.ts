import type { PlanFlags } from '../plan';
import type { SyncFlags } from '../sync';
import { addTenantOptions, createProjectFileOption, type DeclareCommands } from './declare';

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
      act(async () => (await import('../sync.js')).runSync(connection, flags)),
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
      act(async () => (await import('../plan.js')).runPlan(connection, flags)),
    );
};
