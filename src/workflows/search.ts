import { readCursor } from '../airbyte/cursor';
import type { StreamState } from '../sinks/sink';
import type { ReadOptions } from '../streams/options';
import type { SearchKey, SearchTask } from '../streams/task';
import type { PlannedStream } from './contract';

/** What a run of a searched stream begins with. */
export interface SearchPlan {
  task: SearchTask;
  /** What an earlier run saved; absent when this run reads everything. */
  savedCursor?: string;
}

/** A saved cursor may be up to so much later than what was read: the server's clock shows no fractions of a second. */
const minLookbackSeconds = 1;

/**
 * A full refresh, and the first run of an incremental stream, read everything: they walk by the timestamp that never
 * changes, so that no row moves while they read, or from a start date by the cursor, with an open end that rows may move
 * towards. Later runs read what has a later cursor, up to the tenant's time at the first answer less the lag: what
 * changes meanwhile is the next run's. That time is where it begins, less the look-back.
 */
export function planSearch(
  stream: PlannedStream,
  state: StreamState | null,
  { lookbackSeconds, lagSeconds }: Pick<ReadOptions, 'lookbackSeconds' | 'lagSeconds'>,
): SearchPlan | { problem: string } {
  const { name, syncMode, orderBy, startDate } = stream;
  if (!orderBy) throw new Error(`stream ${name} is searched but says not by which timestamps`);
  const search = (key: SearchKey, from: string | undefined, to?: SearchTask['to']): SearchTask => ({
    kind: 'search',
    stream: name,
    key,
    missing: true,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  const everything = search(startDate ? orderBy.cursor : orderBy.immutable, startDate);
  if (syncMode === 'full_refresh') return { task: everything };
  const saved = state ? readCursor(state, orderBy.cursor) : {};
  if ('problem' in saved)
    return {
      problem: `the saved state of ${name} cannot be used: ${saved.problem}. Correct it, or reset it to read everything again.`,
    };
  if (saved.cursor === undefined) return { task: everything };
  const from = new Date(
    Date.parse(saved.cursor) - Math.max(lookbackSeconds, minLookbackSeconds) * 1000,
  ).toISOString();
  return { task: search(orderBy.cursor, from, { lagSeconds }), savedCursor: saved.cursor };
}
