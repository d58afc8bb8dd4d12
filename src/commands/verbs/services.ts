import { Option } from 'commander';
import type { DemoFlags } from '../demo';
import type { EmulatorFlags } from '../emulator';
import { exitCodes } from '../exit';
import type { WorkerFlags } from '../worker';
import { createProjectFileOption, parseWholeNumber, type DeclareCommands } from './declare';

/** What runs until it is stopped, and the demonstration that starts all of it. */
export const declareServiceCommands: DeclareCommands = (program, act) => {
  program
    .command('worker')
    .summary('Serve the syncs of a Temporal server')
    .description('Do the work of syncs that others start, for the connections of the project file, until stopped.')
    .addOption(createProjectFileOption())
    .option('--task-queue <name>', 'task queue (default: ROLLCALL_TASK_QUEUE, or "rollcall")')
    .option('--listen <host:port>', 'serve /metrics, /healthz, /readyz (default: ROLLCALL_LISTEN, or nowhere)')
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=localhost:7233 rollcall worker --listen 127.0.0.1:9464')
    .action((flags: WorkerFlags) => act(async () => (await import('../worker.js')).runWorkerCommand(flags)));

  program
    .command('emulator')
    .summary('Run an emulated Auth0 tenant')
    .description("Serve an emulated tenant over HTTP, with Auth0's limits and bodies, until stopped.")
    .addOption(
      new Option('--scenario <name>', 'what the tenant holds')
        .choices(['small', 'caps', 'empty', 'large', 'million', 'owned-roles'])
        .default('small'),
    )
    .option('--port <number>', 'port to listen on (default: any free one)', parseWholeNumber)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--users <number>', 'users, in place of those of the scenario', parseWholeNumber)
    .option('--organizations <number>', 'organizations, likewise', parseWholeNumber)
    .option('--clients <number>', 'clients, likewise', parseWholeNumber)
    .option('--roles <number>', 'roles, likewise', parseWholeNumber)
    .option('--seed <number>', 'another tenant of the same size', parseWholeNumber)
    .addOption(
      new Option('--rate-limits <plan>', 'rate limits')
        .choices(['free', 'essentials', 'enterprise', 'unlimited'])
        .default('unlimited'),
    )
    .option('--latency-ms <number>', 'milliseconds added to every answer', parseWholeNumber)
    .addHelpText('after', '\nExample:\n  $ rollcall emulator --port 8080 --scenario caps')
    .action((flags: EmulatorFlags) =>
      act(async () => {
        await (await import('../emulator.js')).runEmulator(flags);
        return exitCodes.ok;
      }),
    );

  program
    .command('demo')
    .summary('Copy an emulated tenant, to see how it goes')
    .description(
      'Start an emulated tenant and a local Temporal server, copy all into a folder, then only what changed.',
    )
    .option('--files <folder>', 'folder to copy into', './data')
    .option('--keep', "keep Temporal's UI open until Ctrl-C")
    .addHelpText('after', '\nExample:\n  $ rollcall demo --keep')
    .action((flags: DemoFlags) => act(async () => (await import('../demo.js')).runDemo(flags)));
};
