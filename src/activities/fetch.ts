import { activityInfo, CancelledFailure, Context } from '@temporalio/activity';
import { RateLimited, Transient } from '../auth0/errors';
import type { PacerSnapshot } from '../auth0/rate-limit/pacer';
import { defined, type Json } from '../json';
import type { Segment } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { addCounts, zeroCounts } from '../streams/counts';
import { deliveredIndexName, findLastDelivered } from '../streams/fetch-task';
import type { Reader, ReaderOutput } from '../streams/stream-reader';
import { isRetryable, toActivityFailure, withHeartbeats } from './activity-attempt';
import { AttemptWriter } from './attempt-writer';
import type { FetchInput, FetchResult, Pace } from './fetch-contract';
import { type PageResult, readNextPage } from './read-page';
import { createLookupResolver, type ResolveLookups } from './role-lookup';
import { createLinkOutput, createTaskReader, readDelivered } from './task-reader';
import type { Tenant } from './tenants';

export interface FetchDeps {
  getTenant(connection: string): Promise<Tenant>;
  staging: Staging;
  /**
   * Pages that arrive within this time, ms, become durable together. Default 250: the SDK throttles heartbeats to longer
   * intervals, and a page counts only once a heartbeat has reported it.
   */
  commitEveryMs?: number;
}

export interface FetchActivities {
  /** Reads pages of one task until the budget is used or everything is read, and stages their records. */
  fetchPages(input: FetchInput): Promise<FetchResult>;
  /** Deletes the segments of a run from staging. */
  discardRun(input: { run: string }): Promise<void>;
}

/** Times that one fetch restarts a list because its checkpoint token has expired. */
const maxRestarts = 2;

/** The activities of a process that sends requests to tenants. */
export function createFetchActivities(deps: FetchDeps): FetchActivities {
  const resolveLookups = createLookupResolver();
  return {
    fetchPages: (input) => new FetchAttempt({ ...deps, resolveLookups }, input).run(),
    discardRun: ({ run }) => deps.staging.removeRun(run),
  };
}

/** How far a fetch has read. */
interface FetchProgress extends Pick<FetchResult, 'cursor' | 'counts' | 'total'> {
  /** Consecutive attempts that read no page. */
  stalledAttempts: number;
  /** When the first of these failed, epoch ms. */
  stalledSince?: number;
}

/** The durable part of the progress. It is heartbeated, and the next attempt resumes from it. */
interface FetchCheckpoint extends FetchProgress {
  segments: Segment[];
}

/** One attempt at a fetch. */
class FetchAttempt {
  private readonly context = Context.current();
  private readonly startedAt = Date.now();
  private readonly writer: AttemptWriter;
  private readonly commitEveryMs: number;
  /** Segments of earlier attempts. */
  private readonly earlierSegments: readonly Segment[];
  private checkpoint: FetchCheckpoint;
  private progress: FetchProgress;
  /** The progress that the checkpoint contains. */
  private committed: { progress: FetchProgress; at: number };
  /** Segment of delivered rows that this attempt's first one has to name. */
  private previousIndex: Segment | undefined;
  private tenant: Tenant | undefined;

  constructor(
    private readonly deps: FetchDeps & { resolveLookups: ResolveLookups },
    private readonly input: FetchInput,
  ) {
    const info = activityInfo();
    this.checkpoint = (info.heartbeatDetails as FetchCheckpoint | undefined) ?? {
      cursor: input.cursor,
      segments: [],
      counts: { ...zeroCounts },
      stalledAttempts: 0,
    };
    const { segments, ...progress } = this.checkpoint;
    this.earlierSegments = segments;
    this.progress = progress;
    this.committed = { progress, at: this.startedAt };
    this.previousIndex = findLastDelivered(segments) ?? input.delivered;
    this.commitEveryMs = deps.commitEveryMs ?? 250;
    this.writer = new AttemptWriter(deps.staging, input, info.attempt);
  }

  async run(): Promise<FetchResult> {
    try {
      return await withHeartbeats(
        () => this.checkpoint,
        () => this.readPages(),
      );
    } catch (error) {
      throw await this.fail(error);
    } finally {
      await this.writer.close();
    }
  }

  private async readPages(): Promise<FetchResult> {
    const { resolveLookups, staging } = this.deps;
    const { connection, run, task } = this.input;
    const signal = this.context.cancellationSignal;
    const tenant = await this.deps.getTenant(connection);
    this.tenant = tenant;
    const reader = await createTaskReader(task, staging, tenant.client, signal);
    const context = { run, client: tenant.client, reader, resolveLookups, signal };
    const finish = async (cursor: Json): Promise<FetchResult> =>
      buildFetchResult(reader, cursor, await this.commit(), tenant);
    let delivered: ReadonlySet<string> | undefined;
    for (;;) {
      const cursor = this.progress.cursor ?? reader.start();
      if (reader.next(cursor) === undefined || this.isFull()) return finish(cursor);
      if (reader.isRestarted?.(cursor)) delivered ??= await this.readDelivered();
      let page: PageResult;
      try {
        page = await readNextPage(context, cursor, {
          delivered: delivered ?? new Set(),
          mayRestart: this.progress.counts.restarted < maxRestarts,
          mayQuarantine: this.progress.stalledAttempts > 0,
        });
      } catch (error) {
        if (isCancelRequest(error) && this.progress.counts.pages > 0) return finish(cursor);
        if (!(error instanceof RateLimited)) throw error;
        // While no page is read the cursor stays null: the next fetch is then still the first one of its task.
        return { ...(await finish(cursor)), cursor: this.progress.cursor, waitUntil: error.retryAt };
      }
      // After a restart, the rows delivered since the previous one count too.
      if (page.counts.restarted) delivered = undefined;
      await this.takePage(page);
    }
  }

