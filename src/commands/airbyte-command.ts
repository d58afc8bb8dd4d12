import { setTimeout as sleep } from 'node:timers/promises';
import { createOutput, type Output } from '../airbyte/protocol-output';
import type { CommandContext } from '../app/command-context';
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
    const code = await command(flags, { ...context, output, secrets, onExit: (task) => exitTasks.push(task) });
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
