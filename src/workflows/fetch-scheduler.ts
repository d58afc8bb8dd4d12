import { condition, sleep, workflowInfo } from '@temporalio/workflow';
import type { FetchBudget, FetchResult } from '../activities/fetch-contract';
import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import type { FetchTask } from '../streams/fetch-task';
import type { FetchPages } from './activity-proxies';
import type { SyncLimits } from './contract';
import type { StreamRun } from './stream-delivery';

/** How many fetches run at a time. */
export interface ConcurrencyLimits {
  /** Also used while the best number is unknown. Default 4. */
  min: number;
  /** Default 16. */
  max: number;
}

/** @param requested how many requests should be in flight; undefined while unknown */
export function clampConcurrency({ min, max }: ConcurrencyLimits, requested: number | undefined): number {
  return Math.max(min, Math.min(max, requested ?? min));
}

/** One fetch of a task. */
export interface FetchRequest {
  /** Prefix of the fetch's id, and what the Temporal UI shows of it. */
  name: string;
  /** Appended to what the Temporal UI shows. */
  detail?: string;
  task: FetchTask;
  cursor: Json;
  budget: FetchBudget;
  /** See FetchInput.delivered. */
  delivered?: Segment | undefined;
  /** Streams that a wait for the rate limit concerns. */
  streams: readonly StreamRun[];
}

export interface FetchSchedulerOptions {
  fetchPages: FetchPages;
  limits: SyncLimits;
  /** Streams that one fetch after the other reads. */
  streams: readonly StreamRun[];
  /** Fetches of earlier runs of the workflow. */
  fetches: number;
  /** Called when there is something new to show. */
  onChange(): void;
}

/**
 * Runs the fetches of one workflow. It numbers them, adapts concurrency to what each fetch reports, waits for the tenant's
 * rate limit, and decides when the workflow has to continue as new.
 */
export class FetchScheduler {
  /** Fetches so far; numbers the next one. */
  fetches: number;
  /** Duration of a request; infinite while unknown. */
  latencyMs = Infinity;
  readonly limits: SyncLimits;
  private readonly firstFetch: number;
  private suggestedConcurrency: number | undefined;

  constructor(private readonly options: FetchSchedulerOptions) {
    this.limits = options.limits;
    this.fetches = options.fetches;
    this.firstFetch = options.fetches;
  }

  /** Whether the history is long enough to continue as new. */
  get shouldStop(): boolean {
    return workflowInfo().continueAsNewSuggested || this.fetches - this.firstFetch >= this.limits.fetchesPerRun;
  }

  get concurrency(): number {
    return clampConcurrency(this.limits.concurrency, this.suggestedConcurrency);
  }

  /**
   * Fetches, applies the result, and then waits if the rate limit requires it, so records are on their way before the wait.
   * @param apply takes the result; concurrency and latency are up to date when it is called
   */
  async run(request: FetchRequest, apply: (result: FetchResult) => Promise<void> | void): Promise<void> {
    const { name, detail, task, cursor, budget, delivered, streams } = request;
    const fetchId = `${name}-${this.fetches}`;
    this.fetches += 1;
    const summary = [name, `fetch ${this.fetches}`, ...(detail === undefined ? [] : [detail])].join(' · ');
    const result = await this.options.fetchPages(summary, {
      fetchId,
      task,
      cursor,
      budget,
      ...(delivered && { delivered }),
    });
    this.suggestedConcurrency = result.concurrency;
    this.latencyMs = result.latencyMs ?? Infinity;
    for (const stream of this.options.streams) stream.setPace(result.pace);
    await apply(result);
    if (result.waitUntil !== undefined) await this.waitForRateLimit(streams, result.waitUntil);
  }

  /**
   * A pool that works on items with this scheduler's concurrency.
   * @param currentItems the items to work on, as of now
   * @param isOver whether no more items start
   */
  createPool<Item>(currentItems: () => readonly Item[], isOver: () => boolean): ConcurrencyPool<Item> {
    return new ConcurrencyPool(
      () => this.concurrency,
      currentItems,
      () => isOver() || this.shouldStop,
    );
  }

  /** Waits outside of any activity: no activity slot is occupied, and workers may restart. The streams report the wait. */
  private async waitForRateLimit(streams: readonly StreamRun[], until: number): Promise<void> {
    for (const stream of streams) stream.startRateLimitWait(until);
    this.options.onChange();
    await sleep(Math.max(1, until - Date.now()), { summary: "the tenant's rate limit" });
    for (const stream of streams) stream.endRateLimitWait(until);
    this.options.onChange();
  }
}

/**
 * Works on items concurrently. The first item in no one's work starts whenever fewer items are in flight than the limit
 * allows. `work` removes finished items and may add others.
 */
export class ConcurrencyPool<Item> {
  private readonly inFlight = new Set<Item>();
  private error: Error | undefined;

  constructor(
    private readonly currentLimit: () => number,
    private readonly currentItems: () => readonly Item[],
    private readonly isOver: () => boolean,
  ) {}

  /** Items that are not in flight. */
  get waiting(): number {
    return this.currentItems().filter((item) => !this.inFlight.has(item)).length;
  }

  /** Resolves when all work has settled. Rejects with the first error, after which no item starts. */
  async run(work: (item: Item) => Promise<void>): Promise<void> {
    const next = (): Item | undefined =>
      this.inFlight.size < this.currentLimit()
        ? this.currentItems().find((each) => !this.inFlight.has(each))
        : undefined;
    const isOver = (): boolean => this.error !== undefined || this.isOver();
    for (;;) {
      await condition(() => next() !== undefined || isOver());
      const item = isOver() ? undefined : next();
      if (item === undefined) break;
      void this.start(item, work);
    }
    await condition(() => this.inFlight.size === 0);
    if (this.error) throw this.error;
  }

  private async start(item: Item, work: (item: Item) => Promise<void>): Promise<void> {
    this.inFlight.add(item);
    try {
      await work(item);
    } catch (error) {
      this.error ??= error as Error;
    } finally {
      this.inFlight.delete(item);
    }
  }
}
