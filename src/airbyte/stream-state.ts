import { RollcallError } from '../errors';
import { defined, isObject, isPresent, type Json, type JsonObject } from '../json';
import { normaliseTimestamp } from '../timestamp';

/** The saved state has a form that no Airbyte caller writes. */
export class StateError extends RollcallError {
  readonly failureType = 'config_error';
  constructor(
    what: string,
    /** Path in the state, such as `[1].stream.stream_descriptor.name`; empty for the whole state. */
    readonly where: string,
  ) {
    const state = where === '' ? 'the saved state' : `the saved state, at ${where},`;
    super(`${state} ${what}.`, 'Pass the state that the last read emitted, or omit --state to read everything again.');
  }
}

/**
 * Reads the state of each stream, by name, from every form that callers pass: nothing, `{}` or `[]`; one state message or
 * an array of them, with or without the STATE envelope, of type STREAM (the default), GLOBAL (its shared state is ignored)
 * or LEGACY; or a plain `{stream name: state}`. Null means absent. The last of several states of a stream is used.
 * Throws StateError. The checks are plain code, because workflow code bundles this file.
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

/** Formats states as the array of state messages that `parseState` reads and `read --state` accepts. */
export function toStateMessages(
  states: readonly { stream: string; namespace?: string; state?: JsonObject }[],
): JsonObject[] {
  return states.flatMap(({ stream: name, namespace, state }) => {
    const descriptor = { name, ...defined({ namespace }) };
    return state ? [{ type: 'STREAM', stream: { stream_descriptor: descriptor, stream_state: state } }] : [];
  });
}

