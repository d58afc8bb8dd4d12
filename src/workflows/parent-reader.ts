import { condition, isCancellation } from '@temporalio/workflow';
import type { FetchBudget, FetchResult } from '../activities/fetch-contract';
import { buildState, readJobProgress } from '../airbyte/stream-state';
import type { Json } from '../json';
import type { FetchCounts, StreamFailure, StreamState } from '../protocol';
import { countRecords, type Segment } from '../staging/segment';
import {
  type FetchTask,
  findLastDelivered,
  type MembersTask,
  organizationIndexName,
  roleIndexName,
  type RolesSource,
} from '../streams/fetch-task';
import type { FetchPages } from './activity-proxies';
import type { AuditPart, SyncLimits } from './contract';
import { clampConcurrency, ConcurrencyPool } from './flow-control';
import { type ListResumePoint, parseListResumePoint } from './resume-point';
import { type StreamRun, waitForRateLimit } from './stream-delivery';
import { toStreamFailure } from './sync-outcome';

/**
 * List pages in a slice while members are read too. The first one brings work for all lanes at once; then there is enough
 * for a while, and fewer places where a later attempt could go on.
 */
const listPagesPerFetch = { first: 1, later: 5 };

/** Less work than this is not worth a slice and its deliveries, ms. */
const minBatchMs = 500;

/** Some organizations whose members one chain of slices reads. */
interface ChildBatch {
  organizations: MembersTask['organizations'];
  /** Place in the list before the slice that found these organizations: where a later attempt would go on. */
  resumePoint: ListResumePoint;
  cursor: Json;
  /** See SliceInput.delivered. */
  delivered?: Segment;
}

/** Where the reading of the family stands; carried through continue-as-new. */
export interface ParentReadState {
  list: ListResumePoint & { done: boolean; delivered?: Segment };
  /** Role index; undefined until it has been read, null when the token may not read it. */
  roles?: Segment[] | null;
  /** Batches not read to their end, in list order. */
  batches: ChildBatch[];
  /** Slices so far, of any kind; numbers the next one. */
  fetches: number;
  audit: ParentReadAudit;
}

/** Rows so far, by what was read. */
interface ParentReadAudit {
  organizations: number;
  /** Of the tenant's own; absent: not asked for. */
  roles?: { rows: number; total?: number };
  /** Organizations whose member lists were read, and what those brought. */
  memberLists: number;
  members: number;
}

/** The place that all the given states have passed, when each was left by an earlier attempt of the same job. */
export function createParentReadState(
  runs: readonly StreamRun[],
  states: Record<string, StreamState>,
): ParentReadState {
  const places = runs
    .filter((each) => each.isOpen)
    .map(({ stream }) => {
      const resume = readJobProgress(states[stream.name], stream.syncId);
      return resume && parseListResumePoint(resume);
    });
  const start: ListResumePoint = { cursor: null, fetches: 0 };
  const place = places.reduce<ListResumePoint>(
    (least, each) => (!each ? start : each.fetches < least.fetches ? each : least),
    places[0] ?? start,
  );
  return {
    list: { ...place, done: false },
    batches: [],
    fetches: 0,
    audit: { organizations: 0, memberLists: 0, members: 0 },
  };
}

/**
 * Reads the list of organizations, and side by side the members of those already listed. Every method goes on until its
 * part is done, `paused` says stop, or its streams have failed; failures stay with the streams they concern.
 */
export class ParentReader {
  private readonly pool: ConcurrencyPool<ChildBatch>;
  /** As the newest slice has told it. */
  private suggestedConcurrency: number | undefined;
  /** Likewise; while it is not known, no batch is too small. */
  private latencyMs = Infinity;

  constructor(
    readonly readState: ParentReadState,
    /** The `organizations` stream, when it is wanted. */
    private readonly parent: StreamRun | undefined,
    /** The member streams that are wanted; the one that needs the most scopes last. */
    private readonly children: readonly StreamRun[],
    private readonly rolesSource: RolesSource,
    private readonly fetch: FetchPages,
    private readonly limits: SyncLimits,
    private readonly shouldStop: () => boolean,
    private readonly onChange: () => void,
  ) {
    const stopped = (): boolean => this.openChildren.length === 0 || this.shouldStop();
    this.pool = new ConcurrencyPool(
      () => this.currentConcurrency,
      () => readState.batches,
      () => stopped() || this.done,
    );
  }

  async read(): Promise<void> {
    await Promise.all([this.readParentList(), this.readChildren()]);
  }

  /** True when every stream that has not failed is read to its end. */
  get done(): boolean {
    return this.readState.list.done && (this.openChildren.length === 0 || this.readState.batches.length === 0);
  }

