import { sleep } from '../async';
import type { LogEntry } from '@temporalio/worker';
import { createOutput, type Output } from '../airbyte/protocol-output';
import type { CommandContext, Log } from '../app/command-context';
import { readEnvironment } from '../config/environment';
import { exitCodes } from '../errors';
import { failOnOutput } from './failure-output';

/** How long a process that is ended by a signal waits until its reader has taken the lines so far. */
const readerTimeoutMs = 2_000;

export interface AirbyteContext extends CommandContext {
  /** Writes protocol messages to stdout. */
  output: Output;
  /** Values that no message may show; commands add to it. */
  secrets: Set<string>;
  /** Registers work to do when the command ends, also by a signal. It must be synchronous. */
  onExit(task: () => void): void;
}

/** A command of the Airbyte protocol: writes messages, returns the exit code. */
export type AirbyteCommand<Flags> = (flags: Flags, context: AirbyteContext) => Promise<number>;

/**
 * Runs a command whose stdout contains only protocol messages: other output becomes LOG messages, and a failure a TRACE
 * message.
 */
export async function runAirbyteCommand<Flags extends { debug?: boolean }>(
  command: AirbyteCommand<Flags>,
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { host } = context;
  const secrets = new Set<string>();
  const exitTasks: (() => void)[] = [];
  const open = (level: ReturnType<typeof readEnvironment>['logLevel']): Output =>
    createOutput(context.stdout, { level, secrets });
  let output = open('INFO');
  try {
    output = open(flags.debug ? 'DEBUG' : readEnvironment(context).logLevel);
    if (host) {
      output.captureConsole();
      host.onUnhandledError(async (error) => {
        await failOnOutput(output, error);
        return exitCodes.failed;
      });
      host.onTermination(async () => {
        await Promise.race([output.flush().catch(() => undefined), sleep(readerTimeoutMs)]);
        for (const task of exitTasks) task();
      });
    }
    const log = createOutputLog(output);
    const code = await command(flags, { ...context, log, output, secrets, onExit: (task) => exitTasks.push(task) });
    await output.flush();
    return code;
  } catch (error) {
    try {
      return await failOnOutput(output, error);
    } catch {
      return exitCodes.brokenPipe;
    }
  } finally {
    for (const task of exitTasks) task();
  }
}

/** Writes messages for the user as LOG messages. */
function createOutputLog(output: Output): Log {
  return {
    quiet: false,
    info: (text) => output.log('INFO', text),
    warn: (text) => output.log('WARN', text),
    temporal: ({ level, message, meta }) =>
      output.log(level === 'WARN' ? 'WARN' : 'ERROR', message, extractStackFrames(meta)),
    setFooter: () => undefined,
    drawFooter: () => undefined,
  };
}

/** Where an error came from. Without its message, which may quote a record. */
function extractStackFrames(meta: LogEntry['meta']): string | undefined {
  // Activities have removed the message already (activities/activity-attempt.ts).
  const { name, at } = (meta ?? {}) as { name?: string; at?: string[] };
  if (at) return [name, ...at].join('\n');
  const error = (meta?.['error'] ?? {}) as Partial<Error>;
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return frames && [error.name, ...frames].join('\n');
}