/** Whether the object has a key that a plain map of streams does not have. */
function isStateMessage(json: JsonObject): boolean {
  const bodies = [json.stream, json.global].filter(isObject);
  const hasDescriptor = bodies.some((body) => 'stream_descriptor' in body || 'stream_states' in body);
  return typeof json.type === 'string' || hasDescriptor || 'sourceStats' in json;
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

/** The type of a message without one. */
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

/** The key of Rollcall's own part of a state. Beside it is the cursor, which other connectors can read. */
const ownStateKey = 'rollcall';

export interface StateProgress {
  /** Name and newest value of an incremental stream's cursor, written at the top of the state. */
  cursorField?: string | undefined;
  cursorValue?: string | undefined;
  /** The job's id, from the configured catalog. */
  syncId?: number | undefined;
  /** Records of the stream emitted in this job. Makes each state differ from the one before. */
  records: number;
  finished: boolean;
  /** Where to resume within this job; opaque here. */
  cursor?: Json | undefined;
}

export interface SavedProgress {
  cursor?: Json;
  finished: boolean;
  records: number;
}

/** Builds the complete state of a stream. */
export function buildState(progress: StateProgress): JsonObject {
  const { cursorField, cursorValue, syncId, records, finished, cursor } = progress;
  return {
    ...(cursorField !== undefined && cursorValue !== undefined && { [cursorField]: cursorValue }),
    [ownStateKey]: defined({ version: 1, sync_id: syncId, records, finished, cursor }),
  };
}

/** Reads how far an interrupted first read of an incremental stream got. Any later read may resume there. */
export function readUnfinishedProgress(state: JsonObject): SavedProgress | undefined {
  const progress = readProgress(state);
  return progress?.finished === false ? progress : undefined;
}

/**
 * Reads how far an earlier attempt of the same job got. Undefined, so that the read starts from the beginning, unless state
 * and catalog have the same `sync_id`. A caller without one may overwrite its table, and would lose the first part. A stream
 * finished in another job must be read again.
 */
export function readJobProgress(state: JsonObject | undefined, syncId: number | undefined): SavedProgress | undefined {
  const own = state?.[ownStateKey];
  const isSameJob = syncId !== undefined && isObject(own) && own.sync_id === syncId;
  return state && isSameJob ? readProgress(state) : undefined;
}

/** Reads Rollcall's own part of a state; undefined when another source or another version wrote the state. */
export function readProgress(state: JsonObject): SavedProgress | undefined {
  const own = state[ownStateKey];
  if (!isObject(own) || own.version !== 1) return undefined;
  const { records, finished, cursor } = own;
  if (typeof finished !== 'boolean' || typeof records !== 'number') return undefined;
  if (!Number.isSafeInteger(records) || records < 0) return undefined;
  return { finished, records, ...defined({ cursor }) };
}

/** Where an incremental read resumes: from `cursor` inclusive, or without one from the beginning. Or why it cannot. */
export type CursorResult = { cursor?: string } | { problem: string };

class InvalidCursor extends Error {}

/**
 * Reads the cursor from a stream's saved state, in Rollcall's form or in one of the Airbyte Python CDK: `{<field>: time}`;
 * date ranges in `slices`; `states` and `state` by partition; keys of a full refresh (`__ab_*`), which have no cursor.
 * A time that cannot be parsed is a problem, and never starts a silent read of everything.
 */
export function readCursor(state: JsonObject, field: string): CursorResult {
  try {
    return defined({ cursor: findCursor(state, field) });
  } catch (error) {
    if (error instanceof InvalidCursor) return { problem: error.message };
    throw error;
  }
}

function findCursor({ slices, state, states, legacy, ...top }: JsonObject, field: string): string | undefined {
  if (isPresent(top[field])) return parseTime(top[field], field);
  if (Array.isArray(slices) && slices.length > 0) return findSliceCursor(slices.map(parseSlice));
  if (isObject(state) && isPresent(state[field])) return parseTime(state[field], `state.${field}`);
  if (Array.isArray(states) && states.length > 0) return findPartitionCursor(states, field);
  return isObject(legacy) && isPresent(legacy[field]) ? parseTime(legacy[field], `legacy.${field}`) : undefined;
}

function parseTime(value: unknown, where: string): string {
  const time = typeof value === 'string' ? normaliseTimestamp(value) : undefined;
  if (time === undefined) throw new InvalidCursor(`${where} is not an ISO 8601 time`);
  return time;
}

interface CursorSlice {
  start: string;
  end: string;
  /** The newest record, at or before the end. Auth0 may still index one between it and the end. */
  newest?: string;
}

function parseSlice(slice: unknown, index: number): CursorSlice {
  const where = `slices[${index}]`;
  if (!isObject(slice)) throw new InvalidCursor(`${where} is not an object`);
  const { most_recent_cursor_value: newest } = slice;
  return {
    start: parseTime(slice.start, `${where}.start`),
    end: parseTime(slice.end, `${where}.end`),
    ...(isPresent(newest) && { newest: parseTime(newest, `${where}.most_recent_cursor_value`) }),
  };
}

/** Slices at most a millisecond apart, Auth0's precision, have no gap between them. */
const granularityMs = 1;

/** The end of the first slices without a gap. Slices after a gap are read again, so that the gap is read. */
function findSliceCursor(slices: CursorSlice[]): string {
  let [{ end, newest }] = slices.sort((a, b) => Date.parse(a.start) - Date.parse(b.start)) as [CursorSlice];
  for (const next of slices) {
    if (Date.parse(next.start) > Date.parse(end) + granularityMs) break;
    if (next.end > end) ({ end } = next);
    if (next.newest !== undefined && next.newest > (newest ?? '')) ({ newest } = next);
  }
  return newest ?? end;
}

/** The lowest cursor of all partitions. A partition without one must be read from the beginning. */
function findPartitionCursor(states: unknown[], field: string): string | undefined {
  const cursors: string[] = [];
  for (const [index, item] of states.entries()) {
    const cursor = isObject(item) && isObject(item.cursor) ? item.cursor[field] : undefined;
    if (!isPresent(cursor)) return undefined;
    cursors.push(parseTime(cursor, `states[${index}].cursor.${field}`));
  }
  return cursors.sort()[0];
}
