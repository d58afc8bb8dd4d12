import { activityInfo, CancelledFailure, Context } from '@temporalio/activity';
import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { addCounts, noCounts, type SliceCounts } from '../streams/counts';
import type { Output, Reader } from '../streams/reader';
import { deliveredIndex, lastDelivered } from '../streams/task';
import { mayPass, nameOf, toActivityFailure } from './failure';
import { withHeartbeats } from './heartbeat';
import { createLookups, type Lookups } from './lookup';
import { paceOf } from './pace';
import { readNextPage, type PageResult } from './page';
import { deliveredOf, linkOutput, readerOf } from './reader';
import type { SliceInput, SliceResult } from './slice';
import { SliceWriter } from './slice-writer';
import type { Tenant } from './tenant';

export interface FetchDeps {
  tenantOf(connection: string): Promise<Tenant>;
  staging: Staging;
  /**
   * Pages are made durable together that come within this time, ms. Default 250: the SDK holds heartbeats back for longer, and
   * what is durable counts only once it has been told.
   */
  commitEveryMs?: number;
}

export interface FetchActivities {
  /** Reads pages of one task until a limit is reached or all is read, and stages their records. */
  fetchSlice(input: SliceInput): Promise<SliceResult>;
  /** Deletes what a run has left in staging. */
  discardRun(input: { run: string }): Promise<void>;
}

/** How far a slice has read. */
interface Progress {
  cursor: Json;
  counts: SliceCounts;
  /** Attempts in a row that read no page. */
  stalled: number;
  /** When the first of these failed, epoch ms. */
  stalledSince?: number;
  /** See SliceResult. */
  total?: number;
}

/** What of that is durable; heartbeated, so that a retry goes on from there. */
interface Checkpoint extends Progress {
  segments: Segment[];
}

/** Times that one slice begins a list again because its place in it has expired. */
const mostRestarts = 2;

/** The activities of a process that can speak to tenants. */
export function createFetchActivities(deps: FetchDeps): FetchActivities {
  const lookups = createLookups();
  return {
    fetchSlice: (input) => fetchSlice({ ...deps, lookups }, input),
    discardRun: ({ run }) => deps.staging.removeRun(run),
  };
}

async function fetchSlice(deps: FetchDeps & { lookups: Lookups }, input: SliceInput): Promise<SliceResult> {
  const { staging, lookups, commitEveryMs = 250 } = deps;
  const { run, task, limits } = input;
  const context = Context.current();
  const begun = Date.now();
  const held = activityInfo().heartbeatDetails as Checkpoint | undefined;
  let checkpoint: Checkpoint = held ?? { cursor: input.cursor, segments: [], counts: { ...noCounts }, stalled: 0 };
  const { segments: earlier, ...start } = checkpoint;
  let progress: Progress = start;
  let committed = { progress, at: begun };
  const writer = new SliceWriter(staging, input, activityInfo().attempt);
  let tenant: Tenant | undefined;

  async function commit(): Promise<Checkpoint> {
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
    const isOver = Date.now() - begun >= limits.seconds * 1000;
    return pages > 0 && (pages >= limits.pages || bytes >= limits.bytes || isOver);
  }

  /** The first print of an attempt comes after a link to those before it. */
  let link = lastDelivered(earlier) ?? input.delivered;
  function linked(outputs: Output[]): Output[] {
    const before = link;
    if (!before || !outputs.some(({ stream }) => stream === deliveredIndex)) return outputs;
    link = undefined;
    return [linkOutput(before), ...outputs];
  }

  async function readPages(): Promise<SliceResult> {
    tenant = await deps.tenantOf(input.connection);
    const reader = await readerOf(task, staging, tenant.client, context.cancellationSignal);
    const reading = { run, tenant, reader, lookups, signal: context.cancellationSignal };
    const begins = input.cursor === null;
    let delivered: ReadonlySet<string> | undefined;
    for (;;) {
      const { counts, total } = progress;
      const cursor = progress.cursor ?? reader.start();
      if (reader.next(cursor) === undefined || isFull()) {
        return resultOf(reader, cursor, await commit(), tenant);
      }
      if (reader.again?.(cursor)) {
        delivered ??= await deliveredOf(lastDelivered((await commit()).segments) ?? input.delivered, staging);
      }
      let page: PageResult;
      try {
        page = await readNextPage(reading, cursor, {
          delivered: delivered ?? new Set(),
          mayRestart: counts.restarted < mostRestarts,
          suspect: progress.stalled > 0,
        });
      } catch (error) {
        if (isToldToStop(error) && counts.pages > 0) return resultOf(reader, cursor, await commit(), tenant);
        const waitUntil = limitedUntil(error);
        if (waitUntil === undefined) throw error;
        // Without a page the next slice is still the first of its task.
        return { ...resultOf(reader, cursor, await commit(), tenant), cursor: progress.cursor, waitUntil };
      }
      // What has come since the list was begun again the last time counts as well.
      if (page.counts.restarted) delivered = undefined;
      const told = begins && counts.pages === 0 ? page.total : total;
      const at = Date.now();
      await writer.write(linked(page.outputs), at);
      progress = {
        cursor: page.cursor,
        counts: addCounts(counts, page.counts),
        stalled: 0,
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
    const waits = typeof error === 'object' && error !== null && 'retryAt' in error;
    const { stalled, stalledSince = Date.now() } = checkpoint;
    if (!waits) checkpoint = { ...checkpoint, stalled: stalled + 1, stalledSince };
    context.heartbeat(checkpoint);
    // In this process, or in an earlier slice or attempt.
    const hasAnswered = (tenant?.client.stats().answered ?? 0) > 0 || checkpoint.cursor !== null;
    const isAwaited =
      hasAnswered && nameOf(error) === 'Transient' && Date.now() - stalledSince < input.outageSeconds * 1_000;
    throw toActivityFailure(error, mayPass(error) && checkpoint.stalled >= input.patience && !isAwaited);
  } finally {
    await writer.close();
  }
}

/** The workflow takes what there is, and gives the rest to another slice; a worker that shuts down leaves it to a retry. */
function isToldToStop(error: unknown): boolean {
  return error instanceof CancelledFailure && error.message === 'CANCELLED';
}

/** When another request makes sense, for an error that says no more than that. */
function limitedUntil(error: unknown): number | undefined {
  return nameOf(error) === 'RateLimited' ? (error as { retryAt?: number }).retryAt : undefined;
}

function resultOf(
  reader: Reader<Json>,
  cursor: Json,
  { segments, counts, total }: Checkpoint,
  tenant: Tenant,
): SliceResult {
  const { buckets, concurrency, latencyMs } = tenant.limits();
  const pace = paceOf(buckets);
  const frontier = reader.frontier?.(cursor);
  const begun = reader.begun?.(cursor);
  const end = reader.end?.(cursor);
  const rest = reader.rest?.(cursor);
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
    ...(begun === undefined ? {} : { begun }),
    ...(end === undefined ? {} : { end }),
    ...(rest === undefined ? {} : { rest }),
  };
}