  /** What a state of the given stream would hold after `records` records. */
  buildStreamState(run: StreamRun, records: number): StreamState {
    const { syncId } = run.stream;
    const { cursor, fetches } =
      run === this.parent ? this.readState.list : (this.readState.batches[0]?.resumePoint ?? this.readState.list);
    const finished = run === this.parent ? this.readState.list.done : this.done;
    return buildState({
      records,
      finished,
      ...(syncId === undefined ? {} : { syncId, cursor: { cursor, fetches } }),
    });
  }

  /**
   * Requests for the member lists of the organizations that are listed and not read yet, a page each; undefined while
   * nobody knows how many more there are.
   */
  get requestsLeft(): number | undefined {
    const { list, batches } = this.readState;
    return list.done ? batches.reduce((sum, { organizations }) => sum + organizations.count, 0) : undefined;
  }

  /** What a stream was read in. */
  buildAudit({ stream, hasFailed }: StreamRun): AuditPart[] {
    const { organizations, roles, memberLists, members } = this.readState.audit;
    if (stream.reader === 'organization') return [{ part: 'the list', rows: organizations }];
    // What was read went to the others.
    const read: AuditPart[] = hasFailed ? [] : [{ part: `members of ${memberLists} organizations`, rows: members }];
    const isRoles = stream.name === 'organization_member_roles';
    return [...(isRoles && roles ? [{ part: "the tenant's roles", ...roles }] : []), ...read];
  }

  private get currentConcurrency(): number {
    return clampConcurrency(this.limits.concurrency, this.suggestedConcurrency);
  }

  private get openChildren(): StreamRun[] {
    return this.children.filter((each) => each.isOpen);
  }

  private failStreams(runs: readonly StreamRun[], failure: StreamFailure): void {
    for (const run of runs.filter((each) => each.isOpen))
      run.fail(failure, this.buildStreamState(run, run.enqueuedRecords));
    this.onChange();
  }

  private async readParentList(): Promise<void> {
    const { readState, limits } = this;
    const wanted = (): boolean => this.parent?.isOpen === true || this.openChildren.length > 0;
    while (!readState.list.done && wanted() && !this.shouldStop()) {
      const { cursor, fetches, delivered } = readState.list;
      try {
        const slice = await this.runFetch(
          'organizations',
          { kind: 'organizations', emit: this.parent?.isOpen === true },
          cursor,
          this.openChildren.length === 0
            ? limits.fetchBudget
            : { ...limits.fetchBudget, pages: fetches === 0 ? listPagesPerFetch.first : listPagesPerFetch.later },
          delivered,
        );
        readState.list = {
          cursor: slice.cursor,
          fetches: fetches + 1,
          done: slice.done,
          ...pickDelivered(slice, delivered),
        };
        readState.audit.organizations += slice.counts.rows;
        this.recordPace(slice);
        // The first and the last ones are for all lanes; in between, other slices have work for them.
        this.enqueueBatches(slice.segments, { cursor, fetches }, fetches === 0 || slice.done);
        (this.parent ?? this.children[0])?.addCounts(slice.counts);
        await this.enqueueRecords(this.parent ? [this.parent] : [], slice.segments);
        await this.waitIfRateLimited([...(this.parent ? [this.parent] : []), ...this.children], slice);
      } catch (error) {
        if (isCancellation(error)) throw error;
        return this.failStreams([...(this.parent ? [this.parent] : []), ...this.children], toStreamFailure(error));
      }
      await condition(
        () => this.pool.waiting < 2 * this.currentConcurrency || this.openChildren.length === 0 || this.shouldStop(),
      );
    }
  }

  private enqueueBatches(segments: readonly Segment[], resumePoint: ListResumePoint, even: boolean): void {
    if (this.openChildren.length === 0) return;
    const { organizationsPerBatch } = this.limits;
    // Two for each lane: there will be more lanes when more are of use.
    const parts = 2 * this.currentConcurrency;
    const least = minBatchMs / Math.max(1, this.latencyMs);
    for (const segment of segments.filter((each) => each.stream === organizationIndexName)) {
      const share = even ? Math.max(segment.records / parts, least) : organizationsPerBatch;
      const size = Math.min(organizationsPerBatch, Math.ceil(share));
      for (let first = 0; first < segment.records; first += size) {
        const organizations = { segment, first, count: Math.min(size, segment.records - first) };
        this.readState.batches.push({ organizations, resumePoint, cursor: null });
      }
    }
  }

  private async readChildren(): Promise<void> {
    await this.readRoles();
    await this.pool.run(async (batch) => {
      const runs = this.openChildren;
      try {
        await this.readBatch(batch, runs);
      } catch (error) {
        if (isCancellation(error)) throw error;
        this.failForBatch(runs, toStreamFailure(error));
      }
    });
  }

