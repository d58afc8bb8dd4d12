import { condition, isCancellation } from '@temporalio/workflow';
import type { SliceLimits, SliceResult } from '../activities/slice';
import { buildState, readResume } from '../airbyte/state';
import type { Json } from '../json';
import type { StreamFailure, StreamState } from '../sinks/sink';
import { recordsIn, type Segment } from '../staging/segment';
import type { SliceCounts } from '../streams/counts';
import type { RolesSource } from '../streams/options';
import { lastDelivered, organizationIndex, roleIndex, type MembersTask, type Task } from '../streams/task';
import type { FetchSlice } from './activities';
import type { AuditPart, SyncLimits } from './contract';
import { failureOf } from './failure';
import { Lanes, lanesFor } from './lanes';
import { waitForLimit } from './limit';
import { listPlaceIn, type ListPlace } from './place';
import type { StreamRun } from './stream-run';

/**
 * List pages in a slice while members are read too. The first one brings work for all lanes at once; then there is enough
 * for a while, and fewer places where a later attempt could go on.
 */
const listPagesAhead = { first: 1, later: 5 };

/** Less work than this is not worth a slice and its deliveries, ms. */
const leastBatchMs = 500;

/** Some organizations whose members one chain of slices reads. */
interface Batch {
  organizations: MembersTask['organizations'];
  /** Place in the list before the slice that found these organizations: where a later attempt would go on. */
  listed: ListPlace;
  cursor: Json;
  /** See SliceInput.delivered. */
  delivered?: Segment;
}

/** Where the reading of the family stands; carried through continue-as-new. */
export interface FamilyReading {
  list: ListPlace & { done: boolean; delivered?: Segment };
  /** Role index; undefined until it has been read, null when the token may not read it. */
  roles?: Segment[] | null;
  /** Batches not read to their end, in list order. */
  batches: Batch[];
  /** Slices so far, of any kind; numbers the next one. */
  slices: number;
  audit: FamilyAudit;
}

/** Rows so far, by what was read. */
interface FamilyAudit {
  organizations: number;
  /** Of the tenant's own; absent: not asked for. */
  roles?: { rows: number; total?: number };
  /** Organizations whose member lists were read, and what those brought. */
  lists: number;
  members: number;
}

/** The place that all the given states have passed, when each was left by an earlier attempt of the same job. */
export function resumePlace(runs: readonly StreamRun[], states: Record<string, StreamState>): FamilyReading {
  const places = runs
    .filter((each) => each.open)
    .map(({ stream }) => {
      const resume = readResume(states[stream.name], stream.syncId);
      return resume && listPlaceIn(resume);
    });
  const start: ListPlace = { cursor: null, slices: 0 };
  const place = places.reduce<ListPlace>(
    (least, each) => (!each ? start : each.slices < least.slices ? each : least),
    places[0] ?? start,
  );
  return {
    list: { ...place, done: false },
    batches: [],
    slices: 0,
    audit: { organizations: 0, lists: 0, members: 0 },
  };
}

/**
 * Reads the list of organizations, and side by side the members of those already listed. Every method goes on until its
 * part is done, `paused` says stop, or its streams have failed; failures stay with the streams they concern.
 */
export class Family {
  private readonly lanes: Lanes<Batch>;
  /** As the newest slice has told it. */
  private concurrency: number | undefined;
  /** Likewise; while it is not known, no batch is too small. */
  private latencyMs = Infinity;

  constructor(
    readonly reading: FamilyReading,
    /** The `organizations` stream, when it is wanted. */
    private readonly organizations: StreamRun | undefined,
    /** The member streams that are wanted; the one that needs the most scopes last. */
    private readonly members: readonly StreamRun[],
    private readonly rolesSource: RolesSource,
    private readonly fetch: FetchSlice,
    private readonly limits: SyncLimits,
    private readonly paused: () => boolean,
    private readonly changed: () => void,
  ) {
    const stopped = (): boolean => this.openMembers.length === 0 || this.paused();
    this.lanes = new Lanes(
      () => this.laneCount,
      () => reading.batches,
      () => stopped() || this.done,
    );
  }

  async read(): Promise<void> {
    await Promise.all([this.list(), this.readMembers()]);
  }

  /** True when every stream that has not failed is read to its end. */
  get done(): boolean {
    return this.reading.list.done && (this.openMembers.length === 0 || this.reading.batches.length === 0);
  }

