/** Airbyte's checks of `read`. */
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import type { AirbyteStream } from '../../../src/airbyte/messages';
import { tracedErrors } from '../../support/program';
import {
  recordsIn,
  startSubject,
  type ReadOptions,
  type RecordMessage,
  type Answer,
  type StateMessage,
  type Subject,
} from './subject';
import { scratchFolder } from '../../support/scratch';

jest.setTimeout(120_000);

const folder = scratchFolder();
let subject: Subject;
let catalog: AirbyteStream[];
let read: Subject['read'];

beforeAll(async () => {
  subject = await startSubject(folder);
  ({ catalog, read } = subject);
});
afterAll(() => subject.close());

function statesIn(messages: Answer['messages']): { state: StateMessage; index: number }[] {
  return messages.flatMap(({ type, state }, index) =>
    type === 'STATE' ? [{ state: state as StateMessage, index }] : [],
  );
}

function keyOf({ stream, data }: RecordMessage): string {
  const { source_defined_primary_key: key = [] } = catalog.find(({ name }) => name === stream) ?? {};
  return JSON.stringify([stream, ...key.flat().map((field) => data[field])]);
}

function keysOf(messages: Answer['messages']): string[] {
  return recordsIn(messages).map(keyOf).sort();
}

/** The messages about a stream, in order: its statuses, `RECORD` and `STATE`. */
function listEvents(stream: string, { messages }: Answer): string[] {
  return messages.flatMap(({ type, record, state, trace }) => {
    if (type === 'RECORD') return (record as RecordMessage).stream === stream ? ['RECORD'] : [];
    if (type === 'STATE') return (state as StateMessage).stream.stream_descriptor.name === stream ? ['STATE'] : [];
    const { stream_status: status } = (trace ?? {}) as {
      stream_status?: { stream_descriptor: { name: string }; status: string };
    };
    return status?.stream_descriptor.name === stream ? [status.status] : [];
  });
}

describe('full refresh', () => {
  let first: Answer;
  let second: Answer;

  beforeAll(async () => {
    first = await read({});
    second = await read({});
  });

  it('exits with 0 and writes records of every stream and no error', () => {
    for (const { code, stdout, messages } of [first, second]) {
      expect({ code, errors: tracedErrors(stdout) }).toEqual({ code: 0, errors: [] });
      expect(new Set(recordsIn(messages).map(({ stream }) => stream))).toEqual(
        new Set(catalog.map(({ name }) => name)),
      );
    }
  });

  it('writes records that match their schemas', () => {
    const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
    for (const { name, json_schema } of catalog) {
      const validate = ajv.compile(json_schema);
      const faults = recordsIn(first.messages)
        .filter(({ stream }) => stream === name)
        .flatMap(({ data }) => (validate(data) ? [] : (validate.errors ?? [])));
      expect({ name, faults }).toEqual({ name, faults: [] });
    }
  });

  it('declares every top-level field of a record except those that an identity provider added to a profile', () => {
    const undeclared = new Set(
      recordsIn(first.messages).flatMap(({ stream, data }) => {
        const { properties } = catalog.find(({ name }) => name === stream)?.json_schema as { properties: object };
        return Object.keys(data)
          .filter((field) => !(field in properties))
          .map((field) => `${stream}.${field}`);
      }),
    );
    // Enterprise connections add any claims: no schema can name them all.
    expect([...undeclared].sort()).toEqual([
      'users.groups',
      'users.https://example.com/claims/tier',
      'users.locale',
      'users.upn',
    ]);
  });

  it('writes no record without its primary key, and none twice', () => {
    const records = recordsIn(first.messages);
    const keys = records.map((record) => JSON.parse(keyOf(record)) as unknown[]);
    expect(keys.filter((key) => key.length < 2 || key.some((part) => typeof part !== 'string'))).toEqual([]);
    expect(new Set(records.map(keyOf)).size).toBe(records.length);
  });

  it('writes the same records when it is repeated, with later emission times', () => {
    expect(keysOf(second.messages)).toEqual(keysOf(first.messages));
    const times = (answer: Answer): number[] => recordsIn(answer.messages).map(({ emitted_at }) => emitted_at);
    expect(Math.min(...times(second))).toBeGreaterThan(Math.max(...times(first)));
  });

  it('reports for each stream that it starts, runs and completes, with the last state just before the end', () => {
    for (const { name } of catalog) {
      const events = listEvents(name, first);
      expect(events.slice(0, 3)).toEqual(['STARTED', 'RUNNING', 'RECORD']);
      expect(events.slice(-2)).toEqual(['STATE', 'COMPLETE']);
      expect(events.filter((step) => step !== 'RECORD' && step !== 'STATE')).toEqual([
        'STARTED',
        'RUNNING',
        'COMPLETE',
      ]);
      // A destination cannot rely on a record without a state after it.
      expect(events.lastIndexOf('RECORD')).toBeLessThan(events.lastIndexOf('STATE'));
    }
  });

  it('counts in each state the records of its stream since the previous state', () => {
    for (const { name } of catalog) {
      const expected = listEvents(name, first)
        .join(' ')
        .split('STATE')
        .slice(0, -1)
        .map((part) => part.split('RECORD').length - 1);
      const counts = first.messages
        .filter(({ state }) => (state as StateMessage | undefined)?.stream.stream_descriptor.name === name)
        .map(({ state }) => (state as { sourceStats: { recordCount: number } }).sourceStats.recordCount);
      expect({ name, counts }).toEqual({ name, counts: expected });
    }
  });
});

