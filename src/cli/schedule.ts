import type { Command } from 'commander';
import type {
  ScheduleBackfillFlags,
  ScheduleCreateFlags,
  ScheduleListFlags,
  SchedulePauseFlags,
  ScheduleShowFlags,
} from '../commands/schedule-commands';
import type { ControlFlags } from '../commands/control-commands';
import { addConnectionArgument, parseWholeNumber, type RunAction, type DeclareCommands } from './options';

/** Having connections copied at certain times. */
export const declareScheduleCommands: DeclareCommands = (program, act) => {
  const schedule = program
    .command('schedule')
    .summary('Have connections copied regularly')
    .description(
      'Have the Temporal server start syncs at certain times. It has to be one that stays (TEMPORAL_ADDRESS, or a profile), with a `rollcall worker`.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ rollcall schedule create acme --every 1h\n  $ rollcall schedule list\n  $ rollcall schedule pause acme --reason "the tenant is being moved"',
    );
  declareScheduleCreate(schedule, act);
  schedule
    .command('list')
    .summary('List the schedules of the server')
    .description('List the schedules of the server: when their runs are due, and which are paused.')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  $ rollcall schedule list')
    .action((flags: ScheduleListFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runScheduleList(flags)),
    );
  addConnectionArgument(schedule.command('show'))
    .summary('Show a schedule and its last runs')
    .description('Show when the runs of a connection are due, and how the last ones ended. Times are local.')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  $ rollcall schedule show acme')
    .action((connection: string, flags: ScheduleShowFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runScheduleShow(connection, flags)),
    );
  addConnectionArgument(schedule.command('trigger'))
    .summary('Have a run begin now')
    .description('Have a run of the schedule begin now, also when it is paused; unless one is under way.')
    .addHelpText('after', '\nExample:\n  $ rollcall schedule trigger acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runScheduleTrigger(connection, flags)),
    );
  declareScheduleBackfill(schedule, act);
  addConnectionArgument(schedule.command('pause'))
    .summary('Have no run begin for now')
    .description('Have no run of the schedule begin until it is resumed. One that is under way goes on.')
    .option('--reason <text>', 'why, as it is shown', 'paused by hand')
    .addHelpText('after', '\nExample:\n  $ rollcall schedule pause acme --reason "the tenant is being moved"')
    .action((connection: string, flags: SchedulePauseFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runSchedulePause(connection, flags)),
    );
  addConnectionArgument(schedule.command('resume'))
    .summary('Have runs begin again')
    .description('Resume a schedule that was paused by hand, or that paused itself because its runs failed.')
    .addHelpText('after', '\nExample:\n  $ rollcall schedule resume acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runScheduleResume(connection, flags)),
    );
  addConnectionArgument(schedule.command('delete'))
    .summary('Remove a schedule')
    .description('Remove the schedule of a connection. A run that is under way goes on.')
    .addHelpText('after', '\nExample:\n  $ rollcall schedule delete acme')
    .action((connection: string, flags: ControlFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runScheduleDelete(connection, flags)),
    );
};

function declareScheduleCreate(schedule: Command, act: RunAction): void {
  addConnectionArgument(schedule.command('create'))
    .summary('Make a schedule for a connection')
    .description(
      "Have a connection copied at certain times. Without options that say when, the connection's `schedule` in the project file does.",
    )
    .option('--every <duration>', 'a run each time that long has passed: 30m, 1h, 1d')
    .option('--cron <expression>', 'runs at the times of a cron expression')
    .option('--at <times>', 'a run at that time of the day, or at several: 06:30,18:00')
    .option('--on <days>', 'with --at, on these days only: mon,thu')
    .option('--time-zone <name>', 'of --at and --cron, such as Europe/Berlin (default: UTC)')
    .option('--jitter <duration>', 'how much later runs may begin, so that not all begin at once')
    .option('--pause-after <runs>', 'pause after so many failed runs in a row, 0: never (default: 3)', parseWholeNumber)
    .option('--overlap <policy>', 'when the run before is under way: skip or buffer_one (default: skip)')
    .option('--catch-up <duration>', 'how late a run may begin if the server was away (default: 1h)')
    .option('--replace', 'put it in the place of the one that there is')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rollcall schedule create acme --every 1h\n  $ rollcall schedule create acme --at 06:30 --on mon,thu \\\n      --time-zone Europe/Berlin',
    )
    .action((connection: string, flags: ScheduleCreateFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runScheduleCreate(connection, flags)),
    );
}

function declareScheduleBackfill(schedule: Command, act: RunAction): void {
  addConnectionArgument(schedule.command('backfill'))
    .summary('Make up for runs of the past')
    .description(
      'Make up for the runs that were due in some time of the past. A sync copies what there is now, so that one run makes up for all of them; --each has them run one after the other.',
    )
    .requiredOption('--from <time>', 'beginning of that time: 2026-01-31, 2026-01-31T06:00Z')
    .option('--to <time>', 'its end (default: now)')
    .option('--each', 'a run for each time at which one was due')
    .addHelpText('after', '\nExample:\n  $ rollcall schedule backfill acme --from 2026-01-31')
    .action((connection: string, flags: ScheduleBackfillFlags) =>
      act(async () => (await import('../commands/schedule-commands.js')).runScheduleBackfill(connection, flags)),
    );
}
