import { defined } from '../../json';
import { RateLimited } from '../errors';
import { ConcurrencyWindow } from './concurrency-window';
import type { RateLimitHeaders, RateLimitRefusal } from './rate-limit-headers';
import { type Permit, RateLimiter } from './rate-limiter';
import type { BucketSnapshot } from './token-bucket';

export interface PacerOptions {
  /** Share of each of the tenant's buckets that is left to its own traffic, 0 to 0.9. Default 0.1. */
  reserve?: number;
  /** Maximum number of requests in flight; the pacer finds the best number up to it. Default 64. */
  maxConcurrency?: number;
  /** Clock, epoch ms. */
  now?: () => number;
  /** 0 to 1. */
  random?: () => number;
}

export interface AcquireOptions {
  signal?: AbortSignal | undefined;
  /** Longest wait for a 429, ms; a longer one rejects with RateLimited. */
  maxWaitMs: number;
  /** Called once when the request has to wait for a second or more; `until` is epoch ms. */
  onWait?: ((until: number) => void) | undefined;
}

/** Permission to send one request. The caller calls exactly one of its functions, once. */
export interface Slot {
  /** For any response but a 429. `headers` is undefined when the response does not report a limit. */
  recordResponse(headers: RateLimitHeaders | undefined): void;
  /** For a 429. Returns when to send the request again, epoch ms. */
  recordRefusal(refusal: RateLimitRefusal): number;
  /** For a request without a response. */
  recordFailure(): void;
}

export interface PacerSnapshot {
  /** Empty before the first response, and for a tenant whose responses report no limit. */
  buckets: (BucketSnapshot & { name: string })[];
  /** Number of concurrent callers with which the rate limit or the server, not the callers, determines the pace. */
  concurrency: number;
  /** Moving average of the response time. Absent before the first response. */
  latencyMs?: number;
  inflight: number;
  waiting: number;
}

/** A request that waits for a slot. */
interface Waiter extends AcquireOptions {
  route: string;
  label: string;
  grant(slot: Slot): void;
  reject(error: Error): void;
}

const minReportedWaitMs = 1_000;

/** Keeps the requests to one tenant within its rate limits. One pacer per tenant and process, shared by all callers. */
export class Pacer {
  private readonly limiter: RateLimiter;
  private readonly window: ConcurrencyWindow;
  private readonly now: () => number;
  private readonly random: () => number;
  /** In order of arrival. */
  private waiters: Waiter[] = [];
  private inflight = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor({ reserve = 0.1, maxConcurrency = 64, now = Date.now, random = Math.random }: PacerOptions = {}) {
    this.limiter = new RateLimiter(reserve);
    this.window = new ConcurrencyWindow(maxConcurrency);
    this.now = now;
    this.random = random;
  }

  /**
   * Resolves when the request may be sent; first in, first out within a route. Rejects with RateLimited or the signal's
   * reason.
   * @param route path template
   * @param label names the request in messages
   */
  async acquire(route: string, label: string, options: AcquireOptions): Promise<Slot> {
    const { signal } = options;
    signal?.throwIfAborted();
    let leave = (): void => {};
    const slot = new Promise<Slot>((grant, reject) => {
      const waiter = { ...options, route, label, grant, reject };
      leave = () => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
        this.admit();
      };
      this.waiters.push(waiter);
    });
    signal?.addEventListener('abort', leave, { once: true });
    this.admit();
    return slot.finally(() => signal?.removeEventListener('abort', leave));
  }

  snapshot(): PacerSnapshot {
    // Computed first, because the snapshot of the buckets refills them up to now.
    const concurrency = this.window.getDemand(this.limiter.getSaturationRate(), this.limiter.getEstimatedRate());
    return {
      buckets: this.limiter.snapshot(this.now()),
      concurrency,
      ...defined({ latencyMs: this.window.averageLatencyMs }),
      inflight: this.inflight,
      waiting: this.waiters.length,
    };
  }

  /** Admits the requests that may be sent now, and schedules the next call. */
  private admit(): void {
    clearTimeout(this.timer);
    const blockedRoutes = new Set<string>();
    const settled = new Set<Waiter>();
    let shortestWaitMs = Infinity;
    for (const waiter of this.waiters) {
      const { route, label, maxWaitMs } = waiter;
      if (blockedRoutes.has(route)) continue;
      const now = this.now();
      const waitMs = this.limiter.getWaitMs(route, now);
      if (waitMs <= 0 && this.inflight < this.getCapacity()) {
        this.inflight += 1;
        settled.add(waiter);
        waiter.grant(this.createSlot(this.limiter.acquire(route, now)));
      } else if (waitMs > maxWaitMs && waitMs !== Infinity) {
        settled.add(waiter);
        waiter.reject(new RateLimited(label, now + waitMs));
      } else {
        blockedRoutes.add(route);
        if (waitMs <= 0) this.window.recordBlocked();
        else shortestWaitMs = Math.min(shortestWaitMs, waitMs);
        if (waitMs >= minReportedWaitMs && waitMs !== Infinity) {
          waiter.onWait?.(now + waitMs);
          waiter.onWait = undefined;
        }
      }
    }
    this.waiters = this.waiters.filter((waiter) => !settled.has(waiter));
    if (shortestWaitMs === Infinity) return;
    this.timer = setTimeout(() => this.admit(), Math.max(1, Math.ceil(shortestWaitMs)));
  }

  /** Requests that may be in flight. */
  private getCapacity(): number {
    return this.window.getCapacity(this.limiter.getGuaranteedRate(), this.limiter.getEstimatedRate());
  }

  private createSlot(permit: Permit): Slot {
    const release = <Result>(record: (now: number) => Result): Result => {
      this.inflight -= 1;
      const result = record(this.now());
      this.admit();
      return result;
    };
    return {
      recordResponse: (headers) =>
        release((now) => {
          this.window.recordResponse(now, now - permit.grantedAt);
          this.limiter.recordResponse(permit, headers, now);
        }),
      recordRefusal: (refusal) => release((now) => this.limiter.recordRefusal(permit, refusal, now, this.random())),
      recordFailure: () =>
        release((now) => {
          this.window.recordFailure(now);
          this.limiter.recordFailure(permit, now);
        }),
    };
  }
}
