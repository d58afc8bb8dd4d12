import fc from 'fast-check';
import { buildState, readCursor } from '../../../src/airbyte/stream-state';
import type { JsonObject } from '../../../src/json';

const [jan, feb, mar, apr, may] = ['01', '02', '03', '04', '05'].map((month) => `2024-${month}-01T00:00:00.000Z`) as [
  string,
  string,
  string,
  string,
  string,
];
const read = (state: JsonObject) => readCursor(state, 'updated_at');

test.each([
  ['2024-08-02T16:18:47.824Z', '2024-08-02T16:18:47.824Z'],
  ['2024-08-02T16:18:47.824000Z', '2024-08-02T16:18:47.824Z'],
  ['2024-08-02T16:18:47Z', '2024-08-02T16:18:47.000Z'],
  ['3021-09-08T07:04:28.000Z', '3021-09-08T07:04:28.000Z'],
])('reads the cursor %s as %s', (saved, cursor) => {
  expect(read({ updated_at: saved })).toEqual({ cursor });
});

test('reads the cursor of a state of Rollcall', () => {
  expect(read(buildState({ cursorField: 'updated_at', cursorValue: mar, records: 7, finished: true }))).toEqual({
    cursor: mar,
  });
});

test.each<JsonObject>([
  {},
  { updated_at: null },
  { __ab_full_refresh_sync_complete: true },
  { __ab_no_cursor_state_message: true },
  { next_page_token: 3 },
  { slices: [] },
  { states: [] },
  { created_at: jan },
  { state_type: 'date-range', slices: [], legacy: {} },
  buildState({ records: 7, finished: true }),
])('reads no cursor from %j', (state) => {
  expect(read(state)).toEqual({});
});

test.each<[JsonObject, string]>([
  [{ updated_at: 'last week' }, 'updated_at'],
  [{ updated_at: 1722615527 }, 'updated_at'],
  [{ updated_at: { nested: jan } }, 'updated_at'],
  [{ slices: [{ start: jan, end: 'soon' }] }, 'slices[0].end'],
  [{ slices: [{ start: jan, end: feb }, { end: feb }] }, 'slices[1].start'],
  [{ slices: [{ start: jan, end: feb, most_recent_cursor_value: 5 }] }, 'slices[0].most_recent_cursor_value'],
  [{ slices: [null] }, 'slices[0]'],
  [{ state: { updated_at: 'x' } }, 'state.updated_at'],
  [{ states: [{ cursor: { updated_at: 'x' } }] }, 'states[0].cursor.updated_at'],
  [{ slices: [], legacy: { updated_at: 'x' } }, 'legacy.updated_at'],
])('reports %j as a problem that names %s', (state, where) => {
  expect(read(state)).toEqual({ problem: expect.stringContaining(`${where} is not`) as string });
});

test('reads the newest record of a single slice, or else its end', () => {
  expect(read({ state_type: 'date-range', slices: [{ start: jan, end: mar, most_recent_cursor_value: feb }] })).toEqual(
    {
      cursor: feb,
    },
  );
  expect(read({ slices: [{ start: jan, end: mar, most_recent_cursor_value: null }] })).toEqual({ cursor: mar });
});

test('reads the end of adjacent slices in any order, and ignores slices after a gap', () => {
  const slices = [
    { start: apr, end: may },
    { start: '2024-02-01T00:00:00.001000Z', end: mar },
    { start: jan, end: '2024-02-01T00:00:00.000000Z' },
  ];
  expect(read({ slices })).toEqual({ cursor: mar });
  expect(read({ slices: [...slices, { start: feb, end: apr, most_recent_cursor_value: mar }] })).toEqual({
    cursor: mar,
  });
});

test('treats two milliseconds between slices as a gap', () => {
  expect(
    read({
      slices: [
        { start: jan, end: feb },
        { start: '2024-02-01T00:00:00.002Z', end: mar },
      ],
    }),
  ).toEqual({
    cursor: feb,
  });
});

test('ignores a slice within another one', () => {
  expect(
    read({
      slices: [
        { start: jan, end: apr },
        { start: feb, end: mar },
      ],
    }),
  ).toEqual({ cursor: apr });
});

test('reads the global cursor of a partitioned state, or the lowest one, or none when a partition has none', () => {
  const states = [
    { partition: {}, cursor: { updated_at: mar } },
    { partition: {}, cursor: { updated_at: feb } },
  ];
  expect(read({ use_global_cursor: true, state: { updated_at: apr }, states })).toEqual({ cursor: apr });
  expect(read({ use_global_cursor: false, states, parent_state: {} })).toEqual({ cursor: feb });
  expect(read({ states: [...states, { partition: {}, cursor: { __ab_full_refresh_sync_complete: true } }] })).toEqual(
    {},
  );
});

test('reads the legacy state when there are no slices', () => {
  expect(read({ state_type: 'date-range', slices: [], legacy: { updated_at: feb } })).toEqual({ cursor: feb });
});

test('reads a time, a problem or nothing from any state', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(jan, feb, 'x'),
    fc.array(fc.record({ start: fc.constant(jan), end: fc.jsonValue() })),
  );
  const state = fc.dictionary(fc.constantFrom('updated_at', 'slices', 'state', 'states', 'legacy'), value);
  fc.assert(
    fc.property(state, (saved) => {
      const [result, ...others] = Object.values(read(saved as JsonObject)) as unknown[];
      expect(others).toEqual([]);
      expect(['string', 'undefined']).toContain(typeof result);
    }),
  );
});
