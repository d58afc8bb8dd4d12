import { Context } from '@temporalio/activity';

/**
 * Does the work while heartbeating on a timer, so that a wait (for the tenant's limit, for a slow pipe) is not taken for
 * a dead worker. `details` is asked anew each time: what a retry would begin from.
 */
export async function withHeartbeats<Result>(details: () => unknown, work: () => Promise<Result>): Promise<Result> {
  const context = Context.current();
  const timeout = context.info.heartbeatTimeoutMs ?? 10_000;
  const timer = setInterval(
    () => {
      context.heartbeat(details());
    },
    Math.min(1_000, timeout / 4),
  );
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
