import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncRun } from '../temporal/sync-run';
import type { StreamProgress, SyncResult } from '../workflows/contract';
import { exitCodes } from './exit';
import type { Hosting } from './hosting';
import { createTelling, openDisplay, type Display } from './display';
import { narrate, warn } from './narration';
import { exitCodeOfResult, failureLines, resultJson, resultTable } from './result';
import type { Session } from './session';

/** How often a run is asked how it stands. */
const progressMs = 1_000;

export interface FollowOptions {
  /** Print the result as JSON. */
  json: boolean;
  /** Told how every stream stands, each time that has changed, in place of showing it. */
  tell?: (streams: readonly StreamProgress[]) => void;
}

type End = { result: SyncResult } | 'interrupted';

/**
 * Waits for a run, telling how it stands; prints its result. On Ctrl-C the pages under way are finished when they are
 * read here, and the run goes on with the next start, or at the workers elsewhere.
 */
export async function follow(
  session: Session,
  hosting: Hosting | undefined,
  run: SyncRun,
  { json, tell }: FollowOptions,
): Promise<number> {
  const over = new AbortController();
  const interrupted = interruption();
  const display = tell ? createTelling(tell) : await openDisplay(run);
  try {
    const end = await Promise.race([
      run.result(over.signal).then<End>((result) => ({ result })),
      interrupted.promise.then<End>(() => 'interrupted'),
      session.lost.then((reason) => Promise.reject(reason)),
      ...(hosting
        ? [hosting.done.then(() => Promise.reject(new Error('the worker stopped before the sync ended')))]
        : []),
      tellProgress(run, display, over.signal),
    ]).finally(() => display.close());
    if (end === 'interrupted') {
      narrate(
        hosting
          ? 'Stopping; the same command goes on from here.'
          : 'The sync goes on; the same command shows it again.',
      );
      return exitCodes.interrupted;
    }
    const seconds = (Date.now() - run.begun) / 1000;
    const { result } = end;
    process.stdout.write(`${json ? resultJson(result, seconds) : resultTable(result, seconds)}\n`);
    for (const line of failureLines(result)) warn(line);
    return exitCodeOfResult(result);
  } finally {
    over.abort();
    interrupted.release();
  }
}

/** Never resolves: it ends with the signal. */
async function tellProgress(run: SyncRun, display: Display, signal: AbortSignal): Promise<never> {
  for (;;) {
    await sleep(progressMs, undefined, { signal });
    // Progress is a courtesy: a server or worker that does not answer just now is no reason to stop.
    const streams = await run.progress().catch(() => undefined);
    if (streams && !signal.aborted) display.show(streams);
  }
}

/** Resolves at Ctrl-C or when the process is told to end. */
export function interruption(): { promise: Promise<void>; release(): void } {
  let interrupt: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  return {
    promise,
    release() {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    },
  };
}
