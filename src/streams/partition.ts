import type { Json } from '../json';
import type { Segment } from '../staging/segment';
import type { ListTask, SearchTask } from './fetch-task';

/** What is left of a search: keys are ISO 8601 with milliseconds. */
export interface RemainingRange {
  /** Key of the first row that was read. */
  firstKey: string;
  /** Key that the reading has reached. */
  nextKey: string;
}

/**
 * What one chain of slices reads of a stream: a list, or a range of a search. Ranges of a stream lie side by side
 * without overlap, in the order of their keys.
 */
export interface Partition {
  task: ListTask | SearchTask;
  /** Where to go on; null at the beginning. */
  cursor: Json;
  done: boolean;
  /** Rows read so far. */
  rows: number;
  /** See AuditPart.total. */
  total?: number;
  /** Last known; see Reader.rest and Reader.frontier. */
  remainingRange?: RemainingRange;
  frontier?: string;
  /** See SliceInput.delivered. */
  delivered?: Segment;
}

export function createPartition(task: Partition['task'], cursor: Json = null): Partition {
  return { task, cursor, done: false, rows: 0 };
}

/**
 * Rows that a range still has to bring, if they lie as close together as those read so far; 0 when that can't be told.
 * @param end the greatest key of the search, for a range that is open above
 */
export function estimateRemainingRows({ task, rows, remainingRange }: Partition, end: string | undefined): number {
  const hi = task.kind === 'search' && typeof task.to === 'string' ? task.to : end;
  if (!remainingRange || hi === undefined) return 0;
  const passed = Date.parse(remainingRange.nextKey) - Date.parse(remainingRange.firstKey);
  const left = Date.parse(hi) - Date.parse(remainingRange.nextKey);
  return left <= 0 || passed <= 0 ? 0 : (rows * left) / passed;
}

/**
 * Cuts what is left of a range into `parts` of the same length; the first one keeps the place. Rows of an instant stay
 * together: a part begins where the one before it has ended, and a millisecond later.
 * @param end the greatest key of the search, for a range that is open above
 */
export function splitPartition(partition: Partition, parts: number, end: string): Partition[] {
  const { task, remainingRange } = partition;
  if (task.kind !== 'search' || !remainingRange) return [partition];
  const lo = Date.parse(remainingRange.nextKey);
  const hi = Date.parse(typeof task.to === 'string' ? task.to : end);
  const step = Math.floor((hi - lo) / parts);
  if (step < 1) return [partition];
  const at = (place: number): string => new Date(lo + place * step).toISOString();
  const before = (time: string): string => new Date(Date.parse(time) - 1).toISOString();
  return Array.from({ length: parts }, (_, place): Partition => {
    const last = place === parts - 1;
    const { to, missing, ...whole } = task;
    const bounds = {
      ...whole,
      ...(place === 0 ? {} : { from: at(place) }),
      ...(last ? (to === undefined ? {} : { to }) : { to: before(at(place + 1)) }),
      missing: last && missing,
    };
    return place === 0 ? { ...partition, task: bounds } : createPartition(bounds);
  });
}

/** The upper bound of a search that began at the tenant's time `begun`; undefined when it is open. */
export function computeUpperBound(to: SearchTask['to'], startedAt: string | undefined): string | undefined {
  if (typeof to !== 'object') return to;
  return startedAt === undefined ? undefined : new Date(Date.parse(startedAt) - to.lagSeconds * 1000).toISOString();
}
