import type { ConfigShowFlags } from '../config';
import type { DoctorFlags } from '../doctor';
import type { InitFlags } from '../init';
import { addTenantOptions, createProjectFileOption, type DeclareCommands } from './declare';

/** What is done before the first sync, and when something is amiss. */
export const declareSetupCommands: DeclareCommands = (program, act) => {
  const init = program
    .command('init')
    .argument('[connection]', 'name of the connection')
    .summary('Write a connection into the project file')
    .description(
      'Ask for a tenant, how to sign in and where to copy it, try the credentials, and write the connection into the project file: a new one, or one more in a file that is there, with its comments. Secrets are named, not written. Without a terminal the options say it all.',
    )
    .addOption(createProjectFileOption())
    .option('--stream <name...>', 'copy these streams only')
    .option('--no-input', 'ask nothing')
    .option('--no-check', 'do not try the credentials');
  addTenantOptions(init)
    .option('--files <folder>', 'folder to copy into')
    .option('--postgres <ref>', 'database to copy into, as env:NAME or file:PATH')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rollcall init\n  $ rollcall init acme --domain acme.eu.auth0.com --client-id … \\\n      --client-secret file:secrets/acme --files ./data/acme',
    )
    .action((connection: string | undefined, flags: InitFlags) =>
      act(async () => (await import('../init.js')).runInit(connection, flags)),
    );
  program
    .command('doctor')
    .argument('[connection]', 'connection of the project file; all of them when left out')
    .summary('Look whether all is as a sync needs it')
    .description(
      'Look at the project file, Temporal, staging, and of each connection its destination, credentials, scopes, clock and rate limit; say what is amiss and what to do. The exit code is that of the worst, 0 when there is nothing but warnings.',
    )
    .addOption(createProjectFileOption())
    .option('--fix', 'add the search attributes that Temporal lacks')
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', '\nExample:\n  $ rollcall doctor acme')
    .action((connection: string | undefined, flags: DoctorFlags) =>
      act(async () => (await import('../doctor.js')).runDoctor(connection, flags)),
    );
  const config = program
    .command('config')
    .summary('Show the settings that hold, and the schema of the file')
    .description('Show the settings of the project file as they hold, or the schema of that file.')
    .addHelpText('after', '\nExamples:\n  $ rollcall config show acme\n  $ rollcall config schema > schema.json');
  config
    .command('show')
    .argument('[connection]', 'connection of the project file; all of them when left out')
    .summary('Show the settings that hold, and where each comes from')
    .description(
      'Show every setting of a connection as commands find it here, with its origin: a line of the file, a variable, or the default. Secrets are not shown; of a reference is told whether it leads somewhere.',
    )
    .addOption(createProjectFileOption())
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  $ rollcall config show acme')
    .action((connection: string | undefined, flags: ConfigShowFlags) =>
      act(async () => (await import('../config.js')).runConfigShow(connection, flags)),
    );
  config
    .command('schema')
    .summary('Print the JSON schema of the project file')
    .description('Print the JSON schema of rollcall.yaml, for editors that complete and check YAML.')
    .addHelpText('after', '\nExample:\n  $ rollcall config schema > rollcall.schema.json')
    .action(() => act(async () => (await import('../config.js')).runConfigSchema()));
};
