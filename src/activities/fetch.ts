import { activityInfo, CancelledFailure, Context } from '@temporalio/activity';
import type { Page } from '../auth0/request';
import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import type { Staging } from '../staging/staging';
import { noCounts, type SliceCounts } from '../streams/counts';
import type { Reader } from '../streams/reader';
import { mayPass, toActivityFailure } from './failure';
import { withHeartbeats } from './heartbeat';
import { readerOf } from './reader';
import type { SliceInput, SliceResult } from './slice';
import { SliceWriter } from './slice-writer';
import type { Tenant } from './tenant';

export interface FetchDeps {
  tenantOf(connection: string): Promise<Tenant>;
  staging: Staging;
}

export interface FetchActivities {
  /** Reads pages of one task until a limit is reached or all is read, and stages their records. */
  fetchSlice(input: SliceInput): Promise<SliceResult>;
  /** Deletes what a run has left in staging. */
  discardRun(input: { run: string }): Promise<void>;
}

/** What a slice has made durable; heartbeated after each page, so that a retry goes on from there. */
interface Checkpoint {
  cursor: Json;
  segments: Segment[];
  counts: SliceCounts;
  /** Attempts in a row that read no page. */
  stalled: number;
}

/** Times that one slice begins a list again because its place in it has expired. */
const mostRestarts = 2;

/** The activities of a process that can speak to tenants. */
export function createFetchActivities(deps: FetchDeps): FetchActivities {
  return {
    fetchSlice: (input) => fetchSlice(deps, input),
    discardRun: ({ run }) => deps.staging.removeRun(run),
  };
}

async function fetchSlice(deps: FetchDeps, input: SliceInput): Promise<SliceResult> {
  const context = Context.current();
  const begun = Date.now();
  const held = activityInfo().heartbeatDetails as Checkpoint | undefined;
  let checkpoint: Checkpoint = held ?? { cursor: input.cursor, segments: [], counts: { ...noCounts }, stalled: 0 };
  const writer = new SliceWriter(deps.staging, input, activityInfo().attempt);

  async function readPages(): Promise<SliceResult> {
    const tenant = await deps.tenantOf(input.connection);
    const reader = await readerOf(input.task, deps.staging);
    const earlier = checkpoint.segments;
    let expired = 0;
    let cursor = checkpoint.cursor ?? reader.start();
    for (;;) {
      const request = reader.next(cursor);
      const { counts } = checkpoint;
      const bytes = checkpoint.segments.reduce((sum, segment) => sum + segment.bytes, 0);
      const { limits } = input;
      const full = counts.pages >= limits.pages || bytes >= limits.bytes || Date.now() - begun >= limits.seconds * 1000;
      // A slice always moves: one without a page, for a slow start, would be followed by others like it.
      if (!request || (full && counts.pages > 0)) {
        const frontier = reader.frontier?.(cursor);
        const { segments } = checkpoint;
        return { cursor, done: !request, segments, counts, ...(frontier === undefined ? {} : { frontier }) };
      }
      const answer = await ask(tenant, reader, cursor, context.cancellationSignal, expired < mostRestarts);
      if ('expired' in answer) expired += answer.expired;
      const step = 'page' in answer ? reader.advance(cursor, answer.page) : { ...answer, outputs: [], repeated: 0 };
      cursor = step.cursor;
      const segments = await writer.write(step.outputs, Date.now());
      checkpoint = {
        cursor,
        segments: [...earlier, ...segments],
        counts: {
          pages: counts.pages + 1,
          requests: counts.requests + answer.requests,
          repeated: counts.repeated + step.repeated,
          vanished: counts.vanished + ('page' in answer ? 0 : answer.vanished),
        },
        stalled: 0,
      };
      context.heartbeat(checkpoint);
    }
  }

  try {
    return await withHeartbeats(() => checkpoint, readPages);
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    const waits = typeof error === 'object' && error !== null && 'retryAt' in error;
    if (!waits) checkpoint = { ...checkpoint, stalled: checkpoint.stalled + 1 };
    context.heartbeat(checkpoint);
    throw toActivityFailure(error, mayPass(error) && checkpoint.stalled >= input.patience);
  } finally {
    await writer.close();
  }
}

type Answer =
  | { page: Page; requests: number }
  /** Nothing came; the reader knows where to go on. */
  | { cursor: Json; requests: number; vanished: number; expired: number };

/**
 * @param mayExpire whether a refused checkpoint token may mean that the list has to be begun again: not for ever, since
 *   what it had brought comes again each time
 */
async function ask(
  tenant: Tenant,
  reader: Reader<Json>,
  cursor: Json,
  signal: AbortSignal,
  mayExpire: boolean,
): Promise<Answer> {
  const request = reader.next(cursor);
  if (!request) throw new Error('asked for a page after the last one');
  let requests = 0;
  const onRequest = (): void => {
    requests += 1;
  };
  try {
    const page = await tenant.client.list(request, { signal, onRequest });
    return { page, requests };
  } catch (error) {
    const { name, status } = error as { name?: string; status?: number };
    if (name === 'Gone' && reader.vanished) {
      return { cursor: reader.vanished(cursor), requests, vanished: 1, expired: 0 };
    }
    const refused = name === 'RequestRejected' && status === 400 && 'from' in request.query;
    if (refused && mayExpire && reader.expired) {
      return { cursor: reader.expired(cursor), requests, vanished: 0, expired: 1 };
    }
    throw error;
  }
}
