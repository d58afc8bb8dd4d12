import type { BucketSnapshot } from './token-bucket';
import { RateLimited } from '../errors';
import { RateLimiter, type Permit } from './rate-limiter';
import type { RateLimitHeaders, RateLimitRefusal } from './rate-limit-headers';
import { ConcurrencyWindow } from './concurrency-window';

export interface PacerOptions {
  /** Part of each of the tenant's buckets that is left to its own traffic, 0 to 0.9. Default 0.1. */
  reserve?: number;
  /** Most requests out at a time; how many of these there are is found out. Default 64. */
  maxConcurrency?: number;
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
  recordResponse(headers: RateLimitHeaders | undefined): void;
  /** For a 429; returns when another try makes sense, epoch ms. */
  recordRefusal(refusal: RateLimitRefusal): number;
  recordFailure(): void;
}

/** Keeps the requests to one tenant within its limits. One per tenant and process, shared by all that ask. */
export interface Pacer {
  /**
   * Waits until a request may be sent; first come, first served within a route.
   * @param route path template
   * @param label names the request in messages
   */
  acquire(route: string, label: string, options: AcquireOptions): Promise<Slot>;
  snapshot(): PacerSnapshot;
}

/** The pacer as shown to people. */
export interface PacerSnapshot {
  /** None before the first answer, and none on a tenant whose answers name no limit. */
  buckets: (BucketSnapshot & { name: string })[];
  /** Requests that should be asked for at a time, so that the limit or the server and not the asking sets the pace. */
  concurrency: number;
  /** Milliseconds that an answer takes, on the average of the newest ones; absent before the first. */
  latencyMs?: number;
  inflight: number;
  waiting: number;
}

interface Waiter {
  route: string;
  label: string;
  options: AcquireOptions;
  waitReported: boolean;
  grant(slot: Slot): void;
  reject(error: Error): void;
}

const minReportedWaitMs = 1_000;
export function createPacer(options: PacerOptions = {}): Pacer {
  const { reserve = 0.1, maxConcurrency = 64, now = Date.now, random = Math.random } = options;
  const limits = new RateLimiter(reserve);
  const window = new ConcurrencyWindow(maxConcurrency);
  let waiters: Waiter[] = [];
  let inflight = 0;
  let timer: NodeJS.Timeout | undefined;

  function slotFor(permit: Permit): Slot {
    const giveBack = <T>(act: (time: number) => T): T => {
      inflight -= 1;
      const result = act(now());
      admit();
      return result;
    };
    return {
      recordResponse: (reading) =>
        giveBack((time) => {
          window.recordResponse(time, time - permit.grantedAt);
          limits.recordResponse(permit, reading, time);
        }),
      recordRefusal: (refusal) => giveBack((time) => limits.recordRefusal(permit, refusal, time, random())),
      recordFailure: () =>
        giveBack((time) => {
          window.recordFailure(time);
          limits.recordFailure(permit, time);
        }),
    };
  }

  /** Lets in all that may go now, and sets the alarm for the next. */
  function admit(): void {
    clearTimeout(timer);
    const held = new Set<string>();
    const staying: Waiter[] = [];
    let alarm = Infinity;
    for (const waiter of waiters) {
      if (held.has(waiter.route)) {
        staying.push(waiter);
        continue;
      }
      const time = now();
      const wait = limits.getWaitMs(waiter.route, time);
      if (wait <= 0 && inflight >= window.getCapacity(limits.getGuaranteedRate(), limits.getEstimatedRate())) {
        window.recordBlocked();
        held.add(waiter.route);
        staying.push(waiter);
      } else if (wait <= 0) {
        inflight += 1;
        waiter.grant(slotFor(limits.acquire(waiter.route, time)));
      } else if (wait !== Infinity && wait > waiter.options.maxWaitMs) {
        waiter.reject(new RateLimited(waiter.label, time + wait));
      } else {
        held.add(waiter.route);
        staying.push(waiter);
        alarm = Math.min(alarm, wait);
        if (wait >= minReportedWaitMs && wait !== Infinity && !waiter.waitReported) {
          waiter.waitReported = true;
          waiter.options.onWait?.(time + wait);
        }
      }
    }
    waiters = staying;
    if (alarm !== Infinity) timer = setTimeout(admit, Math.max(1, Math.ceil(alarm)));
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
        waitReported: false,
        grant(slot) {
          done();
          resolve(slot);
        },
        reject(error) {
          done();
          reject(error);
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiters.push(waiter);
      admit();
    });
  }

  function snapshot(): PacerSnapshot {
    const concurrency = window.getDemand(limits.getSaturationRate(), limits.getEstimatedRate());
    const latencyMs = window.averageLatencyMs;
    return {
      buckets: limits.snapshot(now()),
      concurrency,
      ...(latencyMs !== undefined && { latencyMs }),
      inflight,
      waiting: waiters.length,
    };
  }

  return { acquire, snapshot };
}
