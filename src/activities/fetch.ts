import { activityInfo, CancelledFailure, Context } from '@temporalio/activity';
import { RateLimited, Transient } from '../auth0/errors';
import type { PacerSnapshot } from '../auth0/rate-limit/pacer';
import type { Json } from '../json';
import type { FetchCounts } from '../protocol';
import type { Segment } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { addCounts, zeroCounts } from '../streams/counts';
import { deliveredIndexName, findLastDelivered } from '../streams/fetch-task';
import type { Reader, ReaderOutput } from '../streams/stream-reader';
import { isRetryable, toActivityFailure } from './activity-failure';
import { AttemptWriter } from './attempt-writer';
import type { FetchInput, FetchResult, Pace } from './fetch-contract';
import { withHeartbeats } from './heartbeat';
import { type PageResult, readNextPage } from './read-page';
import { createLookupResolver, type LookupResolver } from './role-lookup';
import { createLinkOutput, createTaskReader, readDelivered } from './task-reader';
import type { Tenant } from './tenants';

/**
 * How the tenant's limits stand, by the scarcest of them: a bucket that nobody draws on fills up, so the emptiest is one in
 * use. Undefined when the tenant has named no limit yet.
 */
export function selectScarcestLimit(buckets: PacerSnapshot['buckets']): Pace | undefined {
  const [bucket] = [...buckets].sort((one, other) => one.remaining / one.limit - other.remaining / other.limit);
  if (!bucket) return undefined;
  const { remaining, limit, perSecond } = bucket;
  return { remaining, limit, ...(perSecond > 0 && { perSecond: Math.round(perSecond * 100) / 100 }) };
}

export interface FetchDeps {
  getTenant(connection: string): Promise<Tenant>;
  staging: Staging;
  /**
   * Pages are made durable together that come within this time, ms. Default 250: the SDK holds heartbeats back for longer, and
   * what is durable counts only once it has been told.
   */
  commitEveryMs?: number;
}

export interface FetchActivities {
  /** Reads pages of one task until a limit is reached or all is read, and stages their records. */
  fetchPages(input: FetchInput): Promise<FetchResult>;
  /** Deletes what a run has left in staging. */
  discardRun(input: { run: string }): Promise<void>;
}

/** How far a slice has read. */
interface FetchProgress {
  cursor: Json;
  counts: FetchCounts;
  /** Attempts in a row that read no page. */
  stalledAttempts: number;
  /** When the first of these failed, epoch ms. */
  stalledSince?: number;
  /** See SliceResult. */
  total?: number;
}

/** What of that is durable; heartbeated, so that a retry goes on from there. */
interface FetchCheckpoint extends FetchProgress {
  segments: Segment[];
}

/** Times that one slice begins a list again because its place in it has expired. */
const maxRestarts = 2;

/** The activities of a process that can speak to tenants. */
export function createFetchActivities(deps: FetchDeps): FetchActivities {
  const lookups = createLookupResolver();
  return {
    fetchPages: (input) => fetchPages({ ...deps, lookups }, input),
    discardRun: ({ run }) => deps.staging.removeRun(run),
  };
}

