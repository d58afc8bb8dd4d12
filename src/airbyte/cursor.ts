import type { JsonObject } from '../json';
import { isObject, isPresent } from './shape';
import { normaliseTimestamp } from './timestamp';

/** Where an incremental read goes on: from `cursor` inclusive, or from the beginning; or why that cannot be told. */
export type CursorResult = { cursor?: string } | { problem: string };

/**
 * Reads the cursor out of a stream's saved state, in our form or in any that Airbyte's Python CDK writes:
 * `{<field>: time}`; date-range `slices`; `states`/`state` by partition; marks of a full refresh (`__ab_*`), which say
 * nothing of a cursor. A time that cannot be read is a problem, never a silent read of everything.
 */
export function readCursor(state: JsonObject, field: string): CursorResult {
  if (isPresent(state[field])) return parseCursorTime(state[field], field);
  if (Array.isArray(state.slices) && state.slices.length > 0) return readSliceCursor(state.slices);
  if (isObject(state.state) && isPresent(state.state[field])) return parseCursorTime(state.state[field], `state.${field}`);
  if (Array.isArray(state.states) && state.states.length > 0) return readPartitionCursor(state.states, field);
  if (isObject(state.legacy) && isPresent(state.legacy[field])) return parseCursorTime(state.legacy[field], `legacy.${field}`);
  return {};
}

function parseCursorTime(value: unknown, where: string): CursorResult {
  const cursor = typeof value === 'string' ? normaliseTimestamp(value) : undefined;
  return cursor === undefined ? { problem: `${where} is not an ISO 8601 time` } : { cursor };
}

/** Slices that follow each other within a millisecond, Auth0's precision, are one stretch without a gap. */
const granularityMs = 1;

interface CursorSlice {
  start: string;
  end: string;
  /** Newest record in it, at or before its end; where records stop, a later one may still be indexed. */
  newest?: string;
}

/** The end of the first stretch without a gap: what lies behind a gap is read again rather than the gap missed. */
function readSliceCursor(slices: unknown[]): CursorResult {
  const stretches: CursorSlice[] = [];
  for (const [index, slice] of slices.entries()) {
    const stretch = parseCursorSlice(slice, `slices[${index}]`);
    if ('problem' in stretch) return stretch;
    stretches.push(stretch);
  }
  stretches.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const first = stretches.reduce((read, next) => (isAdjacent(read, next) ? joinSlices(read, next) : read));
  return { cursor: first.newest ?? first.end };
}

function parseCursorSlice(slice: unknown, where: string): CursorSlice | { problem: string } {
  if (!isObject(slice)) return { problem: `${where} is not an object` };
  const times: Record<string, string> = {};
  for (const key of ['start', 'end', 'most_recent_cursor_value']) {
    if (key === 'most_recent_cursor_value' && !isPresent(slice[key])) continue;
    const time = parseCursorTime(slice[key], `${where}.${key}`);
    if ('problem' in time) return time;
    times[key] = time.cursor as string;
  }
  const { start, end, most_recent_cursor_value: newest } = times as { start: string; end: string } & typeof times;
  return { start, end, ...(newest !== undefined && { newest }) };
}

function isAdjacent(read: CursorSlice, next: CursorSlice): boolean {
  return Date.parse(next.start) <= Date.parse(read.end) + granularityMs;
}

function joinSlices(a: CursorSlice, b: CursorSlice): CursorSlice {
  const newest = pickLater(a.newest, b.newest);
  return { start: a.start, end: a.end > b.end ? a.end : b.end, ...(newest !== undefined && { newest }) };
}

function pickLater(a: string | undefined, b: string | undefined): string | undefined {
  return a !== undefined && (b === undefined || a > b) ? a : b;
}

/** The lowest cursor of all partitions; a partition without one has still to be read from the beginning. */
function readPartitionCursor(states: unknown[], field: string): CursorResult {
  let lowest: string | undefined;
  for (const [index, item] of states.entries()) {
    const cursor = isObject(item) && isObject(item.cursor) ? item.cursor[field] : undefined;
    if (!isPresent(cursor)) return {};
    const reading = parseCursorTime(cursor, `states[${index}].cursor.${field}`);
    if ('problem' in reading) return reading;
    if (lowest === undefined || (reading.cursor as string) < lowest) lowest = reading.cursor;
  }
  return lowest === undefined ? {} : { cursor: lowest };
}
