import { condition, isCancellation } from '@temporalio/workflow';
import type { FetchResult } from '../activities/fetch-contract';
import { buildState } from '../airbyte/stream-state';
import type { FetchCounts, StreamFailure, StreamState } from '../protocol';
import { countRecords, type Segment } from '../staging/segment';
import { type ChildrenTask, parentIndexName } from '../streams/fetch-task';
import type { AuditPart, ReadInput, StreamResult } from './contract';
import type { ConcurrencyPool, FetchScheduler } from './fetch-scheduler';
import {
  type ChildBatch,
  createParentReadState,
  groupReadings,
  type ListPosition,
  type ParentReadState,
  pickDelivered,
  type Reading,
  type ReadingState,
} from './parent-read-state';
import { type Continuation, type ReaderContext, runReadWorkflow, type StreamReader } from './read-workflow';
import type { StreamRun } from './stream-delivery';
import { toStreamFailure } from './sync-outcome';

/** Reads a parent list and the child lists of its rows, as far as their streams are part of the sync. */
export function parentWorkflow(
  input: ReadInput,
  continuation?: Continuation<ParentReadState>,
): Promise<StreamResult[]> {
  return runReadWorkflow(input, continuation, (context, readState) => new ParentReader(context, readState));
}

/**
 * List pages of a fetch while child lists are read as well. The first fetch provides work for all child fetches at once.
 * Later ones read a few pages, to keep the resume points close together.
 */
const listPagesPerFetch = { first: 1, later: 5 };

/** Less work than this is not worth a fetch and its deliveries, ms. */
const minBatchMs = 500;

/**
 * Reads the list of a parent stream and, concurrently, the child lists of the parents listed so far. The parent list is
 * read in any case, since its index of ids leads to the child lists. Failures end the streams that they concern.
 */
export class ParentReader implements StreamReader<ParentReadState> {
  readonly readState: ParentReadState;
  private readonly scheduler: FetchScheduler;
  private readonly pool: ConcurrencyPool<ChildBatch>;
  /** Name of the parent stream. */
  private readonly parentName: string;
  /** The parent stream, when it is part of the sync. */
  private readonly parent: StreamRun | undefined;
  private readonly readings: Reading[];

  constructor(
    private readonly context: ReaderContext,
    carried: ParentReadState | undefined,
  ) {
    const { input, streams, scheduler } = context;
    this.readState = carried ?? createParentReadState(context);
    this.scheduler = scheduler;
    const parentIndex = input.streams.findIndex(({ reader }) => reader === 'parent');
    this.parent = streams[parentIndex];
    this.parentName = this.parent?.stream.name ?? input.streams[0]?.parent ?? '';
    this.readings = groupReadings(streams, input.streams);
    this.pool = scheduler.createPool(
      () => this.openBatches,
      () => this.openReadings.length === 0 || this.isDone,
    );
  }

  async read(): Promise<void> {
    await Promise.all([this.readParentList(), this.readChildren()]);
  }

  get isDone(): boolean {
    return this.readState.list.done && this.openBatches.length === 0;
  }

  /** The requests of a reading are counted for its first stream. */
  countRequestsLeft(stream: StreamRun): number | undefined {
    if (!this.readState.list.done) return undefined;
    const reading = this.findReading(stream);
    return reading?.streams[0] === stream ? this.countParentsLeft(reading) : 0;
  }

  buildStreamState(stream: StreamRun, records: number): StreamState {
    const { syncId } = stream.stream;
    const { list } = this.readState;
    const reading = this.findReading(stream);
    const [batch] = reading ? this.listBatches(reading) : [];
    const { cursor, fetches } = batch?.resumePoint ?? list;
    const finished = list.done && batch === undefined;
    return buildState({
      records,
      finished,
      ...(syncId === undefined ? {} : { syncId, cursor: { kind: 'parents', cursor, fetches } }),
    });
  }

  buildAudit(stream: StreamRun): AuditPart[] {
    const reading = this.findReading(stream);
    if (!reading) return [{ part: 'the list', rows: this.readState.parents }];
    const { lists, rows, sideIndexAudit } = this.stateOf(reading);
    const { indexed } = reading;
    const index = indexed?.stream === stream && sideIndexAudit ? [{ part: indexed.label, ...sideIndexAudit }] : [];
    const part = `${reading.name} of ${lists} ${this.parentName}`;
    // After a failure, the rows were delivered to the other streams only.
    return [...index, ...(stream.hasFailed ? [] : [{ part, rows }])];
  }

