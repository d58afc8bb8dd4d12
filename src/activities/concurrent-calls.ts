import { sleep } from '../async';
import type { CallOptions } from '../auth0/client';
import { RateLimited } from '../auth0/errors';

/** A call that can be told to stop. */
export interface CancellableCall extends CallOptions {
  signal: AbortSignal;
}

/** As many requests at a time as the pacer lets out at most. */
const maxConcurrentCalls = 8;

/** Works on all items, a few at a time. What the first one throws that fails ends the others by the signal they are given. */
export async function mapConcurrent<Item>(
  items: readonly Item[],
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const waiting = items.values();
  await Promise.all(
    Array.from({ length: Math.min(maxConcurrentCalls, items.length) }, async () => {
      try {
        for (const item of waiting) await work(item, either);
      } catch (error) {
        ending.abort(error);
        throw error;
      }
    }),
  );
}

/** Asks until the tenant's limit allows for an answer, however long that takes. */
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
