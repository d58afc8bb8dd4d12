import type { ConfigShowFlags } from '../config';
import { projectFile, type DeclareVerbs } from './declare';

/** What is done before the first sync, and when something is amiss. */
export const declareSetupVerbs: DeclareVerbs = (program, act) => {
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
    .addOption(projectFile())
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  $ rollcall config show acme')
    .action((connection: string | undefined, flags: ConfigShowFlags) =>
      act(async () => (await import('../config.js')).configShow(connection, flags)),
    );
  config
    .command('schema')
    .summary('Print the JSON schema of the project file')
    .description('Print the JSON schema of rollcall.yaml, for editors that complete and check YAML.')
    .addHelpText('after', '\nExample:\n  $ rollcall config schema > rollcall.schema.json')
    .action(() => act(async () => (await import('../config.js')).configSchema()));
};
