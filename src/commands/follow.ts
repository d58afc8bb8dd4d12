import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandContext, waitForInterrupt } from '../app/command-context';
import { findConnection } from '../app/connection';
import type { HostedWorker } from '../app/hosting';
import { joinSession, type Session } from '../app/session';
import { exitCodes } from '../errors';
import { findRunningSync, type SyncRun } from '../temporal/sync-run';
import type { StreamProgress, SyncResult } from '../workflows/contract';
import type { ControlFlags } from './control-commands';
import { createProgressReporter, openProgressDisplay, type ProgressDisplay } from './terminal/live-progress';
import { formatFailureLines, formatResultJson, formatResultTable, getResultExitCode } from './terminal/status-text';

/** How often a run is asked how it stands. */
const progressPollMs = 1_000;

export interface FollowOptions {
  /** Print the result as JSON. */
  json: boolean;
  /** Told how every stream stands, each time that has changed, in place of showing it. */
  onProgress?: (streams: readonly StreamProgress[]) => void;
}

type FollowOutcome = { result: SyncResult } | 'interrupted';

/**
 * Waits for a run, telling how it stands; prints its result. On Ctrl-C the pages under way are finished when they are
 * read here, and the run goes on with the next start, or at the workers elsewhere.
 */
export async function followRun(
  context: CommandContext,
  session: Session,
  hosting: HostedWorker | undefined,
  run: SyncRun,
  { json, onProgress }: FollowOptions,
): Promise<number> {
  const over = new AbortController();
  const interrupted = waitForInterrupt(context.signal);
  const display = onProgress ? createProgressReporter(onProgress) : await openProgressDisplay(context, run);
  try {
    const end = await Promise.race([
      run.result(over.signal).then<FollowOutcome>((result) => ({ result })),
      interrupted.promise.then<FollowOutcome>(() => 'interrupted'),
      session.serverExited.then((reason) => Promise.reject(reason)),
      ...(hosting
        ? [hosting.done.then(() => Promise.reject(new Error('the worker stopped before the sync ended')))]
        : []),
      pollProgress(run, display, over.signal),
    ]).finally(() => display.close());
    if (end === 'interrupted') {
      context.log.info(
        hosting
          ? 'Stopping. Run the same command again to resume the sync.'
          : 'The sync continues. Run the same command again to follow it.',
      );
      return exitCodes.interrupted;
    }
    const seconds = (context.now() - run.startedAt) / 1000;
    const { result } = end;
    context.stdout.write(`${json ? formatResultJson(result, seconds) : formatResultTable(result, seconds)}\n`);
    for (const line of formatFailureLines(result)) context.log.warn(line);
    return getResultExitCode(result);
  } finally {
    over.abort();
    interrupted.release();
  }
}

/** Never resolves: it ends with the signal. */
async function pollProgress(run: SyncRun, display: ProgressDisplay, signal: AbortSignal): Promise<never> {
  for (;;) {
    await sleep(progressPollMs, undefined, { signal });
    // Progress is a courtesy: a server or worker that does not answer just now is no reason to stop.
    const streams = await run.progress().catch(() => undefined);
    if (streams && !signal.aborted) display.show(streams);
  }
}

/** Shows how a sync under way stands until it ends. Ctrl-C ends the showing only. */
export async function runWatch(
  name: string,
  { json = false, ...flags }: ControlFlags & { json?: boolean },
  context: CommandContext,
): Promise<number> {
  const { folder } = await findConnection(name, flags, context);
  const session = await joinSession(context, folder);
  try {
    const run = await findRunningSync(session.connection.client, name);
    const onProgress = (streams: object): void => {
      context.stdout.write(`${JSON.stringify({ event: 'progress', streams })}\n`);
    };
    return await followRun(context, session, undefined, run, { json, ...(json && { onProgress }) });
  } finally {
    await session.close();
  }
}
