import { type App, awaitRun } from '../app/app';
import { type CommandContext, waitForInterrupt, type ConnectionCommand } from '../app/command-context';
import { findConnection } from '../app/connection';
import { joinSession } from '../app/session';
import { sleep } from '../async';
import { exitCodes } from '../errors';
import { findRunningSync, type SyncRun } from '../temporal/sync-run';
import type { StreamProgress, SyncResult } from '../workflows/contract';
import type { ControlFlags } from './control-commands';
import { createProgressReporter, openProgressDisplay, type ProgressDisplay } from './terminal/live-progress';
import { formatFailureLines, formatResultJson, formatResultTable, getResultExitCode } from './terminal/result-text';

export interface FollowOptions {
  /** Print the result as JSON. */
  json: boolean;
  /** Receives the progress of all streams after each change, instead of the display. */
  onProgress?: (streams: readonly StreamProgress[]) => void;
}

/**
 * Waits for a run, shows its progress and prints its result. At Ctrl-C it returns: a worker in this process then finishes
 * the pages in progress, and the run resumes with the next start; other workers continue the run.
 */
export async function followRun(
  run: SyncRun,
  app: Pick<App, 'session'> & Partial<App>,
  { json, onProgress }: FollowOptions,
  context: CommandContext,
): Promise<number> {
  const { log, stdout, signal, intervals } = context;
  const done = new AbortController();
  const interrupted = waitForInterrupt(signal);
  const display = onProgress ? createProgressReporter(onProgress) : await openProgressDisplay(context, run);
  let result: SyncResult | undefined;
  try {
    result = await Promise.race([
      awaitRun(run, app, done.signal),
      interrupted.promise.then(() => undefined),
      pollProgress(run, display, intervals.progressMs, done.signal),
    ]);
  } finally {
    display.close();
    done.abort();
    interrupted.release();
  }
  if (!result) {
    log.info(
      app.workerStopped
        ? 'Stopping. Run the same command again to resume the sync.'
        : 'The sync continues. Run the same command again to follow it.',
    );
    return exitCodes.interrupted;
  }
  const seconds = (context.now() - run.startedAt) / 1000;
  const columns = stdout.isTTY ? stdout.columns : undefined;
  stdout.write(`${json ? formatResultJson(result, seconds) : formatResultTable(result, seconds, columns)}\n`);
  for (const line of formatFailureLines(result)) log.warn(line);
  return getResultExitCode(result);
}

/** Rejects when the signal is aborted. */
async function pollProgress(
  run: SyncRun,
  display: ProgressDisplay,
  intervalMs: number,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await sleep(intervalMs, signal);
    // A server or worker that does not respond now does not end the sync.
    const streams = await run.progress().catch(() => undefined);
    if (streams && !signal.aborted) display.show(streams);
  }
}

/** Follows a running sync until it ends. Ctrl-C ends only the output. */
export const runWatch: ConnectionCommand<ControlFlags & { json?: boolean }> = async (
  name,
  { json = false, ...flags },
  context,
) => {
  const { folder } = await findConnection(name, flags, context);
  const session = await joinSession(folder, context);
  try {
    const run = await findRunningSync(session.connection.client, name);
    const onProgress = (streams: object): void => {
      context.stdout.write(`${JSON.stringify({ event: 'progress', streams })}\n`);
    };
    return await followRun(run, { session }, { json, ...(json && { onProgress }) }, context);
  } finally {
    await session.close();
  }
};
