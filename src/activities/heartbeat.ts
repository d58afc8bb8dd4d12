import { Context } from '@temporalio/activity';

/**
 * Heartbeats on a timer while `work` runs: a wait for a rate limit or a slow pipe must not look like a lost worker.
 * @param getDetails what the next attempt resumes from; called for each heartbeat
 */
export async function withHeartbeats<Result>(getDetails: () => unknown, work: () => Promise<Result>): Promise<Result> {
  const context = Context.current();
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 10_000;
  const timer = setInterval(() => context.heartbeat(getDetails()), Math.min(1_000, timeoutMs / 4));
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