  /** What a state of the given stream would hold after `records` records. */
  stateOf(run: StreamRun, records: number): StreamState {
    const { syncId } = run.stream;
    const { cursor, slices } =
      run === this.organizations ? this.reading.list : (this.reading.batches[0]?.listed ?? this.reading.list);
    const finished = run === this.organizations ? this.reading.list.done : this.done;
    return buildState({ records, finished, ...(syncId === undefined ? {} : { syncId, cursor: { cursor, slices } }) });
  }

  /**
   * Requests for the member lists of the organizations that are listed and not read yet, a page each; undefined while
   * nobody knows how many more there are.
   */
  get requestsLeft(): number | undefined {
    const { list, batches } = this.reading;
    return list.done ? batches.reduce((sum, { organizations }) => sum + organizations.count, 0) : undefined;
  }

  /** What a stream was read in. */
  auditOf({ stream, failed }: StreamRun): AuditPart[] {
    const { organizations, roles, lists, members } = this.reading.audit;
    if (stream.reach === 'organization') return [{ part: 'the list', rows: organizations }];
    // What was read went to the others.
    const read: AuditPart[] = failed ? [] : [{ part: `members of ${lists} organizations`, rows: members }];
    const isRoles = stream.name === 'organization_member_roles';
    return [...(isRoles && roles ? [{ part: "the tenant's roles", ...roles }] : []), ...read];
  }

  private get laneCount(): number {
    return lanesFor(this.limits.lanes, this.concurrency);
  }

  private get openMembers(): StreamRun[] {
    return this.members.filter((each) => each.open);
  }

  private fail(runs: readonly StreamRun[], failure: StreamFailure): void {
    for (const run of runs.filter((each) => each.open)) run.fail(failure, this.stateOf(run, run.records));
    this.changed();
  }

  private async list(): Promise<void> {
    const { reading, limits } = this;
    const wanted = (): boolean => this.organizations?.open === true || this.openMembers.length > 0;
    while (!reading.list.done && wanted() && !this.paused()) {
      const { cursor, slices, delivered } = reading.list;
      try {
        const slice = await this.slice(
          'organizations',
          { kind: 'organizations', emit: this.organizations?.open === true },
          cursor,
          this.openMembers.length === 0
            ? limits.slice
            : { ...limits.slice, pages: slices === 0 ? listPagesAhead.first : listPagesAhead.later },
          delivered,
        );
        reading.list = {
          cursor: slice.cursor,
          slices: slices + 1,
          done: slice.done,
          ...deliveredBy(slice, delivered),
        };
        reading.audit.organizations += slice.counts.rows;
        this.paced(slice);
        // The first and the last ones are for all lanes; in between, other slices have work for them.
        this.addBatches(slice.segments, { cursor, slices }, slices === 0 || slice.done);
        (this.organizations ?? this.members[0])?.count(slice.counts);
        await this.hand(this.organizations ? [this.organizations] : [], slice.segments);
        await this.rest([...(this.organizations ? [this.organizations] : []), ...this.members], slice);
      } catch (error) {
        if (isCancellation(error)) throw error;
        return this.fail([...(this.organizations ? [this.organizations] : []), ...this.members], failureOf(error));
      }
      await condition(() => this.lanes.waiting < 2 * this.laneCount || this.openMembers.length === 0 || this.paused());
    }
  }

  private addBatches(segments: readonly Segment[], listed: ListPlace, even: boolean): void {
    if (this.openMembers.length === 0) return;
    const { organizationsPerBatch } = this.limits;
    // Two for each lane: there will be more lanes when more are of use.
    const parts = 2 * this.laneCount;
    const least = leastBatchMs / Math.max(1, this.latencyMs);
    for (const segment of segments.filter((each) => each.stream === organizationIndex)) {
      const share = even ? Math.max(segment.records / parts, least) : organizationsPerBatch;
      const size = Math.min(organizationsPerBatch, Math.ceil(share));
      for (let first = 0; first < segment.records; first += size) {
        const organizations = { segment, first, count: Math.min(size, segment.records - first) };
        this.reading.batches.push({ organizations, listed, cursor: null });
      }
    }
  }

  private async readMembers(): Promise<void> {
    await this.readRoles();
    await this.lanes.run(async (batch) => {
      const runs = this.openMembers;
      try {
        await this.readBatch(batch, runs);
      } catch (error) {
        if (isCancellation(error)) throw error;
        this.giveUp(runs, failureOf(error));
      }
    });
  }