  private get openReadings(): Reading[] {
    return this.readings.filter(({ streams }) => streams.some(({ isOpen }) => isOpen));
  }

  /** Batches of which a stream is still open. */
  private get openBatches(): ChildBatch[] {
    const open = this.openReadings.map(({ name }) => name);
    return this.readState.batches.filter(({ reading }) => open.includes(reading));
  }

  private get allStreams(): readonly StreamRun[] {
    return this.context.streams;
  }

  private findReading(stream: StreamRun): Reading | undefined {
    return this.readings.find(({ streams }) => streams.includes(stream));
  }

  private stateOf({ name }: Reading): ReadingState {
    return this.readState.readings[name] as ReadingState;
  }

  private listBatches({ name }: Reading): ChildBatch[] {
    return this.readState.batches.filter(({ reading }) => reading === name);
  }

  private countParentsLeft(reading: Reading): number {
    return this.listBatches(reading).reduce((sum, { parents }) => sum + parents.count, 0);
  }

  private failStreams(streams: readonly StreamRun[], failure: StreamFailure): void {
    for (const stream of streams.filter(({ isOpen }) => isOpen)) {
      stream.fail(failure, this.buildStreamState(stream, stream.enqueuedRecords));
    }
    this.context.onChange();
  }

  private async readParentList(): Promise<void> {
    const { readState, scheduler } = this;
    const isNeeded = (): boolean => this.allStreams.some(({ isOpen }) => isOpen);
    while (!readState.list.done && isNeeded() && !scheduler.shouldStop) {
      try {
        await this.fetchParents();
      } catch (error) {
        if (isCancellation(error)) throw error;
        return this.failStreams(this.allStreams, toStreamFailure(error));
      }
      await condition(
        () => this.pool.waiting < 2 * scheduler.concurrency || this.openReadings.length === 0 || scheduler.shouldStop,
      );
    }
  }

  private async fetchParents(): Promise<void> {
    const { readState, parent, parentName, scheduler } = this;
    const { cursor, fetches, delivered } = readState.list;
    const { fetchBudget } = scheduler.limits;
    const pages = fetches === 0 ? listPagesPerFetch.first : listPagesPerFetch.later;
    const request = {
      name: parentName,
      task: { kind: 'parents', stream: parentName, emit: parent?.isOpen === true } as const,
      cursor,
      budget: this.openReadings.length === 0 ? fetchBudget : { ...fetchBudget, pages },
      delivered,
      streams: this.allStreams,
    };
    await scheduler.run(request, async (result) => {
      const { done, counts, segments } = result;
      readState.list = { cursor: result.cursor, fetches: fetches + 1, done, ...pickDelivered(result, delivered) };
      readState.parents += counts.rows;
      // The first and the last parents are spread over all fetches; in between there is other work.
      this.enqueueBatches(segments, { cursor, fetches }, fetches === 0 || done);
      (parent ?? this.allStreams[0])?.addCounts(counts);
      await this.enqueueRecords(parent ? [parent] : [], segments);
    });
  }

  private enqueueBatches(segments: readonly Segment[], resumePoint: ListPosition, spread: boolean): void {
    const { parentsPerBatch } = this.scheduler.limits;
    // Two for each fetch in flight: concurrency may still grow.
    const parts = 2 * this.scheduler.concurrency;
    const min = minBatchMs / Math.max(1, this.scheduler.latencyMs);
    for (const segment of segments.filter((each) => each.stream === parentIndexName)) {
      const share = spread ? Math.max(segment.records / parts, min) : parentsPerBatch;
      const size = Math.min(parentsPerBatch, Math.ceil(share));
      for (let first = 0; first < segment.records; first += size) {
        const parents = { segment, first, count: Math.min(size, segment.records - first) };
        for (const { name: reading } of this.openReadings) {
          this.readState.batches.push({ reading, parents, resumePoint, cursor: null });
        }
      }
    }
  }

