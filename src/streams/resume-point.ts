import { z } from 'zod';
import { readProgress } from '../airbyte/stream-state';
import { listCursorSchema } from '../auth0/paging/list';
import { countSchema, timeSchema } from '../auth0/paging/page-step';
import { defined } from '../json';
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

/** The cursors are null at the beginning. */
const unfinishedPartitionSchema = z.union([
  z.object({ task: listTaskSchema, cursor: listCursorSchema.refine(({ done }) => !done).nullable() }),
  z.object({
    task: searchTaskSchema,
    cursor: searchCursorSchema.refine(({ keyset }) => keyset.phase !== 'done').nullable(),
  }),
]);

/** Where the read of one list or search stopped. */
const partitionedResumePointSchema = z.object({
  kind: z.literal('partitions'),
  /** Everything that is read. */
  task: z.union([listTaskSchema, searchTaskSchema]),
  /** Partitions not read completely; empty when the stream is. */
  partitions: z.array(unfinishedPartitionSchema),
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

const resumePointSchema = z.discriminatedUnion('kind', [partitionedResumePointSchema, parentResumePointSchema]);
type ResumePoint = z.infer<typeof resumePointSchema>;

/** What a destination holds of a stream. */
export interface SavedState {
  state: StreamState;
  resumePoint?: ResumePoint;
}

export function toSavedState(state: StreamState): SavedState {
  return { state, ...defined({ resumePoint: readResumePoint(state) }) };
}

/**
 * The resume point in a saved state. Undefined when there is none, or none that a reader wrote: users may edit states, and
 * an invalid cursor would fail the workflow or end it with nothing read.
 */
export function readResumePoint(state: StreamState): ResumePoint | undefined {
  const progress = readProgress(state);
  const { data: point } = resumePointSchema.safeParse(progress?.cursor);
  if (!point || !progress) return undefined;
  if (point.kind === 'parents') return point.cursor?.done && !progress.finished ? undefined : point;
  const { task, partitions } = point;
  const isPart = partitions.every((part) => part.task.kind === task.kind && part.task.stream === task.stream);
  return isPart && (partitions.length > 0 || progress.finished) ? point : undefined;
}
