import type { FetchBudget, FetchResult } from '../activities/fetch-contract';
import type { Json } from '../json';
import { findLastDelivered, type SearchEndTask, type SearchTask } from '../streams/fetch-task';
import {
  computeUpperBound,
  createPartition,
  estimateRemainingRows,
  type Partition,
  splitPartition,
} from '../streams/partition';
import type { PartitionedResumePoint } from '../streams/resume-point';
import type { AuditPart } from './contract';
import type { FetchRequest, FetchScheduler } from './fetch-scheduler';
import type { StreamRun } from './stream-delivery';

/** New rows of a page of 100: about one row repeats. */
const newRowsPerPage = 99;

/** The total of a search is capped here. */
const maxReportedTotal = 1_000;

/** Read from a search before its size is estimated. */
const firstFetchBudget = { pages: 3, seconds: 0.5 };

/** Fetches after which the size of a search is estimated. */
const firstFetches = 2;

/**
 * Splits that a search may spend on small partitions: a share of its pages, and some more. A copy may take 3 % and five
 * requests more than the minimum.
 */
const extraSplitAllowance = { perPage: 0.02, base: 4 };

/** How far a stream is read. Carried through continue-as-new. */
export interface PartitionedReadState {
  /** Partitions not read completely, in the order of their keys. */
  partitions: Partition[];
  finishedParts: AuditPart[];
  /** Partitions created by splits. */
  splits: number;
  /** The tenant's time at the first response. */
  startedAt?: string;
  /** Upper bound of the whole search; absent while it is open. */
  to?: string;
  /** Greatest key of an open search, once requested; null when the search is empty. */
  endKey?: string | null;
}

export function createPartitionedReadState(
  task: Partition['task'],
  resume?: PartitionedResumePoint,
): PartitionedReadState {
  const partitions = resume?.partitions ?? [{ task, cursor: null }];
  const startedAt = resume?.startedAt ?? null;
  return {
    partitions: partitions.map((each) => createPartition(each.task, each.cursor)),
    finishedParts: [],
    splits: 0,
    ...(startedAt === null ? {} : { startedAt }),
  };
}

/** The resume point of a state: see streams/resume-point.ts. */
export function buildResumePoint(task: Partition['task'], { partitions, startedAt }: PartitionedReadState): Json {
  const rest = partitions.map((partition) => ({ task: partition.task, cursor: partition.cursor }));
  const point = { kind: 'partitions', task, partitions: rest, startedAt: startedAt ?? null };
  return point as unknown as Json;
}

/**
 * The key up to which, inclusive, everything is delivered. An open search, once done, has delivered what changed until it
 * started, in whatever order.
 */
export function findFrontier({ partitions: [first], startedAt, to }: PartitionedReadState): string | undefined {
  if (to === undefined) return first ? undefined : startedAt;
  return first ? first.frontier : to;
}

/**
 * Reads a stream in partitions, concurrently. A search starts as one partition. It is split when its first pages and its
 * greatest key show that it is long, and split further whenever there is capacity for more fetches.
 */
export class PartitionedRead {
  /**
   * @param onFetched delivers what a fetch staged
   */
  constructor(
    readonly readState: PartitionedReadState,
    private readonly stream: StreamRun,
    private readonly scheduler: FetchScheduler,
    private readonly onFetched: (result: FetchResult) => Promise<void>,
  ) {}

  get isDone(): boolean {
    return this.readState.partitions.length === 0;
  }

  /** Requests for the rest of all partitions; undefined while unknown. */
  get requestsLeft(): number | undefined {
    const rows = this.rowsLeftByPartition;
    return rows.includes(0) ? undefined : Math.ceil(sum(rows) / newRowsPerPage);
  }

  /** Rows of all partitions together; undefined while unknown. */
  get estimatedTotalRows(): number | undefined {
    const { partitions, finishedParts } = this.readState;
    const left = this.rowsLeftByPartition.map((rows, index) => {
      const { task, total, rows: read } = partitions[index] as Partition;
      const isExact = total !== undefined && (task.kind === 'list' || total < maxReportedTotal);
      return isExact ? Math.max(0, total - read) : rows === 0 ? undefined : rows;
    });
    if (!left.every((rows) => rows !== undefined)) return undefined;
    return Math.round(sum([...finishedParts, ...partitions].map(({ rows }) => rows)) + sum(left));
  }

  /** By partition; 0 while unknown. */
  private get rowsLeftByPartition(): number[] {
    const { partitions, endKey } = this.readState;
    return partitions.map((partition) => estimateRemainingRows(partition, endKey ?? undefined));
  }

