import { buildState } from '../../../src/airbyte/stream-state';
import type { Json, JsonObject } from '../../../src/json';
import type { StreamState } from '../../../src/protocol';
import { readResumePoint } from '../../../src/streams/resume-point';

const block = {
  parts: [
    { prefix: 'auth0|', not: [{ connection: 'db' }] },
    { connection: 'db', not: [] },
  ],
  page: 3,
  read: 300,
  total: 450,
  pass: ['fingerprint'],
  unstable: true,
  deliveredBefore: ['fingerprint'],
  carriedOver: ['fingerprint'],
  carriedOverFloor: 1,
};
const time = '2026-01-01T00:00:00.000Z';
const announced = { total: 9, read: 4, to: '*' };
const range = { lo: time, after: false, deliveredAtLo: ['fingerprint'], announced, acceptedPageRows: 50 };
const list = { kind: 'list', stream: 'clients' };
const search = { kind: 'search', stream: 'users', key: 'updated_at', from: time, to: time, missing: true };
const checkpoint = { mode: 'checkpoint', from: 'token', pages: 4, done: false, emptyPages: 1, restarted: true };
const offset = { mode: 'offset', page: 2, size: 100, read: 200, total: 250, seen: ['fingerprint'], done: false };

const ofList = (cursor: Json): JsonObject => ({
  kind: 'partitions',
  task: list,
  partitions: [{ task: list, cursor }],
  startedAt: null,
});
const ofSearch = (keyset: JsonObject): JsonObject => ({
  kind: 'partitions',
  task: search,
  partitions: [{ task: search, cursor: { startedAt: time, firstKey: time, keyset } }],
  startedAt: time,
});
const stateWith = (cursor: Json, finished = false): StreamState => buildState({ records: 5, finished, cursor });

const points: [string, JsonObject][] = [
  ['a list that has not started', ofList(null)],
  ['a list read by checkpoint', ofList(checkpoint)],
  ['a list read by offset', ofList(offset)],
  ['a range of a search', ofSearch({ phase: 'range', range })],
  ['a block of a search', ofSearch({ phase: 'block', lo: '*', after: true, hi: time, block, shortPageRows: 40 })],
  ['the users without a key', ofSearch({ phase: 'missing', block, last: time })],
  ['a parent list', { kind: 'parents', cursor: checkpoint, fetches: 3 }],
];

it.each(points)('reads the resume point of %s unchanged', (_of, point) => {
  expect(readResumePoint(stateWith(point))).toEqual(point);
});

/** Copies of a value in which one of its parts is an object of another form. */
function damage(value: Json): Json[] {
  const broken: Json = { x: 1 };
  if (typeof value !== 'object' || value === null) return [broken];
  if (Array.isArray(value)) {
    return [broken, ...value.flatMap((each, at) => damage(each).map((copy) => value.with(at, copy)))];
  }
  const entries = Object.entries(value);
  return [broken, ...entries.flatMap(([key, each]) => damage(each).map((copy) => ({ ...value, [key]: copy })))];
}

it.each(points)('refuses the resume point of %s when any part of it is damaged', (_of, point) => {
  const copies = damage(point);
  expect(copies.length).toBeGreaterThan(5);
  expect(copies.filter((copy) => readResumePoint(stateWith(copy)) !== undefined)).toEqual([]);
});

it.each<[string, Json]>([
  ['a negative count', ofList({ ...checkpoint, pages: -1 })],
  ['a fraction', ofList({ ...offset, read: 1.5 })],
  ['pages of no rows', ofList({ ...offset, size: 0 })],
  ['a day that does not exist', ofSearch({ phase: 'range', range: { ...range, lo: '2024-02-30T00:00:00Z' } })],
  ['a list that is read already', ofList({ ...checkpoint, done: true })],
  ['a search that is read already', ofSearch({ phase: 'done' })],
  ['a block without parts', ofSearch({ phase: 'missing', block: { ...block, parts: [] } })],
  ['no partitions', { ...ofList(null), partitions: [] }],
  ['a partition of another stream', { ...ofList(null), task: { ...list, stream: 'users' } }],
  ['a parent list that is read already', { kind: 'parents', cursor: { ...checkpoint, done: true }, fetches: 3 }],
])('refuses a resume point with %s in the state of an unfinished stream', (_what, point) => {
  expect(readResumePoint(stateWith(point))).toBeUndefined();
});

it.each<[string, JsonObject]>([
  ['no partitions', { ...ofList(null), partitions: [] }],
  ['a parent list that is read', { kind: 'parents', cursor: { ...checkpoint, done: true }, fetches: 3 }],
])('reads a resume point with %s from the state of a finished stream', (_what, point) => {
  expect(readResumePoint(stateWith(point, true))).toEqual(point);
});

it.each<[string, StreamState]>([
  ['an empty state', {}],
  ['the state of another connector', { updated_at: time }],
  ['a state without a resume point', buildState({ records: 5, finished: false })],
])('finds no resume point in %s', (_what, state) => {
  expect(readResumePoint(state)).toBeUndefined();
});
