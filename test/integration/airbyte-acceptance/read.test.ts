/** What is asked of a read. */
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import type { AirbyteStream } from '../../../src/airbyte/messages';
import { scratchFolder, tracedErrors } from '../../support/program';
import {
  recordsIn,
  startSubject,
  type ReadOptions,
  type RecordMessage,
  type Said,
  type StateMessage,
  type Subject,
} from './subject';

jest.setTimeout(180_000);

const folder = scratchFolder();
let subject: Subject;
let catalog: AirbyteStream[];
let read: Subject['read'];

beforeAll(async () => {
  subject = await startSubject(folder);
  ({ catalog, read } = subject);
});
afterAll(() => subject.close());

function statesIn(messages: Said['messages']): { state: StateMessage; place: number }[] {
  return messages.flatMap(({ type, state }, place) =>
    type === 'STATE' ? [{ state: state as StateMessage, place }] : [],
  );
}

function keyOf({ stream, data }: RecordMessage): string {
  const { source_defined_primary_key: key = [] } = catalog.find(({ name }) => name === stream) ?? {};
  return JSON.stringify([stream, ...key.flat().map((field) => data[field])]);
}

function keysOf(messages: Said['messages']): string[] {
  return recordsIn(messages).map(keyOf).sort();
}

/** What was said of a stream, in order: its statuses, `RECORD` and `STATE`. */
function courseOf(stream: string, { messages }: Said): string[] {
  return messages.flatMap(({ type, record, state, trace }) => {
    if (type === 'RECORD') return (record as RecordMessage).stream === stream ? ['RECORD'] : [];
    if (type === 'STATE') return (state as StateMessage).stream.stream_descriptor.name === stream ? ['STATE'] : [];
    const { stream_status: told } = (trace ?? {}) as {
      stream_status?: { stream_descriptor: { name: string }; status: string };
    };
    return told?.stream_descriptor.name === stream ? [told.status] : [];
  });
}

describe('full refresh', () => {
  let first: Said;
  let second: Said;

  beforeAll(async () => {
    first = await read({});
    second = await read({});
  });

  it('ends well, with records of every stream and nothing wrong', () => {
    for (const { code, stdout, messages } of [first, second]) {
      expect({ code, errors: tracedErrors(stdout) }).toEqual({ code: 0, errors: [] });
      expect(new Set(recordsIn(messages).map(({ stream }) => stream))).toEqual(
        new Set(catalog.map(({ name }) => name)),
      );
    }
  });

  it('brings records that their schemas describe', () => {
    const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
    for (const { name, json_schema } of catalog) {
      const validate = ajv.compile(json_schema);
      const faults = recordsIn(first.messages)
        .filter(({ stream }) => stream === name)
        .flatMap(({ data }) => (validate(data) ? [] : (validate.errors ?? [])));
      expect({ name, faults }).toEqual({ name, faults: [] });
    }
  });

  it('declares every field at the top of a record, but for what an identity provider has put on a profile', () => {
    const undeclared = new Set(
      recordsIn(first.messages).flatMap(({ stream, data }) => {
        const { properties } = catalog.find(({ name }) => name === stream)?.json_schema as { properties: object };
        return Object.keys(data)
          .filter((field) => !(field in properties))
          .map((field) => `${stream}.${field}`);
      }),
    );
    // Any claim of an enterprise connection may stand there: no schema can name them all.
    expect([...undeclared].sort()).toEqual([
      'users.groups',
      'users.https://example.com/claims/tier',
      'users.locale',
      'users.upn',
    ]);
  });

  it('brings no record without its key, and none twice', () => {
    const records = recordsIn(first.messages);
    const keys = records.map((record) => JSON.parse(keyOf(record)) as unknown[]);
    expect(keys.filter((key) => key.length < 2 || key.some((part) => typeof part !== 'string'))).toEqual([]);
    expect(new Set(records.map(keyOf)).size).toBe(records.length);
  });

  it('brings the same when it is repeated, emitted later', () => {
    expect(keysOf(second.messages)).toEqual(keysOf(first.messages));
    const times = (said: Said): number[] => recordsIn(said.messages).map(({ emitted_at }) => emitted_at);
    expect(Math.min(...times(second))).toBeGreaterThan(Math.max(...times(first)));
  });

  it('tells of each stream that it starts, runs and completes, in that order, and its last state just before', () => {
    for (const { name } of catalog) {
      const course = courseOf(name, first);
      expect(course.slice(0, 3)).toEqual(['STARTED', 'RUNNING', 'RECORD']);
      expect(course.slice(-2)).toEqual(['STATE', 'COMPLETE']);
      expect(course.filter((step) => step !== 'RECORD' && step !== 'STATE')).toEqual([
        'STARTED',
        'RUNNING',
        'COMPLETE',
      ]);
      // A record that no state follows is none that a destination may count on.
      expect(course.lastIndexOf('RECORD')).toBeLessThan(course.lastIndexOf('STATE'));
    }
  });

  it('counts in each state the records of its stream since the one before', () => {
    for (const { name } of catalog) {
      const counted = courseOf(name, first)
        .join(' ')
        .split('STATE')
        .slice(0, -1)
        .map((part) => part.split('RECORD').length - 1);
      const told = first.messages
        .filter(({ state }) => (state as StateMessage | undefined)?.stream.stream_descriptor.name === name)
        .map(({ state }) => (state as { sourceStats: { recordCount: number } }).sourceStats.recordCount);
      expect({ name, told }).toEqual({ name, told: counted });
    }
  });
});

