import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import type { ListTask, SearchTask } from './fetch-task';

/** The rest of a search. Keys are ISO 8601 with milliseconds. */
export interface RemainingRange {
  /** Key of the first row that was read. */
  firstKey: string;
  /** Key at which the read continues. */
  nextKey: string;
}

/**
 * What one sequence of fetches reads of a stream: a list, or a range of a search. The ranges of a stream are adjacent and do
 * not overlap, in the order of their keys.
 */
export interface Partition {
  task: ListTask | SearchTask;
  /** Where to continue; null at the beginning. */
  cursor: Json;
  done: boolean;
  /** Rows read so far. */
  rows: number;
  /** See AuditPart.total. */
  total?: number;
  /** As the newest fetch reported it; see Reader. */
  remainingRange?: RemainingRange;
  frontier?: string;
  /** See FetchInput.delivered. */
  delivered?: Segment;
}

export function createPartition(task: Partition['task'], cursor: Json = null): Partition {
  return { task, cursor, done: false, rows: 0 };
}

/**
 * Estimates the rows left in a range from the density of the rows read so far; 0 when it is unknown.
 * @param end the greatest key of the search, for a range without an upper bound
 */
export function estimateRemainingRows({ task, rows, remainingRange }: Partition, end: string | undefined): number {
  const hi = task.kind === 'search' && typeof task.to === 'string' ? task.to : end;
  if (!remainingRange || hi === undefined) return 0;
  const passed = Date.parse(remainingRange.nextKey) - Date.parse(remainingRange.firstKey);
  const left = Date.parse(hi) - Date.parse(remainingRange.nextKey);
  return left <= 0 || passed <= 0 ? 0 : (rows * left) / passed;
}

/**
 * Splits the rest of a range into `parts` of equal length. The first one keeps the cursor. Each part starts one millisecond
 * after the end of the one before it, so rows with the same key stay together.
 * @param end the greatest key of the search, for a range without an upper bound
 */
export function splitPartition(partition: Partition, parts: number, end: string): Partition[] {
  const { task, remainingRange } = partition;
  if (task.kind !== 'search' || !remainingRange) return [partition];
  const lo = Date.parse(remainingRange.nextKey);
  const hi = Date.parse(typeof task.to === 'string' ? task.to : end);
  const step = Math.floor((hi - lo) / parts);
  if (step < 1) return [partition];
  const at = (index: number): string => new Date(lo + index * step).toISOString();
  const before = (time: string): string => new Date(Date.parse(time) - 1).toISOString();
  return Array.from({ length: parts }, (_, index): Partition => {
    const isLast = index === parts - 1;
    const { to, missing, ...whole } = task;
    const bounds = {
      ...whole,
      ...(index === 0 ? {} : { from: at(index) }),
      ...(isLast ? (to === undefined ? {} : { to }) : { to: before(at(index + 1)) }),
      missing: isLast && missing,
    };
    return index === 0 ? { ...partition, task: bounds } : createPartition(bounds);
  });
}

/** The upper bound of a search that started at the tenant's time `startedAt`; undefined when it is open. */
export function computeUpperBound(to: SearchTask['to'], startedAt: string | undefined): string | undefined {
  if (typeof to !== 'object') return to;
  return startedAt === undefined ? undefined : new Date(Date.parse(startedAt) - to.lagSeconds * 1000).toISOString();
}
