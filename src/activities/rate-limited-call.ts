import { sleep } from '../async';
import type { CallOptions } from '../auth0/client';
import { RateLimited } from '../auth0/errors';

/** Options of a call that can be cancelled. */
export interface CancellableCall extends CallOptions {
  signal: AbortSignal;
}

/** Calls of one fetch at a time. The pacer sends no more requests at once. */
export const maxConcurrentCalls = 8;

/** Repeats a call until the tenant's rate limit admits it, without a limit of time. */
export async function retryWhenRateLimited<Value>(send: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof RateLimited)) throw error;
      await sleep(Math.max(0, error.retryAt - Date.now()), signal);
    }
  }
}
