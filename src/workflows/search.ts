import { readCursor } from '../airbyte/cursor';
import type { StreamState } from '../sinks/sink';
import type { SearchKey, SearchTask } from '../streams/task';
import type { PlannedStream } from './contract';

/** What a run of a searched stream begins with. */
export interface SearchPlan {
  task: SearchTask;
  /** What an earlier run saved. */
  savedCursor?: string;
}

/**
 * A full refresh walks by the timestamp that never changes, so that no row moves while it reads. An incremental run, and
 * a refresh from a start date, walk by the cursor; what an incremental run finds is bounded by the tenant's clock, so
 * that rows which change meanwhile are the next run's.
 */
export function planSearch(
  stream: PlannedStream,
  state: StreamState | null,
  lookbackSeconds: number,
): SearchPlan | { problem: string } {
  const { name, syncMode, walkedBy, startDate } = stream;
  if (!walkedBy) throw new Error(`stream ${name} is searched but says not by which timestamps`);
  const search = (key: SearchKey, from: string | undefined, frozen: boolean): SearchTask => ({
    kind: 'search',
    stream: name,
    key,
    frozen,
    ...(from === undefined ? {} : { from }),
  });
  if (syncMode === 'full_refresh') {
    return { task: search(startDate ? walkedBy.cursor : walkedBy.immutable, startDate, false) };
  }
  const saved = state ? readCursor(state, walkedBy.cursor) : {};
  if ('problem' in saved)
    return {
      problem: `the saved state of ${name} cannot be used: ${saved.problem}. Correct it, or reset it to read everything again.`,
    };
  if (saved.cursor === undefined) return { task: search(walkedBy.cursor, startDate, true) };
  const from = new Date(Date.parse(saved.cursor) - lookbackSeconds * 1000).toISOString();
  return { task: search(walkedBy.cursor, from, true), savedCursor: saved.cursor };
}