async function fetchPages(deps: FetchDeps & { lookups: LookupResolver }, input: FetchInput): Promise<FetchResult> {
  const { staging, lookups, commitEveryMs = 250 } = deps;
  const { run, task, budget } = input;
  const context = Context.current();
  const begun = Date.now();
  const held = activityInfo().heartbeatDetails as FetchCheckpoint | undefined;
  let checkpoint: FetchCheckpoint = held ?? {
    cursor: input.cursor,
    segments: [],
    counts: { ...zeroCounts },
    stalledAttempts: 0,
  };
  const { segments: earlier, ...start } = checkpoint;
  let progress: FetchProgress = start;
  let committed = { progress, at: begun };
  const writer = new AttemptWriter(staging, input, activityInfo().attempt);
  let tenant: Tenant | undefined;

  async function commit(): Promise<FetchCheckpoint> {
    if (committed.progress === progress) return checkpoint;
    checkpoint = { ...progress, segments: [...earlier, ...(await writer.commit())] };
    committed = { progress, at: Date.now() };
    context.heartbeat(checkpoint);
    return checkpoint;
  }

  /** A slice always moves: one without a page, for a slow start, would be followed by others like it. */
  function isFull(): boolean {
    const { pages } = progress.counts;
    const bytes = earlier.reduce((sum, segment) => sum + segment.bytes, writer.size);
    const isOver = Date.now() - begun >= budget.seconds * 1000;
    return pages > 0 && (pages >= budget.pages || bytes >= budget.bytes || isOver);
  }

  /** The first print of an attempt comes after a link to those before it. */
  let link = findLastDelivered(earlier) ?? input.delivered;
  function linked(outputs: ReaderOutput[]): ReaderOutput[] {
    const before = link;
    if (!before || !outputs.some(({ stream }) => stream === deliveredIndexName)) return outputs;
    link = undefined;
    return [createLinkOutput(before), ...outputs];
  }

  async function readPages(): Promise<FetchResult> {
    tenant = await deps.getTenant(input.connection);
    const reader = await createTaskReader(task, staging, tenant.client, context.cancellationSignal);
    const reading = { run, tenant, reader, lookups, signal: context.cancellationSignal };
    const begins = input.cursor === null;
    let delivered: ReadonlySet<string> | undefined;
    for (;;) {
      const { counts, total } = progress;
      const cursor = progress.cursor ?? reader.start();
      if (reader.next(cursor) === undefined || isFull()) {
        return buildFetchResult(reader, cursor, await commit(), tenant);
      }
      if (reader.isRestarted?.(cursor)) {
        delivered ??= await readDelivered(findLastDelivered((await commit()).segments) ?? input.delivered, staging);
      }
      let page: PageResult;
      try {
        page = await readNextPage(reading, cursor, {
          delivered: delivered ?? new Set(),
          mayRestart: counts.restarted < maxRestarts,
          suspect: progress.stalledAttempts > 0,
        });
      } catch (error) {
        if (isCancelRequest(error) && counts.pages > 0) return buildFetchResult(reader, cursor, await commit(), tenant);
        if (!(error instanceof RateLimited)) throw error;
        // Without a page the next slice is still the first of its task.
        return {
          ...buildFetchResult(reader, cursor, await commit(), tenant),
          cursor: progress.cursor,
          waitUntil: error.retryAt,
        };
      }
      // What has come since the list was begun again the last time counts as well.
      if (page.counts.restarted) delivered = undefined;
      const told = begins && counts.pages === 0 ? page.total : total;
      const at = Date.now();
      await writer.write(linked(page.outputs), at);
      progress = {
        cursor: page.cursor,
        counts: addCounts(counts, page.counts),
        stalledAttempts: 0,
        ...(told === undefined ? {} : { total: told }),
      };
      if (at - committed.at >= commitEveryMs) await commit();
    }
  }

  try {
    return await withHeartbeats(() => checkpoint, readPages);
  } catch (error) {
    // Whatever ended it, what was read need not be read again; a disk that takes no more is what ended it.
    await commit().catch(() => undefined);
    if (error instanceof CancelledFailure) throw error;
    const { stalledAttempts, stalledSince = Date.now() } = checkpoint;
    if (!(error instanceof RateLimited))
      checkpoint = { ...checkpoint, stalledAttempts: stalledAttempts + 1, stalledSince };
    context.heartbeat(checkpoint);
    // In this process, or in an earlier slice or attempt.
    const hasAnswered = (tenant?.client.getStats().succeeded ?? 0) > 0 || checkpoint.cursor !== null;
    const isAwaited =
      hasAnswered && error instanceof Transient && Date.now() - stalledSince < input.outageSeconds * 1_000;
    throw toActivityFailure(
      error,
      isRetryable(error) && checkpoint.stalledAttempts >= input.maxStalledAttempts && !isAwaited,
    );
  } finally {
    await writer.close();
  }
}

/** The workflow takes what there is, and gives the rest to another slice; a worker that shuts down leaves it to a retry. */
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
  const pace = selectScarcestLimit(buckets);
  const frontier = reader.readFrontier?.(cursor);
  const startedAt = reader.readStartedAt?.(cursor);
  const endKey = reader.readEndKey?.(cursor);
  const remainingRange = reader.readRemainingRange?.(cursor);
  return {
    cursor,
    done: reader.next(cursor) === undefined,
    segments,
    counts,
    concurrency,
    ...(latencyMs === undefined ? {} : { latencyMs: Math.round(latencyMs) }),
    ...(pace ? { pace } : {}),
    ...(total === undefined ? {} : { total }),
    ...(frontier === undefined ? {} : { frontier }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endKey === undefined ? {} : { endKey }),
    ...(remainingRange === undefined ? {} : { remainingRange }),
  };
}
