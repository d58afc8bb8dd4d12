import { RollcallError } from '../errors';
import { isObject, isPresent, type Json, type JsonObject } from '../json';
import { normaliseTimestamp } from '../timestamp';

/** The saved state that was handed in is none that an Airbyte caller writes. */
export class StateError extends RollcallError {
  override readonly name = 'StateError';
  readonly failureType = 'config_error';
  constructor(
    what: string,
    /** Place in the state, such as `[1].stream.stream_descriptor.name`; empty for the whole. */
    readonly where: string,
  ) {
    const place = where === '' ? 'the saved state' : `the saved state, at ${where},`;
    super(`${place} ${what}.`, stateNextStep);
  }
}

const stateNextStep = 'Pass the state that the last read emitted, or omit --state to read everything again.';

/**
 * The state of each stream by name, from whatever callers pass: nothing, `{}`, `[]`; an array of state messages or a
 * single one, also in its STATE envelope; of type STREAM (or without type), GLOBAL (the shared part is ignored) or
 * LEGACY; a bare `{stream name: state}`. Nulls count as absent. Of several states of a stream the last one counts.
 * Throws StateError. Plain checks only: this file may be bundled into workflow code.
 */
export function parseState(json: unknown): Record<string, JsonObject> {
  const states = new Map<string, JsonObject>();
  if (Array.isArray(json)) {
    json.forEach((item, index) => collectMessage(states, item, `[${index}]`));
  } else if (isObject(json)) {
    if (isStateMessage(json)) collectMessage(states, json, '');
    else collectByName(states, json, '');
  } else if (isPresent(json) && !(typeof json === 'string' && json.trim() === '')) {
    throw new StateError('is neither an array of state messages nor an object', '');
  }
  return Object.fromEntries(states);
}

/** States as the array of state messages that `parseState` reads, and `read --state` takes. */
export function toStateMessages(
  states: readonly { stream: string; namespace?: string; state?: JsonObject }[],
): JsonObject[] {
  return states.flatMap(({ stream: name, namespace, state }) =>
    state
      ? [
          {
            type: 'STREAM',
            stream: {
              stream_descriptor: { name, ...(namespace !== undefined && { namespace }) },
              stream_state: state,
            },
          },
        ]
      : [],
  );
}

/** Tells a state message from a bare map of streams by the keys that only a message has. */
function isStateMessage(json: JsonObject): boolean {
  return (
    typeof json.type === 'string' ||
    hasStreamDescriptor(json.stream) ||
    hasStreamDescriptor(json.global) ||
    'sourceStats' in json
  );
}

function hasStreamDescriptor(value: unknown): boolean {
  return isObject(value) && ('stream_descriptor' in value || 'stream_states' in value);
}

function collectMessage(states: Map<string, JsonObject>, message: unknown, where: string): void {
  if (!isObject(message)) throw new StateError('is not a state message', where);
  switch (message.type ?? inferMessageType(message)) {
    case 'STATE':
      return collectMessage(states, message.state, appendPath(where, 'state'));
    case 'STREAM':
      return collectStream(states, message.stream, appendPath(where, 'stream'));
    case 'GLOBAL':
      return collectGlobal(states, message.global, appendPath(where, 'global'));
    case 'LEGACY':
      return collectByName(states, message.data ?? {}, appendPath(where, 'data'));
    default:
      throw new StateError('has a type other than STREAM, GLOBAL or LEGACY', appendPath(where, 'type'));
  }
}

/** The type of a message that does not say it. */
function inferMessageType(message: JsonObject): string | undefined {
  if (isPresent(message.stream)) return 'STREAM';
  if (isPresent(message.global)) return 'GLOBAL';
  return isPresent(message.data) ? 'LEGACY' : undefined;
}

function collectStream(states: Map<string, JsonObject>, stream: unknown, where: string): void {
  if (!isObject(stream)) throw new StateError('is not an object with a stream_descriptor', where);
  const descriptor = stream.stream_descriptor;
  const name = isObject(descriptor) ? descriptor.name : undefined;
  if (typeof name !== 'string' || name === '') {
    throw new StateError('is not a name', `${where}.stream_descriptor.name`);
  }
  collectState(states, name, stream.stream_state, `${where}.stream_state`);
}