  /** Before any batch, so that every slice can join the descriptions. */
  private async readRoles(): Promise<void> {
    const { reading } = this;
    const run = this.members.find((each) => each.stream.name === 'organization_member_roles' && each.open);
    // A role that is asked for by itself comes with its description.
    if (!run || reading.roles !== undefined || this.rolesSource === 'per_member') return;
    try {
      const segments: Segment[] = [];
      for (let cursor: Json = null, done = false; !done;) {
        const slice: SliceResult = await this.slice(roleIndex, { kind: 'roles' }, cursor, this.limits.slice);
        run.count(slice.counts);
        this.paced(slice);
        const { rows, total = slice.total } = reading.audit.roles ?? { rows: 0 };
        reading.audit.roles = { rows: rows + slice.counts.rows, ...(total === undefined ? {} : { total }) };
        segments.push(...slice.segments);
        ({ cursor, done } = slice);
        await this.rest([run], slice);
      }
      reading.roles = segments;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const failure = failureOf(error);
      if (failure.type === 'MissingScope') reading.roles = null;
      else this.fail([run], failure);
    }
  }

  private async readBatch(batch: Batch, runs: readonly StreamRun[]): Promise<void> {
    const task: MembersTask = {
      kind: 'members',
      streams: runs.map((each) => each.stream.name),
      organizations: batch.organizations,
      rolesSource: this.rolesSource,
      roles: this.reading.roles ?? null,
    };
    const { batches, audit } = this.reading;
    const slice = await this.slice('members', task, batch.cursor, this.limits.memberSlice, batch.delivered);
    batch.cursor = slice.cursor;
    Object.assign(batch, deliveredBy(slice));
    audit.members += slice.counts.rows;
    if (slice.done) {
      audit.lists += batch.organizations.count;
      batches.splice(batches.indexOf(batch), 1);
    }
    this.count(runs, slice.counts);
    this.paced(slice);
    await this.hand(runs, slice.segments);
    await this.rest(runs, slice);
  }

  private paced({ pace, concurrency, latencyMs = Infinity }: SliceResult): void {
    this.concurrency = concurrency;
    this.latencyMs = latencyMs;
    for (const run of this.members) run.paced(pace);
    this.organizations?.paced(pace);
  }

  private async rest(runs: readonly StreamRun[], { waitUntil }: SliceResult): Promise<void> {
    if (waitUntil !== undefined) await waitForLimit(runs, waitUntil, this.changed);
  }

  /**
   * Without a scope, members can still be read when only their roles ask for it: of the streams that were asked for,
   * the one that needs the most scopes is given up, and the batch read again without it.
   */
  private giveUp(asked: readonly StreamRun[], failure: StreamFailure): void {
    this.fail(failure.type === 'MissingScope' ? asked.slice(-1) : asked, failure);
  }

  private async hand(runs: readonly StreamRun[], segments: readonly Segment[]): Promise<void> {
    for (const run of runs.filter((each) => each.open)) {
      const own = segments.filter((each) => each.stream === run.stream.name);
      if (own.length === 0) continue;
      run.expects(this.recordsExpected(run, own));
      run.hand(own, (records) => this.stateOf(run, records));
    }
    this.changed();
    await Promise.all(runs.map((run) => run.room()));
  }

  /** Of a member stream, if the organizations that are left have as many as those read; undefined while that can't be told. */
  private recordsExpected(run: StreamRun, own: readonly Segment[]): number | undefined {
    const { lists } = this.reading.audit;
    const left = this.requestsLeft;
    if (run === this.organizations || left === undefined || lists === 0) return undefined;
    return Math.round(((run.records + recordsIn(own)) * (lists + left)) / lists);
  }

  /** One reading fills several streams: it is counted once, but what is amiss is amiss in each. */
  private count([first, ...others]: readonly StreamRun[], { undescribed, ...counts }: SliceCounts): void {
    first?.count(counts);
    const { vanished, restarted, unread } = counts;
    for (const each of others) each.count({ vanished, restarted, unread });
    const withRoles = [first, ...others].find((each) => each?.stream.name === 'organization_member_roles');
    withRoles?.count({ undescribed });
  }

  private slice(
    name: string,
    task: Task,
    cursor: Json,
    limits: SliceLimits,
    delivered?: Segment,
  ): Promise<SliceResult> {
    const slice = `${name}-${this.reading.slices}`;
    this.reading.slices += 1;
    return this.fetch(`${name} · slice ${this.reading.slices}`, {
      slice,
      task,
      cursor,
      limits,
      ...(delivered && { delivered }),
    });
  }
}

/** @param before what earlier slices left */
function deliveredBy({ segments }: SliceResult, before?: Segment): { delivered?: Segment } {
  const delivered = lastDelivered(segments) ?? before;
  return delivered ? { delivered } : {};
}
