import { getEventListeners } from 'node:events';
import { Command, CommanderError } from 'commander';
import { type CommandContext, defaultIntervals, type Intervals, type ProcessHost } from '../app/command-context';
import { createLog } from '../commands/terminal/log';
import { exitCodes, formatExitCodeHelp } from '../errors';
import { version } from '../version';
import { addAirbyteCommands } from './airbyte';
import { addOperatorCommands } from './operate';

export type ProgramName = 'rollcall' | 'source-auth0';

const programDescriptions = {
  rollcall:
    "Copies an Auth0 tenant's clients, users, organizations, members and roles. Every sync is a Temporal workflow, so it survives the crash of any process.",
  'source-auth0': 'Airbyte source for Auth0. Writes Airbyte protocol messages to standard output.',
};

const examples = {
  rollcall: ['rollcall demo', 'rollcall sync acme', 'TEMPORAL_ADDRESS=localhost:7233 rollcall worker'],
  'source-auth0': ['source-auth0 spec', 'source-auth0 check --config config.json'],
};

/**
 * Runs a command of a program and returns its exit code. Uses nothing of the process but what the context contains, so
 * several commands can run in one process. The module of a command is loaded when the command runs: help and `spec`
 * do not load Temporal.
 */
export async function runCli(
  name: ProgramName,
  args: readonly string[],
  options: Omit<CommandContext, 'log' | 'intervals'> & { intervals?: Partial<Intervals> },
): Promise<number> {
  const intervals = { ...defaultIntervals, ...options.intervals };
  const context = { ...options, intervals, log: createLog(options.stderr) };
  let code: number = exitCodes.ok;
  const program = createProgram(name, context, (result) => (code = result));
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has already printed the help, the version or its error.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  return code;
}

/** Declares the commands of a program; `finish` receives the exit code. */
export function createProgram(name: ProgramName, context: CommandContext, finish: (code: number) => void): Command {
  const { stdout, stderr } = context;
  const program = new Command(name)
    .description(programDescriptions[name])
    .version(version)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .configureHelp({ helpWidth: Math.min(stdout.columns ?? 80, 100) })
    .addHelpText(
      'after',
      ['', 'Examples:', ...examples[name].map((line) => `  $ ${line}`), formatExitCodeHelp()].join('\n'),
    );
  if (name === 'rollcall') addOperatorCommands(program, context, finish);
  addAirbyteCommands(program, context, finish);
  return program;
}

/**
 * Runs the command of this process, and exits with its code. The only user of the process's globals.
 * @param command comes before the arguments of the process
 */
export async function main(name: ProgramName, command: readonly string[] = []): Promise<void> {
  const { stdout, stderr, stdin, env } = process;
  const { signal, host, isAirbyteCommand } = takeOverProcess();
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Airbyte commands see the failure of their own writes, and end in order.
    if (error.code === 'EPIPE' && !isAirbyteCommand()) process.exit(exitCodes.brokenPipe);
  });
  process.exitCode = await runCli(name, [...command, ...process.argv.slice(2)], {
    stdout,
    stderr,
    stdin,
    env,
    cwd: process.cwd(),
    now: Date.now,
    signal,
    host,
  });
  // Temporal's runtime keeps the process alive if it was not used to the end, for example after an early failure.
  stdout.write('', () => process.exit());
}

/** npm delivers one Ctrl-C twice. A signal after this time ends a process that does not stop. */
const repeatedSignalMs = 1_000;

/** Handles the signals and the unhandled errors of the process. */
function takeOverProcess(): { signal: AbortSignal; host: ProcessHost; isAirbyteCommand(): boolean } {
  const interrupted = new AbortController();
  let interruptedAt = -Infinity;
  let isAirbyte = false;
  let flush: (() => Promise<void>) | undefined;

  function endBy(signal: NodeJS.Signals): void {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }

  const hasListeners = (signal: AbortSignal): boolean => getEventListeners(signal, 'abort').length > 0;

  function handleSignal(signal: NodeJS.Signals): void {
    if (flush) {
      void flush().finally(() => endBy(signal));
      flush = undefined;
    } else if (signal !== 'SIGHUP' && !interrupted.signal.aborted && hasListeners(interrupted.signal)) {
      interruptedAt = performance.now();
      interrupted.abort();
    } else if (performance.now() - interruptedAt > repeatedSignalMs) {
      endBy(signal);
    }
  }

  // Ahead of the listeners of libraries.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.prependListener(signal, handleSignal);
  return {
    signal: interrupted.signal,
    isAirbyteCommand: () => isAirbyte,
    host: {
      onUnhandledError(report) {
        const end = (error: unknown): void => {
          void report(error).then(
            (code) => process.exit(code),
            () => process.exit(exitCodes.failed),
          );
        };
        process.on('uncaughtException', end);
        process.on('unhandledRejection', end);
      },
      onTermination(work) {
        flush = work;
        isAirbyte = true;
      },
    },
  };
}
