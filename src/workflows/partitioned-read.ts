import type { FetchResult } from '../activities/fetch-contract';
import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import { type FetchTask, findLastDelivered, type SearchTask } from '../streams/fetch-task';
import {
  computeUpperBound,
  createPartition,
  estimateRemainingRows,
  type Partition,
  splitPartition,
} from '../streams/partition';
import type { FetchPages } from './activity-proxies';
import type { AuditPart, SyncLimits } from './contract';
import { clampConcurrency, ConcurrencyPool } from './flow-control';
import { type StreamRun, waitForRateLimit } from './stream-delivery';

/** Rows of a page, of which one or so repeats. */
const newRowsPerPage = 99;

/** A search tells how much it holds up to here. */
const maxReportedTotal = 1_000;

/** What of a search is read before it is known how much it holds. */
const firstFetchBudget = { pages: 3, seconds: 0.5 };

/**
 * Cuts that a search may cost where parts become small: so many of the pages that there are of it, and these. A copy may
 * cost 3 % and five requests more than the least.
 */
const extraSplitAllowance = { perPage: 0.02, base: 4 };

/** Where the reading of a stream stands; carried through continue-as-new. */
export interface PartitionedReadState {
  /** Spans not read to their end, in the order of their keys. */
  partitions: Partition[];
  /** Spans that are. */
  finishedParts: AuditPart[];
  /** Slices so far; numbers the next one. */
  fetches: number;
  /** Parts that were made by cutting, beside the first. */
  splits: number;
  /** The tenant's time at the first answer. */
  startedAt?: string;
  /** Upper bound of the whole search; absent: it is open. */
  to?: string;
  /** Greatest key of an open search when it was asked for; null when there was none. */
  endKey?: string | null;
}

/** What a later run needs to go on. */
export type ResumePoint = { partitions: { task: Partition['task']; cursor: Json }[]; startedAt: string | null };

export function createPartitionedReadState(task: Partition['task']): PartitionedReadState {
  return { partitions: [createPartition(task)], finishedParts: [], fetches: 0, splits: 0 };
}

export function resumePartitionedReadState({ partitions, startedAt }: ResumePoint): PartitionedReadState {
  return {
    partitions: partitions.map(({ task, cursor }) => createPartition(task, cursor)),
    finishedParts: [],
    fetches: 0,
    splits: 0,
    ...(startedAt === null ? {} : { startedAt }),
  };
}

export function toResumePoint({ partitions, startedAt }: PartitionedReadState): ResumePoint {
  return { partitions: partitions.map(({ task, cursor }) => ({ task, cursor })), startedAt: startedAt ?? null };
}

/**
 * Up to here, inclusive, everything has been delivered. A search with an open end has delivered what changed until it
 * began, in whatever order, once it is done.
 */
export function findFrontier({ partitions: [first], startedAt, to }: PartitionedReadState): string | undefined {
  if (to === undefined) return first ? undefined : startedAt;
  return first ? first.frontier : to;
}

/**
 * Reads a stream by spans side by side. A search begins as one span; when its first pages and its greatest key tell that
 * it is long, it is cut, and cut again where much is left whenever a lane has nothing to do.
 */
export class PartitionedRead {
  /** As the newest slice has told it. */
  private suggestedConcurrency: number | undefined;

  constructor(
    readonly readState: PartitionedReadState,
    private readonly run: StreamRun,
    private readonly fetch: FetchPages,
    private readonly limits: SyncLimits,
    private readonly shouldStop: () => boolean,
    /** Hands over what a slice staged. */
    private readonly onFetched: (slice: FetchResult) => Promise<void>,
    private readonly onChange: () => void,
  ) {}

  get done(): boolean {
    return this.readState.partitions.length === 0;
  }

  /** Requests for what is left of all spans; undefined while that can't be told. */
  get requestsLeft(): number | undefined {
    const rows = this.rowsLeftByPartition;
    return rows.includes(0) ? undefined : Math.ceil(rows.reduce((sum, each) => sum + each, 0) / newRowsPerPage);
  }

  /** Rows that all spans bring together; undefined while that can't be told. */
  get estimatedTotalRows(): number | undefined {
    const { partitions, finishedParts } = this.readState;
    const left = this.rowsLeftByPartition.map((rows, nth) => {
      const { task, total, rows: read } = partitions[nth] as Partition;
      const isExact = total !== undefined && (task.kind === 'list' || total < maxReportedTotal);
      return isExact ? Math.max(0, total - read) : rows === 0 ? undefined : rows;
    });
    if (!left.every((rows) => rows !== undefined)) return undefined;
    return Math.round(
      [...finishedParts, ...partitions].reduce((sum, { rows }) => sum + rows, 0) + left.reduce((a, b) => a + b, 0),
    );
  }

  /** By span; 0 where that can't be told. */
  private get rowsLeftByPartition(): number[] {
    const { partitions, endKey } = this.readState;
    return partitions.map((span) => estimateRemainingRows(span, endKey ?? undefined));
  }

  /** Reads until all is read or `paused` says stop. Throws what the first slice that failed threw, when no other is under way. */
  async read(): Promise<void> {
    const lanes = new ConcurrencyPool(
      () => this.currentConcurrency,
      () => this.readState.partitions,
      () => this.done || this.shouldStop(),
    );
    await lanes.run((span) => this.readPartition(span));
  }