describe('incremental', () => {
  const lookBackMs = 180_000;
  let users: AirbyteStream[];
  let first: Said;

  const cursorOf = ({ data }: RecordMessage): string | undefined => data['updated_at'] as string | undefined;
  const savedIn = ({ stream }: StateMessage): string | undefined =>
    stream.stream_state['updated_at'] as string | undefined;
  /** Users whom a read that goes on from a cursor may bring: those at or after it, less the look-back, and those without. */
  const isDue = (record: RecordMessage, cursor: string): boolean =>
    Date.parse(cursorOf(record) ?? cursor) >= Date.parse(cursor) - lookBackMs;

  beforeAll(async () => {
    users = catalog.filter(({ supported_sync_modes: modes }) => modes.includes('incremental'));
    expect(users.map(({ name }) => name)).toEqual(['users']);
    first = await read({ mode: 'incremental', streams: users, byPage: true });
    expect(first.code).toBe(0);
  });

  /** Each state of a read, with the records before it and after it. */
  function around(said: Said): { state: StateMessage; before: RecordMessage[]; after: RecordMessage[] }[] {
    return statesIn(said.messages).map(({ state, place }) => ({
      state,
      before: recordsIn(said.messages.slice(0, place)),
      after: recordsIn(said.messages.slice(place)),
    }));
  }

  it('ends with a cursor that no record is beyond, and goes on from there with no more than the look-back', async () => {
    const last = around(first).at(-1)!;
    const cursor = savedIn(last.state)!;
    expect(last.before).toHaveLength(230);
    expect(last.before.filter((record) => (cursorOf(record) ?? '') > cursor)).toEqual([]);
    const next = await read({ mode: 'incremental', streams: users, state: [last.state] });
    expect(next.code).toBe(0);
    const records = recordsIn(next.messages);
    expect(records.length).toBeLessThan(last.before.length);
    expect(records.filter((record) => !isDue(record, cursor))).toEqual([]);
    expect(savedIn(around(next).at(-1)!.state)! >= cursor).toBe(true);
  });

  it('goes on from every state of its first read with what that had still to bring', async () => {
    const states = around(first).slice(0, -1);
    expect(states.length).toBeGreaterThan(2);
    const rests = await Promise.all(
      states.map(({ state }) => read({ mode: 'incremental', streams: users, state: [state] })),
    );
    expect(rests.map(({ code }) => code)).toEqual(states.map(() => 0));
    expect(rests.map(({ messages }) => keysOf(messages))).toEqual(states.map(({ after }) => after.map(keyOf).sort()));
  });

  it('saves on the way cursors that only records of one instant are beyond, which come again with the rest', async () => {
    const middle = recordsIn(first.messages)
      .map(cursorOf)
      .filter((cursor) => cursor !== undefined)
      .sort()[50]!;
    const saved = [
      { type: 'STREAM', stream: { stream_descriptor: { name: 'users' }, stream_state: { updated_at: middle } } },
    ];
    const second = await read({ mode: 'incremental', streams: users, state: saved, byPage: true });
    expect(recordsIn(second.messages).length).toBeGreaterThan(150);
    expect(recordsIn(second.messages).filter((record) => !isDue(record, middle))).toEqual([]);
    const states = around(second).slice(0, -1);
    expect(states.length).toBeGreaterThan(1);
    const rests = await Promise.all(
      states.map(({ state }) => read({ mode: 'incremental', streams: users, state: [state] })),
    );
    for (const [place, { state, before, after }] of states.entries()) {
      const cursor = savedIn(state)!;
      // More users of the newest instant may be on the next page, so the cursor stays just before it.
      const beyond = before.filter((record) => (cursorOf(record) ?? '') > cursor);
      expect(new Set(beyond.map(cursorOf)).size).toBeLessThan(2);
      const rest = rests[place]!.messages;
      expect(keysOf(rest)).toEqual(expect.arrayContaining([...beyond, ...after].map(keyOf)));
      expect(recordsIn(rest).filter((record) => !isDue(record, cursor))).toEqual([]);
    }
  });

  it('brings nothing for a state in the future, which it leaves as it is', async () => {
    const future = { updated_at: '3021-09-08T07:04:28.000Z' };
    const state = [{ type: 'STREAM', stream: { stream_descriptor: { name: 'users' }, stream_state: future } }];
    const said = await read({ mode: 'incremental', streams: users, state });
    expect(said.code).toBe(0);
    expect(recordsIn(said.messages)).toEqual([]);
    expect(courseOf('users', said)).toEqual(['STARTED', 'STATE', 'COMPLETE']);
    expect(statesIn(said.messages)[0]!.state.stream.stream_state).toMatchObject(future);
  });
});

describe('a bad catalog', () => {
  it.each<[string, (streams: AirbyteStream[]) => ReadOptions]>([
    [
      'a stream that there is not',
      ([stream]) => ({ streams: [{ ...stream!, name: '__AIRBYTE__stream_that_does_not_exist' }] }),
    ],
    ['a mode that there is not', ([stream]) => ({ streams: [stream!], mode: 'INVALID' })],
  ])('that names %s is told in an error, and nothing is read', async (_, options) => {
    const said = await read(options(catalog));
    expect(said.code).toBe(2);
    expect(tracedErrors(said.stdout)).toMatchObject([{ failure_type: 'config_error' }]);
    expect(recordsIn(said.messages)).toEqual([]);
  });
});
