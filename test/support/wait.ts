import { setTimeout as sleep } from 'node:timers/promises';

/** Far longer than anything takes on a busy machine, and shorter than Jest's own limit for most suites. */
const timeoutMs = 55_000;

/**
 * Asks until the answer is truthy, and returns it. A test waits for an event this way, never for a time.
 * @param event what is waited for, for the error after 55 s
 */
export async function until<Value>(
  ask: () => Value | Promise<Value>,
  event = ask.toString(),
  intervalMs = 10,
): Promise<Exclude<Value, false | undefined | null | 0 | ''>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer as Exclude<Value, false | undefined | null | 0 | ''>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${event}`);
    await sleep(intervalMs);
  }
}