  /** Before any batch, so that every slice can join the descriptions. */
  private async readRoles(): Promise<void> {
    const { readState } = this;
    const run = this.children.find((each) => each.stream.name === 'organization_member_roles' && each.isOpen);
    // A role that is asked for by itself comes with its description.
    if (!run || readState.roles !== undefined || this.rolesSource === 'per_member') return;
    try {
      const segments: Segment[] = [];
      for (let cursor: Json = null, done = false; !done;) {
        const slice: FetchResult = await this.runFetch(
          roleIndexName,
          { kind: 'roles' },
          cursor,
          this.limits.fetchBudget,
        );
        run.addCounts(slice.counts);
        this.recordPace(slice);
        const { rows, total = slice.total } = readState.audit.roles ?? { rows: 0 };
        readState.audit.roles = { rows: rows + slice.counts.rows, ...(total === undefined ? {} : { total }) };
        segments.push(...slice.segments);
        ({ cursor, done } = slice);
        await this.waitIfRateLimited([run], slice);
      }
      readState.roles = segments;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const failure = toStreamFailure(error);
      if (failure.type === 'MissingScope') readState.roles = null;
      else this.failStreams([run], failure);
    }
  }

  private async readBatch(batch: ChildBatch, runs: readonly StreamRun[]): Promise<void> {
    const task: MembersTask = {
      kind: 'members',
      streams: runs.map((each) => each.stream.name),
      organizations: batch.organizations,
      rolesSource: this.rolesSource,
      roles: this.readState.roles ?? null,
    };
    const { batches, audit } = this.readState;
    const slice = await this.runFetch('members', task, batch.cursor, this.limits.memberFetchBudget, batch.delivered);
    batch.cursor = slice.cursor;
    Object.assign(batch, pickDelivered(slice));
    audit.members += slice.counts.rows;
    if (slice.done) {
      audit.memberLists += batch.organizations.count;
      batches.splice(batches.indexOf(batch), 1);
    }
    this.countFetch(runs, slice.counts);
    this.recordPace(slice);
    await this.enqueueRecords(runs, slice.segments);
    await this.waitIfRateLimited(runs, slice);
  }

  private recordPace({ pace, concurrency, latencyMs = Infinity }: FetchResult): void {
    this.suggestedConcurrency = concurrency;
    this.latencyMs = latencyMs;
    for (const run of this.children) run.setPace(pace);
    this.parent?.setPace(pace);
  }

  private async waitIfRateLimited(runs: readonly StreamRun[], { waitUntil }: FetchResult): Promise<void> {
    if (waitUntil !== undefined) await waitForRateLimit(runs, waitUntil, this.onChange);
  }

  /**
   * Without a scope, members can still be read when only their roles ask for it: of the streams that were asked for,
   * the one that needs the most scopes is given up, and the batch read again without it.
   */
  private failForBatch(asked: readonly StreamRun[], failure: StreamFailure): void {
    this.failStreams(failure.type === 'MissingScope' ? asked.slice(-1) : asked, failure);
  }

  private async enqueueRecords(runs: readonly StreamRun[], segments: readonly Segment[]): Promise<void> {
    for (const run of runs.filter((each) => each.isOpen)) {
      const own = segments.filter((each) => each.stream === run.stream.name);
      if (own.length === 0) continue;
      run.setEstimate(this.estimateRecords(run, own));
      run.enqueue(own, (records) => this.buildStreamState(run, records));
    }
    this.onChange();
    await Promise.all(runs.map((run) => run.waitForCapacity()));
  }

  /** Of a member stream, if the organizations that are left have as many as those read; undefined while that can't be told. */
  private estimateRecords(run: StreamRun, own: readonly Segment[]): number | undefined {
    const { memberLists } = this.readState.audit;
    const left = this.requestsLeft;
    if (run === this.parent || left === undefined || memberLists === 0) return undefined;
    return Math.round(((run.enqueuedRecords + countRecords(own)) * (memberLists + left)) / memberLists);
  }

  /** One reading fills several streams: it is counted once, but what is amiss is amiss in each. */
  private countFetch([first, ...others]: readonly StreamRun[], { undescribed, ...counts }: FetchCounts): void {
    first?.addCounts(counts);
    const { vanished, restarted, skippedRecords } = counts;
    for (const each of others) each.addCounts({ vanished, restarted, skippedRecords });
    const withRoles = [first, ...others].find((each) => each?.stream.name === 'organization_member_roles');
    withRoles?.addCounts({ undescribed });
  }

  private runFetch(
    name: string,
    task: FetchTask,
    cursor: Json,
    budget: FetchBudget,
    delivered?: Segment,
  ): Promise<FetchResult> {
    const fetchId = `${name}-${this.readState.fetches}`;
    this.readState.fetches += 1;
    return this.fetch(`${name} · slice ${this.readState.fetches}`, {
      fetchId,
      task,
      cursor,
      budget,
      ...(delivered && { delivered }),
    });
  }
}

/** @param before what earlier slices left */
function pickDelivered({ segments }: FetchResult, before?: Segment): { delivered?: Segment } {
  const delivered = findLastDelivered(segments) ?? before;
  return delivered ? { delivered } : {};
}