  private async takePage(page: PageResult): Promise<void> {
    const at = Date.now();
    await this.writer.write(this.linkOutputs(page.outputs), at);
    const { counts, total } = this.progress;
    const isFirstPage = this.input.cursor === null && counts.pages === 0;
    this.progress = {
      cursor: page.cursor,
      counts: addCounts(counts, page.counts),
      stalledAttempts: 0,
      ...defined({ total: isFirstPage ? page.total : total }),
    };
    if (at - this.committed.at >= this.commitEveryMs) await this.commit();
  }

  /** The attempt's first output to the index of delivered rows follows a link to the segment before it. */
  private linkOutputs(outputs: ReaderOutput[]): ReaderOutput[] {
    const previous = this.previousIndex;
    if (!previous || !outputs.some(({ stream }) => stream === deliveredIndexName)) return outputs;
    this.previousIndex = undefined;
    return [createLinkOutput(previous), ...outputs];
  }

  private async readDelivered(): Promise<ReadonlySet<string>> {
    const { segments } = await this.commit();
    return readDelivered(findLastDelivered(segments) ?? this.input.delivered, this.deps.staging);
  }

  /** A fetch reads at least one page; otherwise a slow start would repeat without end. */
  private isFull(): boolean {
    const { budget } = this.input;
    const { pages } = this.progress.counts;
    const bytes = this.earlierSegments.reduce((sum, segment) => sum + segment.bytes, this.writer.size);
    const isTimeOver = Date.now() - this.startedAt >= budget.seconds * 1000;
    return pages > 0 && (pages >= budget.pages || bytes >= budget.bytes || isTimeOver);
  }

  /** Makes the progress durable, then heartbeats it. */
  private async commit(): Promise<FetchCheckpoint> {
    const { progress } = this;
    if (this.committed.progress === progress) return this.checkpoint;
    this.checkpoint = { ...progress, segments: [...this.earlierSegments, ...(await this.writer.commit())] };
    this.committed = { progress, at: Date.now() };
    this.context.heartbeat(this.checkpoint);
    return this.checkpoint;
  }

  /** Keeps what was read, and turns the error into the failure of the attempt. */
  private async fail(error: unknown): Promise<Error> {
    // A full disk may be the cause, so the commit may fail as well.
    await this.commit().catch(() => undefined);
    if (error instanceof CancelledFailure) return error;
    const { stalledAttempts, stalledSince = Date.now() } = this.checkpoint;
    if (!(error instanceof RateLimited)) {
      this.checkpoint = { ...this.checkpoint, stalledAttempts: stalledAttempts + 1, stalledSince };
    }
    this.context.heartbeat(this.checkpoint);
    const isStalled = this.checkpoint.stalledAttempts >= this.input.maxStalledAttempts;
    const isWithinOutage = Date.now() - stalledSince < this.input.outageSeconds * 1_000;
    const isOutage = error instanceof Transient && this.hasTenantAnswered() && isWithinOutage;
    return toActivityFailure(error, isRetryable(error) && isStalled && !isOutage);
  }

  /** In this process, or in an earlier fetch or attempt. */
  private hasTenantAnswered(): boolean {
    return (this.tenant?.client.getStats().succeeded ?? 0) > 0 || this.checkpoint.cursor !== null;
  }
}

/** A cancelled workflow takes the pages read so far as the result. A worker that shuts down leaves them to the next attempt. */
function isCancelRequest(error: unknown): boolean {
  return error instanceof CancelledFailure && error.message === 'CANCELLED';
}

function buildFetchResult(
  reader: Reader<Json>,
  cursor: Json,
  { segments, counts, total }: FetchCheckpoint,
  tenant: Tenant,
): FetchResult {
  const { buckets, concurrency, latencyMs } = tenant.readLimits();
  return {
    cursor,
    done: reader.next(cursor) === undefined,
    segments,
    counts,
    concurrency,
    ...defined({
      latencyMs: latencyMs === undefined ? undefined : Math.round(latencyMs),
      pace: selectScarcestLimit(buckets),
      total,
      frontier: reader.readFrontier?.(cursor),
      startedAt: reader.readStartedAt?.(cursor),
      endKey: reader.readEndKey?.(cursor),
      remainingRange: reader.readRemainingRange?.(cursor),
    }),
  };
}

/**
 * The bucket with the smallest part left, which is one in use: unused buckets refill. Undefined while the tenant has
 * reported no limit.
 */
export function selectScarcestLimit(buckets: PacerSnapshot['buckets']): Pace | undefined {
  const [bucket] = [...buckets].sort((one, other) => one.remaining / one.limit - other.remaining / other.limit);
  if (!bucket) return undefined;
  const { remaining, limit, perSecond } = bucket;
  return { remaining, limit, ...(perSecond > 0 && { perSecond: Math.round(perSecond * 100) / 100 }) };
}