  private get currentConcurrency(): number {
    return clampConcurrency(this.limits.concurrency, this.suggestedConcurrency);
  }

  private async readPartition(span: Partition): Promise<void> {
    const { limits, readState } = this;
    const surveying = readState.fetches < 2 && span.task.kind === 'search';
    const { pages, seconds } = limits.fetchBudget;
    const short = {
      pages: Math.min(pages, firstFetchBudget.pages),
      seconds: Math.min(seconds, firstFetchBudget.seconds),
    };
    const slice = await this.runFetch(span.task, span.cursor, surveying ? short : {}, span.delivered);
    this.applyFetch(span, slice);
    this.recordFetch(slice);
    await this.onFetched(slice);
    await this.waitIfRateLimited(slice);
    if (!span.done) await this.splitIfIdle(span);
  }

  private recordFetch({ counts, pace, concurrency }: FetchResult): void {
    this.run.addCounts(counts);
    this.run.setPace(pace);
    this.suggestedConcurrency = concurrency;
  }

  private async waitIfRateLimited({ waitUntil }: FetchResult): Promise<void> {
    if (waitUntil !== undefined) await waitForRateLimit([this.run], waitUntil, this.onChange);
  }

  private applyFetch(span: Partition, slice: FetchResult): void {
    const { readState } = this;
    span.cursor = slice.cursor;
    span.done = slice.done;
    span.rows += slice.counts.rows;
    const delivered = findLastDelivered(slice.segments);
    if (delivered) span.delivered = delivered;
    delete span.remainingRange;
    if (slice.remainingRange) span.remainingRange = slice.remainingRange;
    if (slice.total !== undefined) span.total = slice.total;
    if (slice.frontier !== undefined) span.frontier = slice.frontier;
    if (slice.startedAt !== undefined) readState.startedAt ??= slice.startedAt;
    if (span.task.kind === 'search' && typeof span.task.to === 'object') {
      const to = computeUpperBound(span.task.to, readState.startedAt);
      if (to !== undefined) {
        readState.to = to;
        span.task = { ...span.task, to };
      }
    }
    if (span.done) {
      readState.partitions.splice(readState.partitions.indexOf(span), 1);
      readState.finishedParts.push(toAuditPart(span));
    }
  }

  /** Cuts what is left of a span, when lanes have nothing to do and there is enough for them. */
  private async splitIfIdle(span: Partition): Promise<void> {
    const { readState, limits } = this;
    const idle = (): number => this.currentConcurrency - readState.partitions.length;
    if (idle() <= 0 || span.task.kind !== 'search' || !span.remainingRange) return;
    const { total = maxReportedTotal, rows: read } = span;
    if (total < maxReportedTotal && total - read < limits.rowsPerPartition.min) return;
    if (span.task.to === undefined && readState.endKey === undefined) await this.findEndKey(span.task);
    const end = readState.endKey ?? undefined;
    const rows = estimateRemainingRows(span, end);
    const { preferred, min } = limits.rowsPerPartition;
    const few = Math.min(Math.floor(rows / min), 1 + this.splitsLeft);
    const parts = Math.min(idle() + 1, Math.max(Math.floor(rows / preferred), few));
    if (parts < 2) return;
    const [first, ...others] = splitPartition(span, parts, end ?? span.remainingRange.nextKey);
    if (!first) return;
    readState.partitions.splice(readState.partitions.indexOf(span), 1, first, ...others);
    readState.splits += others.length;
  }

  private get splitsLeft(): number {
    const pages = this.run.pages + this.rowsLeftByPartition.reduce((sum, rows) => sum + rows, 0) / newRowsPerPage;
    return Math.max(
      0,
      extraSplitAllowance.base + Math.floor(pages * extraSplitAllowance.perPage) - this.readState.splits,
    );
  }

  private async findEndKey({ key, from, to }: SearchTask): Promise<void> {
    const task = {
      kind: 'search-end',
      key,
      ...(from === undefined ? {} : { from }),
      ...(typeof to === 'string' ? { to } : {}),
    } as const;
    while (this.readState.endKey === undefined) {
      const slice = await this.runFetch(task, null, { pages: 1 });
      this.recordFetch(slice);
      if (slice.done) this.readState.endKey = slice.endKey ?? null;
      await this.waitIfRateLimited(slice);
    }
  }

  private runFetch(
    task: FetchTask,
    cursor: Json,
    limits: Partial<SyncLimits['fetchBudget']>,
    delivered?: Segment,
  ): Promise<FetchResult> {
    const { name } = this.run.stream;
    const fetchId = `${name}-${this.readState.fetches}`;
    this.readState.fetches += 1;
    const what = task.kind === 'search-end' ? `latest ${task.key}` : `from page ${this.run.pages + 1}`;
    return this.fetch(`${name} · slice ${this.readState.fetches} · ${what}`, {
      fetchId,
      task,
      cursor,
      budget: { ...this.limits.fetchBudget, ...limits },
      ...(delivered && { delivered }),
    });
  }
}

function toAuditPart({ task, rows, total }: Partition): AuditPart {
  return { part: describeTask(task), rows, ...(total === undefined ? {} : { total }) };
}

function describeTask(task: Partition['task']): string {
  if (task.kind === 'list') return 'the list';
  const { key, from = 'the beginning', to, missing } = task;
  const range = `${key} ${from} to ${typeof to === 'string' ? to : 'the end'}`;
  return missing ? `${range}, and without ${key}` : range;
}