  private async readChildren(): Promise<void> {
    // Before any child list, because every fetch may need it.
    await Promise.all(this.readings.map((reading) => this.readSideIndex(reading)));
    await this.pool.run(async (batch) => {
      const streams = this.openStreamsOf(batch);
      try {
        await this.readBatch(batch, streams);
      } catch (error) {
        if (isCancellation(error)) throw error;
        const failure = toStreamFailure(error);
        // The stream that needs the most scopes fails, and the batch is read again without it.
        this.failStreams(failure.type === 'MissingScope' ? streams.slice(-1) : streams, failure);
      }
    });
  }

  private openStreamsOf(batch: ChildBatch): StreamRun[] {
    const reading = this.readings.find(({ name }) => name === batch.reading);
    return (reading?.streams ?? []).filter(({ isOpen }) => isOpen);
  }

  private async readSideIndex(reading: Reading): Promise<void> {
    const state = this.stateOf(reading);
    const { stream, name } = reading.indexed ?? {};
    if (!stream?.isOpen || name === undefined || state.sideIndex !== undefined) return;
    const task = { kind: 'side-index', stream: stream.stream.name } as const;
    const budget = this.scheduler.limits.fetchBudget;
    const segments: Segment[] = [];
    let position: Pick<FetchResult, 'cursor' | 'done'> = { cursor: null, done: false };
    try {
      while (!position.done) {
        const { cursor } = position;
        await this.scheduler.run({ name, task, cursor, budget, streams: [stream] }, (result) => {
          stream.addCounts(result.counts);
          const { rows, total = result.total } = state.sideIndexAudit ?? { rows: 0 };
          state.sideIndexAudit = { rows: rows + result.counts.rows, ...(total === undefined ? {} : { total }) };
          segments.push(...result.segments);
          position = result;
        });
      }
      state.sideIndex = segments;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const failure = toStreamFailure(error);
      if (failure.type === 'MissingScope') state.sideIndex = null;
      else this.failStreams([stream], failure);
    }
  }

  private async readBatch(batch: ChildBatch, streams: readonly StreamRun[]): Promise<void> {
    const { readState, scheduler, context } = this;
    const state = readState.readings[batch.reading] as ReadingState;
    const task: ChildrenTask = {
      kind: 'children',
      streams: streams.map(({ stream }) => stream.name),
      parents: batch.parents,
      sideIndex: state.sideIndex ?? null,
      readOptions: context.input.readOptions,
    };
    const { cursor, delivered } = batch;
    const budget = scheduler.limits.childFetchBudget;
    await scheduler.run({ name: batch.reading, task, cursor, budget, delivered, streams }, async (result) => {
      batch.cursor = result.cursor;
      Object.assign(batch, pickDelivered(result));
      state.rows += result.counts.rows;
      if (result.done) {
        state.lists += batch.parents.count;
        readState.batches = readState.batches.filter((each) => each !== batch);
      }
      this.countFetch(streams, result.counts);
      await this.enqueueRecords(streams, result.segments);
    });
  }

  private async enqueueRecords(streams: readonly StreamRun[], segments: readonly Segment[]): Promise<void> {
    for (const stream of streams.filter(({ isOpen }) => isOpen)) {
      const own = segments.filter((segment) => segment.stream === stream.stream.name);
      if (own.length === 0) continue;
      stream.setEstimate(this.estimateRecords(stream, own));
      stream.enqueue(own, (records) => this.buildStreamState(stream, records));
    }
    this.context.onChange();
    await Promise.all(streams.map((stream) => stream.waitForCapacity()));
  }

  /** Of a child stream, if the parents left have as many children as those read; undefined while unknown. */
  private estimateRecords(stream: StreamRun, own: readonly Segment[]): number | undefined {
    const reading = this.findReading(stream);
    if (!reading || !this.readState.list.done) return undefined;
    const { lists } = this.stateOf(reading);
    if (lists === 0) return undefined;
    const records = stream.enqueuedRecords + countRecords(own);
    return Math.round((records * (lists + this.countParentsLeft(reading))) / lists);
  }

  /** A fetch for several streams is counted for the first one; what concerns the records is counted for each. */
  private countFetch([first, ...others]: readonly StreamRun[], { undescribed, ...counts }: FetchCounts): void {
    first?.addCounts(counts);
    const { vanished, restarted, skippedRecords } = counts;
    for (const each of others) each.addCounts({ vanished, restarted, skippedRecords });
    const indexed = first && this.findReading(first)?.indexed?.stream;
    if (indexed && (indexed === first || others.includes(indexed))) indexed.addCounts({ undescribed });
  }
}
