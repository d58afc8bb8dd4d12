import { setTimeout as sleep } from 'node:timers/promises';
import { createOutput, type Output } from '../airbyte/protocol-output';
import { removeScratchFolders } from '../app/scratch-folder';
import { readEnvironment } from '../config/environment';
import { exitCodes } from '../errors';
import { failOnOutput } from './failure-output';

/** How long a process that is told to end waits for its reader to take the lines so far. */
const readerTimeoutMs = 2_000;

/** What a verb writes to, and the values that no message may show; more of them may be added. */
export interface AirbyteContext {
  output: Output;
  secrets: Set<string>;
}

/** One of Airbyte's verbs: writes messages, answers the exit code. */
export type AirbyteCommand<Flags> = (flags: Flags, context: AirbyteContext) => Promise<number>;

/**
 * Runs a verb whose standard output belongs to the protocol: whatever else would be printed becomes a LOG message, and
 * every failure a TRACE ERROR.
 */
export async function runAirbyteCommand<Flags extends { debug?: boolean }>(
  command: AirbyteCommand<Flags>,
  flags: Flags,
): Promise<number> {
  const secrets = new Set<string>();
  const open = (level: ReturnType<typeof readEnvironment>['logLevel']): Output =>
    createOutput(process.stdout, { level, secrets });
  let output = open('INFO');
  try {
    output = open(flags.debug ? 'DEBUG' : readEnvironment().logLevel);
    output.captureConsole();
    reportUnhandledErrors(output);
    exitOnSignal(output);
    const code = await command(flags, { output, secrets });
    await output.flush();
    return code;
  } catch (error) {
    try {
      return await failOnOutput(output, error);
    } catch {
      return exitCodes.brokenPipe;
    }
  }
}

/** A fault that nobody waits for must neither print a stack among the messages nor go unnoticed. */
function reportUnhandledErrors(output: Output): void {
  const report = (error: unknown): void => {
    void failOnOutput(output, error).finally(() => process.exit(exitCodes.failed));
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

/**
 * A signal ends the process as a signal: a caller must not take a read that was ended for a whole one, and tells by the
 * way of dying. What has been written is whole lines, unless nobody reads them.
 */
function exitOnSignal(output: Output): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.prependOnceListener(signal, () => {
      const flushed = output.flush().catch(() => undefined);
      void Promise.race([flushed, sleep(readerTimeoutMs)]).finally(() => {
        removeScratchFolders();
        process.removeAllListeners(signal);
        process.kill(process.pid, signal);
      });
    });
  }
}