describe('incremental', () => {
  const lookBackMs = 180_000;
  let users: AirbyteStream[];
  let first: Answer;

  const cursorOf = ({ data }: RecordMessage): string | undefined => data['updated_at'] as string | undefined;
  const savedIn = ({ stream }: StateMessage): string | undefined =>
    stream.stream_state['updated_at'] as string | undefined;
  /** Whether a read that resumes from a cursor reads a user: at or after the cursor, less the look-back, or without a timestamp. */
  const isDue = (record: RecordMessage, cursor: string): boolean =>
    Date.parse(cursorOf(record) ?? cursor) >= Date.parse(cursor) - lookBackMs;

  beforeAll(async () => {
    users = catalog.filter(({ supported_sync_modes: modes }) => modes.includes('incremental'));
    expect(users.map(({ name }) => name)).toEqual(['users']);
    first = await read({ mode: 'incremental', streams: users, byPage: true });
    expect(first.code).toBe(0);
  });

  /** Each state of a read, with the records before it and after it. */
  function around(answer: Answer): { state: StateMessage; before: RecordMessage[]; after: RecordMessage[] }[] {
    return statesIn(answer.messages).map(({ state, index }) => ({
      state,
      before: recordsIn(answer.messages.slice(0, index)),
      after: recordsIn(answer.messages.slice(index)),
    }));
  }

  it('ends with a cursor that no record exceeds, and resumes from it with at most the look-back', async () => {
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

  it('resumes from every state of its first read with the records that followed it', async () => {
    const states = around(first).slice(0, -1);
    expect(states.length).toBeGreaterThan(2);
    const rests = await Promise.all(
      states.map(({ state }) => read({ mode: 'incremental', streams: users, state: [state] })),
    );
    expect(rests.map(({ code }) => code)).toEqual(states.map(() => 0));
    expect(rests.map(({ messages }) => keysOf(messages))).toEqual(states.map(({ after }) => after.map(keyOf).sort()));
  });

  it('saves cursors that only records with one timestamp exceed, and reads those records again', async () => {
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
    for (const [index, { state, before, after }] of states.entries()) {
      const cursor = savedIn(state)!;
      // The next page may have more users of the newest timestamp, so the cursor stays just before it.
      const beyond = before.filter((record) => (cursorOf(record) ?? '') > cursor);
      expect(new Set(beyond.map(cursorOf)).size).toBeLessThan(2);
      const rest = rests[index]!.messages;
      expect(keysOf(rest)).toEqual(expect.arrayContaining([...beyond, ...after].map(keyOf)));
      expect(recordsIn(rest).filter((record) => !isDue(record, cursor))).toEqual([]);
    }
  });

  it('reads nothing for a state in the future, and keeps the state', async () => {
    const future = { updated_at: '3021-09-08T07:04:28.000Z' };
    const state = [{ type: 'STREAM', stream: { stream_descriptor: { name: 'users' }, stream_state: future } }];
    const answer = await read({ mode: 'incremental', streams: users, state });
    expect(answer.code).toBe(0);
    expect(recordsIn(answer.messages)).toEqual([]);
    expect(listEvents('users', answer)).toEqual(['STARTED', 'STATE', 'COMPLETE']);
    expect(statesIn(answer.messages)[0]!.state.stream.stream_state).toMatchObject(future);
  });
});

describe('an invalid catalog', () => {
  it.each<[string, (streams: AirbyteStream[]) => ReadOptions]>([
    [
      'a stream that does not exist',
      ([stream]) => ({ streams: [{ ...stream!, name: '__AIRBYTE__stream_that_does_not_exist' }] }),
    ],
    ['a mode that does not exist', ([stream]) => ({ streams: [stream!], mode: 'INVALID' })],
  ])('with %s causes an error, and nothing is read', async (_, options) => {
    const answer = await read(options(catalog));
    expect(answer.code).toBe(2);
    expect(tracedErrors(answer.stdout)).toMatchObject([{ failure_type: 'config_error' }]);
    expect(recordsIn(answer.messages)).toEqual([]);
  });
});