function collectGlobal(states: Map<string, JsonObject>, global: unknown, where: string): void {
  const streams = isObject(global) ? (global.stream_states ?? []) : undefined;
  if (!Array.isArray(streams)) throw new StateError('has no stream_states array', where);
  streams.forEach((stream, index) => collectStream(states, stream, `${where}.stream_states[${index}]`));
}

function collectByName(states: Map<string, JsonObject>, byName: unknown, where: string): void {
  if (!isObject(byName)) throw new StateError('is not an object', where);
  for (const [name, state] of Object.entries(byName)) collectState(states, name, state, appendPath(where, name));
}

function collectState(states: Map<string, JsonObject>, name: string, state: unknown, where: string): void {
  if (!isPresent(state)) states.delete(name);
  else if (isObject(state)) states.set(name, state);
  else throw new StateError('is not an object', where);
}

function appendPath(where: string, key: string): string {
  return where === '' ? key : `${where}.${key}`;
}

/** Key of a stream's state under which our own data stands, apart from the cursor that other connectors can read. */
const ownStateKey = 'rollcall';

export interface StateProgress {
  /** Name and newest value of the cursor, for an incremental stream: written at the top of the state. */
  cursorField?: string | undefined;
  cursorValue?: string | undefined;
  /** The job's id from the configured catalog. */
  syncId?: number | undefined;
  /** Records of the stream emitted so far in this job; makes each state differ from the one before. */
  records: number;
  finished: boolean;
  /** Where to go on within this job; opaque here. */
  cursor?: Json | undefined;
}

export interface SavedProgress {
  cursor?: Json;
  finished: boolean;
  records: number;
}

/** The whole state of a stream. */
export function buildState(progress: StateProgress): JsonObject {
  const { cursorField, cursorValue, syncId, records, finished, cursor } = progress;
  return {
    ...(cursorField !== undefined && cursorValue !== undefined && { [cursorField]: cursorValue }),
    [ownStateKey]: {
      version: 1,
      ...(syncId !== undefined && { sync_id: syncId }),
      records,
      finished,
      ...(cursor !== undefined && { cursor }),
    },
  };
}

/**
 * Where the first read of an incremental stream stood when it was broken off. Its caller only ever adds what comes, so
 * any later read may go on there.
 */
export function readUnfinishedProgress(state: JsonObject): SavedProgress | undefined {
  const resume = parseSavedProgress(state);
  return resume?.finished === false ? resume : undefined;
}

/**
 * What an earlier attempt of the same job had reached. Undefined, so read from the beginning, unless state and catalog
 * carry one and the same `sync_id`: a caller without it may overwrite its table and would lose the first part; and a
 * stream finished in another job must be read again in this one.
 */
export function readJobProgress(state: JsonObject | undefined, syncId: number | undefined): SavedProgress | undefined {
  const mark = state?.[ownStateKey];
  const sameJob = syncId !== undefined && isObject(mark) && mark.sync_id === syncId;
  return state && sameJob ? parseSavedProgress(state) : undefined;
}

/** What a state says of how far its stream was read; undefined when another source wrote it. */
export function readProgress(state: JsonObject): Pick<SavedProgress, 'finished' | 'records'> | undefined {
  return parseSavedProgress(state);
}

/** Our own part of a state; undefined when there is none that this version understands. */
function parseSavedProgress(state: JsonObject): SavedProgress | undefined {
  const mark = state[ownStateKey];
  if (!isObject(mark) || mark.version !== 1) return undefined;
  const { records, finished, cursor } = mark;
  if (typeof finished !== 'boolean' || typeof records !== 'number') return undefined;
  if (!Number.isSafeInteger(records) || records < 0) return undefined;
  return { finished, records, ...(cursor !== undefined && { cursor }) };
}

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
  if (isObject(state.state) && isPresent(state.state[field]))
    return parseCursorTime(state.state[field], `state.${field}`);
  if (Array.isArray(state.states) && state.states.length > 0) return readPartitionCursor(state.states, field);
  if (isObject(state.legacy) && isPresent(state.legacy[field]))
    return parseCursorTime(state.legacy[field], `legacy.${field}`);
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
