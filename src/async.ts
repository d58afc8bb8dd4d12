import { Mutex } from 'async-mutex';

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Waits for work that others wait for as well: an abort ends the waiting, not the work. */
export function abortable<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Does one piece of work after the other, in the order in which they came. */
export type RunExclusive = (work: () => Promise<void>, signal?: AbortSignal) => Promise<void>;

/**
 * Makes a queue for the steps of a sink. `signal` ends the waiting, for the turn or for the work, with its reason. Work
 * that has begun goes on to its end all the same, and keeps its turn: half a step must not be followed by another.
 */
export function createSerialQueue(): RunExclusive {
  const mutex = new Mutex();
  return (work, signal) => {
    const done = mutex.runExclusive(async () => {
      if (!signal?.aborted) await work();
    });
    return signal ? rejectOnAbort(done, signal) : done;
  };
}

function rejectOnAbort(done: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void done.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
