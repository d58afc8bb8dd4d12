import { z } from 'zod';
import { readProgress } from '../airbyte/stream-state';
import { listCursorSchema } from '../auth0/paging/list';
import { countSchema, timeSchema } from '../auth0/paging/page-step';
import type { StreamState } from '../protocol';
import type { ListTask, SearchTask } from './fetch-task';
import { searchCursorSchema } from './search-reader';

const listTaskSchema = z.object({ kind: z.literal('list'), stream: z.string() }) satisfies z.ZodType<ListTask>;

/** A later run needs no lag: searches that a run resumes are open. */
const searchTaskSchema = z.object({
  kind: z.literal('search'),
  stream: z.string(),
  key: z.enum(['created_at', 'updated_at']),
  from: timeSchema.exactOptional(),
  to: timeSchema.exactOptional(),
  missing: z.boolean(),
}) satisfies z.ZodType<SearchTask>;

/** Null at the beginning. */
const unfinishedListSchema = listCursorSchema.refine(({ done }) => !done).nullable();
const unfinishedSearchSchema = searchCursorSchema.refine(({ keyset }) => keyset.phase !== 'done').nullable();

const partitionSchema = z.union([
  z.object({ task: listTaskSchema, cursor: unfinishedListSchema }),
  z.object({ task: searchTaskSchema, cursor: unfinishedSearchSchema }),
]);

/** Where the read of one list or search stopped. */
const partitionedResumePointSchema = z.object({
  kind: z.literal('partitions'),
  /** Everything that is read. */
  task: z.union([listTaskSchema, searchTaskSchema]),
  /** Partitions not read completely; empty when the stream is. */
  partitions: z.array(partitionSchema),
  /** The tenant's time at the first response. */
  startedAt: timeSchema.nullable(),
});
export type PartitionedResumePoint = z.infer<typeof partitionedResumePointSchema>;

/** Where the read of a parent list stopped. */
const parentResumePointSchema = z.object({
  kind: z.literal('parents'),
  cursor: listCursorSchema.nullable(),
  /** Fetches of the list before this point. Orders the points, since cursors are opaque. */
  fetches: countSchema,
});
export type ParentResumePoint = z.infer<typeof parentResumePointSchema>;

const resumePointSchema = z.discriminatedUnion('kind', [partitionedResumePointSchema, parentResumePointSchema]);
export type ResumePoint = z.infer<typeof resumePointSchema>;

/** What a destination holds of a stream. */
export interface SavedState {
  state: StreamState;
  resumePoint?: ResumePoint;
}

export function toSavedState(state: StreamState): SavedState {
  const resumePoint = readResumePoint(state);
  return { state, ...(resumePoint && { resumePoint }) };
}

/**
 * The resume point in a saved state. Undefined when there is none, or none that a reader wrote: users may edit states, and
 * an invalid cursor would fail the workflow or end it with nothing read.
 */
export function readResumePoint(state: StreamState): ResumePoint | undefined {
  const progress = readProgress(state);
  const { data: point } = resumePointSchema.safeParse(progress?.cursor);
  if (!point || !progress) return undefined;
  const isFinished = point.kind === 'partitions' ? point.partitions.length === 0 : point.cursor?.done === true;
  if (isFinished && !progress.finished) return undefined;
  return point.kind === 'parents' || point.partitions.every((each) => isPartOf(each.task, point.task))
    ? point
    : undefined;
}

function isPartOf(part: ListTask | SearchTask, whole: ListTask | SearchTask): boolean {
  return part.kind === whole.kind && part.stream === whole.stream;
}