  /** Reads until all is read or the scheduler stops. Throws the first error, once no fetch is in flight. */
  async read(): Promise<void> {
    const pool = this.scheduler.createPool(
      () => this.readState.partitions,
      () => this.isDone,
    );
    await pool.run((partition) => this.readPartition(partition));
  }

  private async readPartition(partition: Partition): Promise<void> {
    const { fetches, limits } = this.scheduler;
    const isSurvey = fetches < firstFetches && partition.task.kind === 'search';
    const { pages, seconds } = limits.fetchBudget;
    const budget = isSurvey
      ? { pages: Math.min(pages, firstFetchBudget.pages), seconds: Math.min(seconds, firstFetchBudget.seconds) }
      : {};
    const { task, cursor, delivered } = partition;
    const detail = `from page ${this.stream.pages + 1}`;
    await this.runFetch({ task, cursor, budget, delivered, detail }, async (result) => {
      this.applyFetch(partition, result);
      await this.onFetched(result);
    });
    if (!partition.done) await this.splitIfIdle(partition);
  }

  private applyFetch(partition: Partition, result: FetchResult): void {
    const { readState } = this;
    partition.cursor = result.cursor;
    partition.done = result.done;
    partition.rows += result.counts.rows;
    const delivered = findLastDelivered(result.segments);
    if (delivered) partition.delivered = delivered;
    delete partition.remainingRange;
    if (result.remainingRange) partition.remainingRange = result.remainingRange;
    if (result.total !== undefined) partition.total = result.total;
    if (result.frontier !== undefined) partition.frontier = result.frontier;
    if (result.startedAt !== undefined) readState.startedAt ??= result.startedAt;
    if (partition.task.kind === 'search' && typeof partition.task.to === 'object') {
      const to = computeUpperBound(partition.task.to, readState.startedAt);
      if (to !== undefined) {
        readState.to = to;
        partition.task = { ...partition.task, to };
      }
    }
    if (partition.done) {
      readState.partitions.splice(readState.partitions.indexOf(partition), 1);
      readState.finishedParts.push(toAuditPart(partition));
    }
  }

  /** Splits the rest of a partition when more fetches could run and the rest is long enough. */
  private async splitIfIdle(partition: Partition): Promise<void> {
    const { readState, scheduler } = this;
    const { preferred, min } = scheduler.limits.rowsPerPartition;
    const countIdle = (): number => scheduler.concurrency - readState.partitions.length;
    if (countIdle() <= 0 || partition.task.kind !== 'search' || !partition.remainingRange) return;
    const { total = maxReportedTotal, rows: read } = partition;
    if (total < maxReportedTotal && total - read < min) return;
    if (partition.task.to === undefined && readState.endKey === undefined) await this.findEndKey(partition.task);
    const end = readState.endKey ?? undefined;
    const rows = estimateRemainingRows(partition, end);
    const few = Math.min(Math.floor(rows / min), 1 + this.splitsLeft);
    const parts = Math.min(countIdle() + 1, Math.max(Math.floor(rows / preferred), few));
    if (parts < 2) return;
    const [first, ...others] = splitPartition(partition, parts, end ?? partition.remainingRange.nextKey);
    if (!first) return;
    readState.partitions.splice(readState.partitions.indexOf(partition), 1, first, ...others);
    readState.splits += others.length;
  }

  private get splitsLeft(): number {
    const pages = this.stream.pages + sum(this.rowsLeftByPartition) / newRowsPerPage;
    const { base, perPage } = extraSplitAllowance;
    return Math.max(0, base + Math.floor(pages * perPage) - this.readState.splits);
  }

  private async findEndKey({ stream, key, from, to }: SearchTask): Promise<void> {
    const task: SearchEndTask = {
      kind: 'search-end',
      stream,
      key,
      ...(from === undefined ? {} : { from }),
      ...(typeof to === 'string' ? { to } : {}),
    };
    const request = { task, cursor: null, budget: { pages: 1 }, detail: `latest ${key}` };
    while (this.readState.endKey === undefined) {
      await this.runFetch(request, ({ done, endKey }) => {
        if (done) this.readState.endKey = endKey ?? null;
      });
    }
  }

  private async runFetch(
    { budget, ...request }: PartitionFetch,
    apply: (result: FetchResult) => Promise<void> | void,
  ): Promise<void> {
    const { scheduler, stream } = this;
    const whole = { ...scheduler.limits.fetchBudget, ...budget };
    await scheduler.run({ ...request, budget: whole, name: stream.stream.name, streams: [stream] }, (result) => {
      stream.addCounts(result.counts);
      return apply(result);
    });
  }
}

/** A fetch of one partition; its budget is what differs from the configured one. */
type PartitionFetch = Pick<FetchRequest, 'task' | 'cursor' | 'delivered' | 'detail'> & { budget: Partial<FetchBudget> };

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
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
