import { addConnectionArgument, addHelp, type DeclareCommand, lazily, parseWholeNumber } from './options';

export const declareSchedule: DeclareCommand = (program, act) => {
  const schedule = addHelp(program.command('schedule'), {
    summary: 'Manage schedules',
    description:
      'Manage the schedules on which a Temporal server starts syncs. Schedules need a permanent server (TEMPORAL_ADDRESS or a Temporal profile) and a running `rollcall worker`.',
    examples: [
      'rollcall schedule create acme --every 1h',
      'rollcall schedule list',
      'rollcall schedule pause acme --reason "the tenant is being moved"',
    ],
  });
  const commands = [
    declareCreate,
    declareList,
    declareShow,
    declareTrigger,
    declareBackfill,
    declarePause,
    declareResume,
    declareDelete,
  ];
  for (const declare of commands) declare(schedule, act);
};

const declareCreate: DeclareCommand = (schedule, act) => {
  const command = addConnectionArgument(schedule.command('create'))
    .option('--every <duration>', 'interval between runs: 30m, 1h, 1d')
    .option('--cron <expression>', 'cron expression: minute, hour, day of month, month, day of week')
    .option('--at <times>', 'one or more times of day: 06:30,18:00')
    .option('--on <days>', 'days of the week for --at: mon,thu')
    .option('--time-zone <name>', 'time zone of --at and --cron, such as Europe/Berlin (default: UTC)')
    .option('--jitter <duration>', 'maximum delay of a run, to spread the load')
    .option(
      '--pause-after <runs>',
      'consecutive failed runs after which the schedule pauses; 0: never (default: 3)',
      parseWholeNumber,
    )
    .option('--overlap <policy>', 'if the previous run is still running: skip or buffer_one (default: skip)')
    .option('--catch-up <duration>', 'how late a run may start after a server outage (default: 1h)')
    .option('--replace', 'replace an existing schedule');
  addHelp(command, {
    summary: 'Create a schedule',
    description:
      "Create a schedule for a connection. Without options that set the times, the connection's `schedule` in the project file applies.",
    examples: [
      'rollcall schedule create acme --every 1h',
      'rollcall schedule create acme --at 06:30 --on mon,thu \\\n      --time-zone Europe/Berlin',
    ],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runScheduleCreate));
};

const declareList: DeclareCommand = (schedule, act) => {
  addHelp(schedule.command('list').option('--json', 'print one JSON object'), {
    summary: 'List schedules',
    description: 'List the schedules on the Temporal server, with the next run of each.',
    examples: ['rollcall schedule list'],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runScheduleList));
};

const declareShow: DeclareCommand = (schedule, act) => {
  addHelp(addConnectionArgument(schedule.command('show')).option('--json', 'print one JSON object'), {
    summary: 'Show a schedule and its last runs',
    description: 'Show the schedule of a connection: the next run and the results of the last runs. Times are local.',
    examples: ['rollcall schedule show acme'],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runScheduleShow));
};

const declareTrigger: DeclareCommand = (schedule, act) => {
  addHelp(addConnectionArgument(schedule.command('trigger')), {
    summary: 'Start a run now',
    description:
      'Start a run of the schedule now, even if the schedule is paused. The run is skipped if a sync is already running.',
    examples: ['rollcall schedule trigger acme'],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runScheduleTrigger));
};

const declareBackfill: DeclareCommand = (schedule, act) => {
  const command = addConnectionArgument(schedule.command('backfill'))
    .requiredOption('--from <time>', 'start of the period: 2026-01-31, 2026-01-31T06:00Z')
    .option('--to <time>', 'end of the period (default: now)')
    .option('--each', 'start one run per due time');
  addHelp(command, {
    summary: 'Backfill missed runs',
    description:
      'Start a sync for runs that were due in a past period. A sync copies the current data, so one run replaces all missed runs; with --each, one run starts per due time, one after the other.',
    examples: ['rollcall schedule backfill acme --from 2026-01-31'],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runScheduleBackfill));
};

const declarePause: DeclareCommand = (schedule, act) => {
  const command = addConnectionArgument(schedule.command('pause')).option(
    '--reason <text>',
    'reason to show in the status (default: paused by a user)',
  );
  addHelp(command, {
    summary: 'Pause a schedule',
    description:
      'Pause the schedule of a connection. No new runs start until it is resumed. A run in progress continues.',
    examples: ['rollcall schedule pause acme --reason "the tenant is being moved"'],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runSchedulePause));
};

const declareResume: DeclareCommand = (schedule, act) => {
  addHelp(addConnectionArgument(schedule.command('resume')), {
    summary: 'Resume a schedule',
    description: 'Resume a schedule that a user paused, or that paused itself after failed runs.',
    examples: ['rollcall schedule resume acme'],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runScheduleResume));
};

const declareDelete: DeclareCommand = (schedule, act) => {
  addHelp(addConnectionArgument(schedule.command('delete')), {
    summary: 'Delete a schedule',
    description: 'Delete the schedule of a connection. A run in progress continues.',
    examples: ['rollcall schedule delete acme'],
  }).action(lazily(act, async () => (await import('../commands/schedule-commands.js')).runScheduleDelete));
};
