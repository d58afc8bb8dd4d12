import { setTimeout as wait } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { BrokenPipe, createOutput } from '../../../src/airbyte/protocol-output';
import type { ConfiguredStream } from '../../../src/protocol';
import { createStdoutSink } from '../../../src/sinks/stdout';
import { createStaging } from '../../../src/staging/staging';
import { AirbyteDestination, type Message } from '../../support/contract/airbyte-destination';
import { clients, rows, stage, stepsOf, summaryOf, users } from '../../support/contract/deliveries';
import { scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders();
const at = 1_700_000_123_456;

function openSink(pipe: Writable) {
  const staging = createStaging(newFolder());
  const output = createOutput(pipe, { level: 'INFO', secrets: new Set() });
  return { staging, sink: createStdoutSink({ output, staging, initialState: {}, now: () => at }) };
}

function openRead(catalog: ConfiguredStream[] = [users, clients]) {
  const destination = new AirbyteDestination(catalog);
  return { destination, ...openSink(destination.begin()) };
}

/** What kind of message it is, in a word or two. */
function kindOf({ type, trace, state }: Message): string {
  if (state) return `STATE ${state.sourceStats.recordCount}`;
  return trace?.stream_status?.status ?? trace?.type ?? type;
}

test('a step is written in the order that the platform relies on', async () => {
  const { destination, staging, sink } = openRead();
  const failure = {
    type: 'MissingScope',
    failureType: 'config_error',
    exitCode: 4,
    message: 'Grant read:users.',
  } as const;
  await sink.deliver({
    ...stepsOf('run-1', users)({ status: 'STARTED' }),
    segments: [await stage(staging, 'users', rows('a', 'b'))],
    estimate: 3000,
    rateLimited: { until: 1_700_000_999_999.5 },
    failure,
    state: { cursor: 'b' },
  });
  expect(destination.messages.map(kindOf)).toEqual([
    'STARTED',
    'ESTIMATE',
    'RUNNING',
    'RECORD',
    'RECORD',
    'RUNNING',
    'ERROR',
    'STATE 2',
  ]);
  const traces = destination.messages.flatMap(({ trace }) => trace ?? []);
  expect(traces.map(({ emitted_at }) => emitted_at)).toEqual([at, at, at, at, at]);
  expect(traces[1]?.estimate).toEqual({ name: 'users', type: 'STREAM', row_estimate: 3000 });
  expect(traces[3]?.stream_status?.reasons).toEqual([
    { type: 'RATE_LIMITED', rate_limited: { quota_reset: 1_700_001_000_000 } },
  ]);
  expect(traces[4]?.error).toEqual({
    message: 'Grant read:users.',
    internal_message: 'MissingScope',
    failure_type: 'config_error',
    stream_descriptor: { name: 'users' },
  });
});

test('a record is written with the time of its page, and in the namespace of its stream', async () => {
  const { destination, staging, sink } = openRead();
  const segments = [await stage(staging, 'clients', rows('a'))];
  await sink.deliver(stepsOf('run-1', clients)({ status: 'STARTED', segments }));
  expect(destination.messages.at(-1)).toEqual({
    type: 'RECORD',
    record: { stream: 'clients', namespace: 'acme', emitted_at: 1_700_000_000_000, data: { id: 'a' } },
  });
});

test('a stream is said to run once, at its first record', async () => {
  const { destination, staging, sink } = openRead();
  const step = stepsOf('run-1', users);
  await sink.deliver(step({ status: 'STARTED' }));
  await sink.deliver(step({ segments: [await stage(staging, 'users', [])], state: { n: 0 } }));
  await sink.deliver(step({ segments: [await stage(staging, 'users', rows('a'))], state: { n: 1 } }));
  await sink.deliver(step({ segments: [await stage(staging, 'users', rows('b'))] }));
  await sink.deliver(step({ segments: [await stage(staging, 'users', rows('c'))], state: { n: 3 } }));
  await sink.deliver(step({ status: 'COMPLETE', state: { n: 3, finished: true } }));
  expect(destination.messages.map(kindOf)).toEqual([
    'STARTED',
    'STATE 0',
    'RUNNING',
    'RECORD',
    'STATE 1',
    'RECORD',
    'RECORD',
    'STATE 2',
    'STATE 0',
    'COMPLETE',
  ]);
});

test('a stream that waits for the limit is said to, and to run again with its next records', async () => {
  const { destination, staging, sink } = openRead();
  const step = stepsOf('run-1', users);
  await sink.deliver(step({ status: 'STARTED', segments: [await stage(staging, 'users', rows('a'))] }));
  for (const until of [1_700_000_200_000, 1_700_000_300_000]) await sink.deliver(step({ rateLimited: { until } }));
  await sink.deliver(step({ state: { n: 1 } }));
  await sink.deliver(step({ segments: [await stage(staging, 'users', rows('b'))] }));
  await sink.deliver(step({ segments: [await stage(staging, 'users', rows('c'))] }));
  const reasons = destination.messages.map((message) => {
    const [reason] = message.trace?.stream_status?.reasons ?? [];
    return reason ? `${kindOf(message)} ${JSON.stringify(reason)}` : kindOf(message);
  });
  expect(reasons).toEqual([
    'STARTED',
    'RUNNING',
    'RECORD',
    'RUNNING {"type":"RATE_LIMITED","rate_limited":{"quota_reset":1700000200000}}',
    'RUNNING {"type":"RATE_LIMITED","rate_limited":{"quota_reset":1700000300000}}',
    'STATE 1',
    'RUNNING',
    'RECORD',
    'RECORD',
  ]);
});

test('a stream that ends without a state of its own is given one', async () => {
  const { destination, sink } = openRead();
  await sink.deliver(stepsOf('run-1', users)({ status: 'COMPLETE' }));
  expect(destination.messages.map(kindOf)).toEqual(['STATE 0', 'COMPLETE']);
  expect(Object.keys(destination.states.users ?? {})).not.toEqual([]);
});

test('records of a step that failed midway are counted by the state that follows', async () => {
  const { destination, staging, sink } = openRead();
  const lost = await stage(staging, 'users', rows('b'));
  const segments = [await stage(staging, 'users', rows('a')), lost];
  await staging.remove([lost]);
  const step = stepsOf('run-1', users)({ status: 'STARTED', segments, state: { n: 2 } });
  await expect(sink.deliver(step)).rejects.toThrow(/is missing/);
  await sink.deliver({ ...step, segments: [await stage(staging, 'users', rows('a', 'b'))] });
  expect(destination.messages.map(kindOf)).toEqual(['STARTED', 'RUNNING', 'RECORD', 'RECORD', 'RECORD', 'STATE 3']);
});

test('a step is answered only when the reader has taken all of it', async () => {
  let take: (() => void) | undefined;
  const pipe = new Writable({ write: (_chunk, _encoding, done) => void (take = done) });
  const { sink } = openSink(pipe);
  let answered = false;
  const answer = sink.deliver(stepsOf('run-1', users)({ status: 'STARTED' })).then(() => (answered = true));
  await wait(20);
  expect(answered).toBe(false);
  take?.();
  await answer;
});

test('a reader that stands still holds the writing up, and the waiting can be given up', async () => {
  let taken = 0;
  let standing = true;
  let take = (): void => undefined;
  const pipe = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      taken += chunk.length;
      if (standing) take = done;
      else done();
    },
  });
  const { staging, sink } = openSink(pipe);
  const lines = staging.readLines.bind(staging);
  let batches = 0;
  staging.readLines = async function* (segment) {
    for await (const batch of lines(segment)) {
      batches += 1;
      yield batch;
    }
  };
  const data = Array.from({ length: 20_000 }, (_, index) => ({ id: `id-${index}`, filler: 'x'.repeat(500) }));
  const segments = [await stage(staging, 'users', data)];
  const step = stepsOf('run-1', users)({ status: 'STARTED', segments, state: { n: 1 } });
  const caller = new AbortController();
  const answer = sink.deliver(step, caller.signal);
  await wait(100);
  expect(taken).toBeLessThan(100_000);
  expect(batches).toBe(1);
  caller.abort(new Error('gave up'));
  await expect(answer).rejects.toThrow('gave up');

  standing = false;
  take();
  await sink.deliver(step);
  expect(taken).toBeGreaterThan(10_000_000);
  expect(taken).toBeLessThan(20_000_000);
});

