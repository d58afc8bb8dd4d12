import fc from 'fast-check';
import { formatStateLine } from '../../../src/airbyte/messages';
import { buildState, parseState, readJobProgress, StateError } from '../../../src/airbyte/stream-state';
import type { JsonObject } from '../../../src/json';

const saved = { updated_at: '2024-01-01T00:00:00.000Z' };
const stream = { stream_descriptor: { name: 'users' }, stream_state: saved };

test.each([[undefined], [null], [''], [' \n'], [{}], [[]], [{ type: 'LEGACY' }], [[{ type: 'LEGACY', data: null }]]])(
  'reads no state from %j',
  (json) => {
    expect(parseState(json)).toEqual({});
  },
);

test.each<[string, unknown]>([
  ['an array of state messages', [{ type: 'STREAM', stream }]],
  [
    'messages with explicit nulls',
    [
      {
        type: 'STREAM',
        stream: { stream_descriptor: { name: 'users', namespace: null }, stream_state: saved },
        global: null,
        data: null,
        sourceStats: null,
        destinationStats: null,
      },
    ],
  ],
  ['a message without a type', [{ stream }]],
  ['a message whose type is null', [{ type: null, stream, global: null, data: null }]],
  ['one message without an array', { type: 'STREAM', stream }],
  ['one message without array and type', { stream }],
  ["a line of a source's output", JSON.parse(formatStateLine({ name: 'users' }, saved, 4))],
  ["lines of a source's output in an array", [JSON.parse(formatStateLine({ name: 'users' }, saved, 4))]],
  ['a global state', [{ type: 'GLOBAL', global: { shared_state: { lsn: 1 }, stream_states: [stream] } }]],
  ['a global state without a type', { global: { stream_states: [stream] } }],
  ['a legacy message', { type: 'LEGACY', data: { users: saved } }],
  ['a legacy message without a type', [{ data: { users: saved } }]],
  ['streams by name', { users: saved }],
  ['streams by name, one of them without a state', { users: saved, clients: null }],
])('reads %s', (_, json) => {
  expect(parseState(json)).toEqual({ users: saved });
});

test('reads no state of a stream whose state is null', () => {
  expect(parseState([{ type: 'STREAM', stream: { ...stream, stream_state: null } }])).toEqual({});
  expect(parseState([{ type: 'STREAM', stream: { stream_descriptor: { name: 'users' } } }])).toEqual({});
  expect(parseState([{ stream }, { stream: { ...stream, stream_state: null } }])).toEqual({});
});

test('reads the last of several states of a stream', () => {
  const newer = { updated_at: '2024-02-01T00:00:00.000Z' };
  const other = { stream_descriptor: { name: 'clients' }, stream_state: { a: 1 } };
  expect(
    parseState([
      { type: 'STREAM', stream },
      { type: 'STREAM', stream: other },
      { type: 'STREAM', stream: { ...stream, stream_state: newer } },
    ]),
  ).toEqual({ users: newer, clients: { a: 1 } });
});

test('reads streams whose names are keys of a message', () => {
  const byName = { stream: { a: 1 }, global: { b: 2 }, data: { c: 3 }, type: { d: 4 } };
  expect(parseState(byName)).toEqual(byName);
});

test.each<[unknown, string]>([
  ['users', ''],
  [7, ''],
  [[null], '[0]'],
  [['users'], '[0]'],
  [[{}], '[0].type'],
  [[{ type: 'stream', stream }], '[0].type'],
  [[{ type: 'STREAM' }], '[0].stream'],
  [[{ type: 'STREAM', stream: {} }], '[0].stream.stream_descriptor.name'],
  [[{ type: 'STREAM', stream: { ...stream, stream_state: 'x' } }], '[0].stream.stream_state'],
  [[{ type: 'GLOBAL', global: { stream_states: 5 } }], '[0].global'],
  [[{ type: 'GLOBAL', global: { stream_states: [{}] } }], '[0].global.stream_states[0].stream_descriptor.name'],
  [{ type: 'LEGACY', data: 5 }, 'data'],
  [{ users: '2024-01-01' }, 'users'],
])('refuses %j and names the path: %s', (json, where) => {
  let thrown: unknown;
  try {
    parseState(json);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(StateError);
  expect(thrown).toMatchObject({
    where,
    message: expect.stringContaining('Pass the state that the last read emitted') as string,
  });
});

test('reads objects from any JSON, or throws a StateError', () => {
  const key = fc.constantFrom(
    'type',
    'stream',
    'global',
    'data',
    'state',
    'stream_descriptor',
    'stream_state',
    'stream_states',
    'name',
    '__proto__',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('STREAM', 'GLOBAL', 'LEGACY', 'STATE', 'users'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (json) => {
      try {
        for (const state of Object.values(parseState(json))) expect(state.constructor).not.toBe(Array);
      } catch (error) {
        expect(error).toBeInstanceOf(StateError);
      }
    }),
    { numRuns: 500 },
  );
});

describe('progress within a job', () => {
  const cursor = { next: 'token', seen: [1, null] };

  test('is that of an earlier attempt of the same job', () => {
    const state = buildState({ syncId: 7, records: 300, finished: false, cursor });
    expect(readJobProgress(state, 7)).toEqual({ records: 300, finished: false, cursor });
  });

  test('is finished when an earlier attempt of the same job finished the stream', () => {
    expect(readJobProgress(buildState({ syncId: 7, records: 300, finished: true }), 7)).toEqual({
      records: 300,
      finished: true,
    });
  });

  test.each<[string, JsonObject | undefined, number | undefined]>([
    ['another job', buildState({ syncId: 7, records: 3, finished: true }), 8],
    ['a caller without a job', buildState({ syncId: 7, records: 3, finished: true }), undefined],
    ['a state without a job', buildState({ records: 3, finished: true }), 7],
    ['a state and a caller without a job', buildState({ records: 3, finished: true }), undefined],
    ['no state', undefined, 7],
    ["a key of Airbyte's", { __ab_full_refresh_sync_complete: true }, 7],
    ['a state of another connector', { next_page_token: 3 }, 7],
    ['a state of another version', { rollcall: { version: 2, sync_id: 7, records: 3, finished: true } }, 7],
    ['a state without a count', { rollcall: { version: 1, sync_id: 7, finished: true } }, 7],
    ['a state with an invalid count', { rollcall: { version: 1, sync_id: 7, records: -1, finished: true } }, 7],
    ['a part that is not an object', { rollcall: 'x' }, 7],
  ])('is absent for %s', (_, state, syncId) => {
    expect(readJobProgress(state, syncId)).toBeUndefined();
  });

  test('is under one key, beside the cursor that other connectors read', () => {
    expect(
      buildState({ cursorField: 'updated_at', cursorValue: saved.updated_at, records: 0, finished: true }),
    ).toEqual({
      ...saved,
      rollcall: { version: 1, records: 0, finished: true },
    });
  });

  test('makes states differ when records are emitted between them', () => {
    const [before, after] = [1, 2].map((records) => JSON.stringify(buildState({ records, finished: false })));
    expect(before).not.toBe(after);
    expect(Object.keys(buildState({ records: 0, finished: false }))).not.toEqual([]);
  });

  test('can be read back from a state file', () => {
    const state = buildState({ syncId: 7, records: 1, finished: false, cursor: null });
    const parsed = parseState([JSON.parse(formatStateLine({ name: 'clients' }, state, 1))]).clients;
    expect(readJobProgress(parsed, 7)).toEqual({ records: 1, finished: false, cursor: null });
  });
});
