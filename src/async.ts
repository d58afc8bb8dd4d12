import { setTimeout as delay } from 'node:timers/promises';
import { Mutex } from 'async-mutex';

/** Resolves after `ms`. Rejects with the signal's reason when it is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Settles as `work`, or rejects with the signal's reason when it is aborted. The work itself continues. */
export function abortable<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * Settles as `work`, or resolves with undefined after `ms`. The work itself continues. Rejects with the signal's reason
 * when it is aborted.
 */
export async function withTimeout<T>(work: Promise<T>, ms: number, signal?: AbortSignal): Promise<T | undefined> {
  const settled = new AbortController();
  const timeout = delay(Math.max(0, ms), undefined, { signal: settled.signal }).catch(() => undefined);
  try {
    return await abortable(Promise.race([work, timeout]), signal);
  } finally {
    settled.abort();
  }
}

export interface ConcurrencyOptions {
  /** Calls at a time. */
  limit: number;
  signal: AbortSignal;
}

/**
 * Maps all items, several at a time, and returns the results in the order of the items. The first error aborts the signal of
 * the other calls and is thrown.
 */
export async function mapConcurrent<Item, Result>(
  items: readonly Item[],
  { limit, signal }: ConcurrencyOptions,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const results: Result[] = [];
  const waiting = items.entries();
  async function runAll(): Promise<void> {
    try {
      for (const [index, item] of waiting) results[index] = await work(item, either);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runAll));
  return results;
}

export type RunExclusive = (work: () => Promise<void>, signal?: AbortSignal) => Promise<void>;

/**
 * Creates a queue that runs one task at a time, in FIFO order. An aborted `signal` rejects with its reason; a task that has
 * started still runs to its end before the next one starts.
 */
export function createSerialQueue(): RunExclusive {
  const mutex = new Mutex();
  return (work, signal) =>
    abortable(
      mutex.runExclusive(async () => {
        if (!signal?.aborted) await work();
      }),
      signal,
    );
}