test('a reader that has gone ends every step', async () => {
  const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  const { sink } = openSink(new Writable({ write: (_chunk, _encoding, done) => done(gone) }));
  const step = stepsOf('run-1', users);
  const steps = [step({ status: 'STARTED' }), step({ state: { n: 1 } })];
  await expect(sink.deliver(steps[0]!)).rejects.toThrow(BrokenPipe);
  await expect(sink.deliver(steps[0]!)).rejects.toThrow(BrokenPipe);
  expect(await sink.loadState()).toEqual({});
});

test('a run that has ended is logged with its numbers; what is incomplete is a warning', async () => {
  const { destination, sink } = openRead();
  await sink.writeSummary(summaryOf('run-1'));
  expect(destination.messages).toEqual(
    [
      {
        level: 'INFO',
        message:
          'users (1200 records, 13 pages, 14 requests, 1200 rows, 12 repeated): complete except for 2 users that left during run-1',
      },
      { level: 'WARN', message: 'clients (0 records): incomplete: No.' },
      {
        level: 'WARN',
        message: 'run run-1 (1 of 2 streams complete, 1200 records): incomplete: clients is, in run-1',
      },
    ].map((log) => ({ type: 'LOG', log })),
  );
  await sink.writeSummary({ run: 'run-2', status: 'complete', verdict: 'complete', streams: [] });
  expect(destination.messages.at(-1)?.log).toEqual({
    level: 'INFO',
    message: 'run run-2 (0 of 0 streams complete, 0 records): complete',
  });
});

test('a summary is taken only when the reader has taken it, and not at all by one that has gone', async () => {
  let take: (error?: Error) => void = () => undefined;
  const { sink } = openSink(new Writable({ write: (_chunk, _encoding, done) => void (take = done) }));
  let answered = false;
  const answer = sink.writeSummary(summaryOf('run-1')).then(() => (answered = true));
  await wait(20);
  expect(answered).toBe(false);
  take(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await expect(answer).rejects.toThrow(BrokenPipe);
});
