import { RateLimited } from './errors';
import { Limits, type Permit } from './limits';
import type { Reading } from './rate-limit';

export interface PacerOptions {
  /** Part of each of the tenant's buckets that is left to its own traffic, 0 to 1. Default 0.1. */
  reserve?: number;
  /** Most requests out at a time. Default 8. */
  concurrency?: number;
  /** Clock, epoch ms. */
  now?: () => number;
  /** 0 to 1. */
  random?: () => number;
}

export interface AcquireOptions {
  signal?: AbortSignal | undefined;
  /** Longest wait, ms; a longer one that a 429 demands is RateLimited. */
  maxWaitMs: number;
  /** Told once when the request has to wait for a second or more; `until` is epoch ms. */
  onWait?: ((until: number) => void) | undefined;
}

/** Leave to send one request. Exactly one of its functions is called, once. */
export interface Slot {
  answered(reading: Reading | undefined): void;
  /** For a 429; returns when another try makes sense, epoch ms. */
  refused(reading: Reading | undefined, delayMs: number | undefined): number;
  failed(): void;
}

/** Keeps the requests to one tenant within its limits. One per tenant and process, shared by all that ask. */
export interface Pacer {
  /**
   * Waits until a request may be sent; first come, first served within a route.
   * @param route path template
   * @param label names the request in messages
   */
  acquire(route: string, label: string, options: AcquireOptions): Promise<Slot>;
  /** The bucket seen last, for display; undefined while none is known. `waitingUntil` is epoch ms. */
  snapshot(): { limit: number; remaining: number; ratePerSecond: number; waitingUntil?: number } | undefined;
}

interface Waiter {
  route: string;
  label: string;
  options: AcquireOptions;
  told: boolean;
  grant(slot: Slot): void;
  refuse(error: Error): void;
}

const worthTellingMs = 1_000;

export function createPacer(options: PacerOptions = {}): Pacer {
  const { reserve = 0.1, concurrency = 8, now = Date.now, random = Math.random } = options;
  const limits = new Limits(reserve);
  let waiters: Waiter[] = [];
  let out = 0;
  let timer: NodeJS.Timeout | undefined;

  function slotFor(permit: Permit): Slot {
    const giveBack = <T>(act: () => T): T => {
      out -= 1;
      const result = act();
      admit();
      return result;
    };
    return {
      answered: (reading) => giveBack(() => limits.answered(permit, reading, now())),
      refused: (reading, delayMs) => giveBack(() => limits.refused(permit, reading, delayMs, now(), random())),
      failed: () => giveBack(() => limits.failed(permit)),
    };
  }

  /** Lets in all that may go now, and sets the alarm for the next. */
  function admit(): void {
    clearTimeout(timer);
    const held = new Set<string>();
    const staying: Waiter[] = [];
    let alarm = Infinity;
    for (const waiter of waiters) {
      if (out >= concurrency || held.has(waiter.route)) {
        staying.push(waiter);
        continue;
      }
      const time = now();
      const wait = limits.waitFor(waiter.route, time);
      if (wait <= 0) {
        out += 1;
        waiter.grant(slotFor(limits.take(waiter.route, time)));
      } else if (wait !== Infinity && wait > waiter.options.maxWaitMs) {
        waiter.refuse(new RateLimited(waiter.label, time + wait));
      } else {
        held.add(waiter.route);
        staying.push(waiter);
        alarm = Math.min(alarm, wait);
        if (wait >= worthTellingMs && wait !== Infinity && !waiter.told) {
          waiter.told = true;
          waiter.options.onWait?.(time + wait);
        }
      }
    }
    waiters = staying;
    if (alarm !== Infinity) timer = setTimeout(admit, alarm);
  }

  function acquire(route: string, label: string, acquireOptions: AcquireOptions): Promise<Slot> {
    const { signal } = acquireOptions;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const leave = (): void => {
        waiters = waiters.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
        admit();
      };
      const done = (): void => signal?.removeEventListener('abort', leave);
      const waiter: Waiter = {
        route,
        label,
        options: acquireOptions,
        told: false,
        grant(slot) {
          done();
          resolve(slot);
        },
        refuse(error) {
          done();
          reject(error);
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiters.push(waiter);
      admit();
    });
  }

  return { acquire, snapshot: () => limits.snapshot(now()) };
}
