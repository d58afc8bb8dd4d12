import type { StatusFlags } from '../status';
import { projectFile, type DeclareVerbs } from './declare';

/** Telling how things stand. */
export const declareStatusVerb: DeclareVerbs = (program, act) => {
  program
    .command('status')
    .argument('[connection]', 'connection of the project file; all of them without it')
    .summary('Tell how syncs and schedules stand')
    .description(
      'Tell of each connection: the sync under way, or how the last one ended, and its schedule: when the next run is due, which were skipped or missed, how the last ones ended. Times are local.',
    )
    .addOption(projectFile())
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExamples:\n  $ rollcall status\n  $ rollcall status acme --json')
    .action((connection: string | undefined, flags: StatusFlags) =>
      act(async () => (await import('../status.js')).status(connection, flags)),
    );
};
