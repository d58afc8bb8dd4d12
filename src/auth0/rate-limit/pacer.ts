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

/** Keeps the requests to one tenant within its rate limits. One pacer per tenant and process, shared by all callers. */
export class Pacer {
  private readonly limiter: RateLimiter;
  private readonly window: ConcurrencyWindow;
  private readonly queue = new RequestQueue();
  private readonly now: () => number;
  private readonly random: () => number;
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
  acquire(route: string, label: string, options: AcquireOptions): Promise<Slot> {
    const slot = this.queue.enqueue({ route, label, options }, () => this.admit());
    this.admit();
    return slot;
  }

  snapshot(): PacerSnapshot {
    // Computed first, because the snapshot of the buckets refills them up to now.
    const concurrency = this.window.getDemand(this.limiter.getSaturationRate(), this.limiter.getEstimatedRate());
    const latencyMs = this.window.averageLatencyMs;
    return {
      buckets: this.limiter.snapshot(this.now()),
      concurrency,
      ...(latencyMs !== undefined && { latencyMs }),
      inflight: this.inflight,
      waiting: this.queue.size,
    };
  }

  /** Admits the requests that may be sent now, and schedules the next call. */
  private admit(): void {
    clearTimeout(this.timer);
    let shortestWaitMs = Infinity;
    this.queue.dequeueWhile((waiter) => {
      const now = this.now();
      const waitMs = this.limiter.getWaitMs(waiter.route, now);
      const decision = decide({
        waitMs,
        maxWaitMs: waiter.options.maxWaitMs,
        inflight: this.inflight,
        getCapacity: () => this.window.getCapacity(this.limiter.getGuaranteedRate(), this.limiter.getEstimatedRate()),
      });
      switch (decision) {
        case 'grant':
          this.inflight += 1;
          waiter.grant(this.createSlot(this.limiter.acquire(waiter.route, now)));
          return true;
        case 'reject':
          waiter.reject(new RateLimited(waiter.label, now + waitMs));
          return true;
        case 'block':
          this.window.recordBlocked();
          return false;
        case 'wait':
          shortestWaitMs = Math.min(shortestWaitMs, waitMs);
          waiter.reportWait(now, waitMs);
          return false;
      }
    });
    if (shortestWaitMs === Infinity) return;
    this.timer = setTimeout(() => this.admit(), Math.max(1, Math.ceil(shortestWaitMs)));
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

export interface AdmissionState {
  /** Wait that the rate limit requires, ms. Infinity: until a request in flight is answered. */
  waitMs: number;
  maxWaitMs: number;
  inflight: number;
  /** Requests that may be in flight. */
  getCapacity(): number;
}

/** `block`: the rate limit allows the request, but too many requests are in flight. */
export function decide({
  waitMs,
  maxWaitMs,
  inflight,
  getCapacity,
}: AdmissionState): 'grant' | 'wait' | 'block' | 'reject' {
  if (waitMs <= 0) return inflight < getCapacity() ? 'grant' : 'block';
  return waitMs !== Infinity && waitMs > maxWaitMs ? 'reject' : 'wait';
}

interface QueuedRequest {
  route: string;
  label: string;
  options: AcquireOptions;
}

interface Waiter extends QueuedRequest {
  grant(slot: Slot): void;
  reject(error: Error): void;
  reportWait(now: number, waitMs: number): void;
}

const minReportedWaitMs = 1_000;

/** The requests that wait for a slot, in order of arrival. */
class RequestQueue {
  private waiters: Waiter[] = [];

  get size(): number {
    return this.waiters.length;
  }

  /** @param onAbort called after the request's signal removed it from the queue */
  enqueue(request: QueuedRequest, onAbort: () => void): Promise<Slot> {
    const { signal, onWait } = request.options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const leave = (): void => {
        this.waiters = this.waiters.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
        onAbort();
      };
      let isWaitReported = false;
      const waiter: Waiter = {
        ...request,
        grant(slot) {
          signal?.removeEventListener('abort', leave);
          resolve(slot);
        },
        reject(error) {
          signal?.removeEventListener('abort', leave);
          reject(error);
        },
        reportWait(now, waitMs) {
          if (isWaitReported || waitMs < minReportedWaitMs || waitMs === Infinity) return;
          isWaitReported = true;
          onWait?.(now + waitMs);
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.waiters.push(waiter);
    });
  }

  /**
   * Visits the waiters in order and removes those for which `visit` returns true. After a false, it skips the other
   * waiters of that route.
   */
  dequeueWhile(visit: (waiter: Waiter) => boolean): void {
    const heldRoutes = new Set<string>();
    const removed = new Set<Waiter>();
    for (const waiter of this.waiters) {
      if (heldRoutes.has(waiter.route)) continue;
      if (visit(waiter)) removed.add(waiter);
      else heldRoutes.add(waiter.route);
    }
    if (removed.size > 0) this.waiters = this.waiters.filter((waiter) => !removed.has(waiter));
  }
}
