import { setImmediate as nextTurn } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { BrokenPipe, createOutput } from '../../../src/airbyte/protocol-output';
import type { ConfiguredStream } from '../../../src/protocol';
import { createStdoutSink } from '../../../src/sinks/stdout';
import { createStaging } from '../../../src/staging/staging';
import { AirbyteDestination, type Message } from '../../support/contract/airbyte-destination';
import { clients, createSummary, numberDeliveries, rows, stageRows, users } from '../../support/contract/deliveries';
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
  return { destination, ...openSink(destination.openPipe()) };
}

/** A pipe whose reader takes nothing until the test calls what `written` resolves to: at the first write. */
function createBlockedPipe(): { pipe: Writable; written: Promise<(error?: Error) => void> } {
  let report: (unblock: (error?: Error) => void) => void;
  const written = new Promise<(error?: Error) => void>((resolve) => (report = resolve));
  return { pipe: new Writable({ write: (_chunk, _encoding, done) => report(done) }), written };
}

/** Lets everything run that does not wait for the pipe. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}

/** Summarizes a message in a word or two. */
function describeMessage({ type, trace, state }: Message): string {
  if (state) return `STATE ${state.sourceStats.recordCount}`;
  return trace?.stream_status?.status ?? trace?.type ?? type;
}

test('writes the messages of a delivery in the order that the platform requires', async () => {
  const { destination, staging, sink } = openRead();
  const failure = {
    type: 'MissingScope',
    failureType: 'config_error',
    exitCode: 4,
    message: 'Grant read:users.',
  } as const;
  await sink.deliver({
    ...numberDeliveries('run-1', users)({ status: 'STARTED' }),
    segments: [await stageRows(staging, 'users', rows('a', 'b'))],
    estimate: 3000,
    rateLimited: { until: 1_700_000_999_999.5 },
    failure,
    state: { cursor: 'b' },
  });
  expect(destination.messages.map(describeMessage)).toEqual([
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

test('writes a record with the time of its page and the namespace of its stream', async () => {
  const { destination, staging, sink } = openRead();
  const segments = [await stageRows(staging, 'clients', rows('a'))];
  await sink.deliver(numberDeliveries('run-1', clients)({ status: 'STARTED', segments }));
  expect(destination.messages.at(-1)).toEqual({
    type: 'RECORD',
    record: { stream: 'clients', namespace: 'acme', emitted_at: 1_700_000_000_000, data: { id: 'a' } },
  });
});

test('writes RUNNING once, before the first record of a stream', async () => {
  const { destination, staging, sink } = openRead();
  const next = numberDeliveries('run-1', users);
  await sink.deliver(next({ status: 'STARTED' }));
  await sink.deliver(next({ segments: [await stageRows(staging, 'users', [])], state: { n: 0 } }));
  await sink.deliver(next({ segments: [await stageRows(staging, 'users', rows('a'))], state: { n: 1 } }));
  await sink.deliver(next({ segments: [await stageRows(staging, 'users', rows('b'))] }));
  await sink.deliver(next({ segments: [await stageRows(staging, 'users', rows('c'))], state: { n: 3 } }));
  await sink.deliver(next({ status: 'COMPLETE', state: { n: 3, finished: true } }));
  expect(destination.messages.map(describeMessage)).toEqual([
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

test('writes RATE_LIMITED when a stream waits for the rate limit, and RUNNING before its next record', async () => {
  const { destination, staging, sink } = openRead();
  const next = numberDeliveries('run-1', users);
  await sink.deliver(next({ status: 'STARTED', segments: [await stageRows(staging, 'users', rows('a'))] }));
  for (const until of [1_700_000_200_000, 1_700_000_300_000]) await sink.deliver(next({ rateLimited: { until } }));
  await sink.deliver(next({ state: { n: 1 } }));
  await sink.deliver(next({ segments: [await stageRows(staging, 'users', rows('b'))] }));
  await sink.deliver(next({ segments: [await stageRows(staging, 'users', rows('c'))] }));
  const reasons = destination.messages.map((message) => {
    const [reason] = message.trace?.stream_status?.reasons ?? [];
    return reason ? `${describeMessage(message)} ${JSON.stringify(reason)}` : describeMessage(message);
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

test('writes a state before COMPLETE when the stream has none', async () => {
  const { destination, sink } = openRead();
  await sink.deliver(numberDeliveries('run-1', users)({ status: 'COMPLETE' }));
  expect(destination.messages.map(describeMessage)).toEqual(['STATE 0', 'COMPLETE']);
  expect(Object.keys(destination.states.users ?? {})).not.toEqual([]);
});

test('counts the records of a failed delivery in the next state', async () => {
  const { destination, staging, sink } = openRead();
  const lost = await stageRows(staging, 'users', rows('b'));
  const segments = [await stageRows(staging, 'users', rows('a')), lost];
  await staging.remove([lost]);
  const delivery = numberDeliveries('run-1', users)({ status: 'STARTED', segments, state: { n: 2 } });
  await expect(sink.deliver(delivery)).rejects.toThrow(/is missing/);
  await sink.deliver({ ...delivery, segments: [await stageRows(staging, 'users', rows('a', 'b'))] });
  expect(destination.messages.map(describeMessage)).toEqual([
    'STARTED',
    'RUNNING',
    'RECORD',
    'RECORD',
    'RECORD',
    'STATE 3',
  ]);
});

test('resolves a delivery only after the reader has taken all of it', async () => {
  const { pipe, written } = createBlockedPipe();
  const { sink } = openSink(pipe);
  let resolved = false;
  const delivered = sink.deliver(numberDeliveries('run-1', users)({ status: 'STARTED' })).then(() => (resolved = true));
  const unblock = await written;
  await settle();
  expect(resolved).toBe(false);
  unblock();
  await delivered;
});

test('stops reading staging while the reader of the pipe blocks, until the caller aborts', async () => {
  let bytes = 0;
  let blocked = true;
  let unblock = (): void => undefined;
  let reportWrite = (): void => undefined;
  const firstWrite = new Promise<void>((resolve) => (reportWrite = resolve));
  const pipe = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      bytes += chunk.length;
      reportWrite();
      if (blocked) unblock = done;
      else done();
    },
  });
  const { staging, sink } = openSink(pipe);
  const readLines = staging.readLines.bind(staging);
  let batches = 0;
  staging.readLines = async function* (segment) {
    for await (const batch of readLines(segment)) {
      batches += 1;
      yield batch;
    }
  };
  const data = Array.from({ length: 20_000 }, (_, index) => ({ id: `id-${index}`, filler: 'x'.repeat(500) }));
  const segments = [await stageRows(staging, 'users', data)];
  const delivery = numberDeliveries('run-1', users)({ status: 'STARTED', segments, state: { n: 1 } });
  const caller = new AbortController();
  const delivered = sink.deliver(delivery, caller.signal);
  await firstWrite;
  await settle();
  expect(bytes).toBeLessThan(100_000);
  expect(batches).toBe(1);
  caller.abort(new Error('gave up'));
  await expect(delivered).rejects.toThrow('gave up');

  blocked = false;
  unblock();
  await sink.deliver(delivery);
  expect(bytes).toBeGreaterThan(10_000_000);
  expect(bytes).toBeLessThan(20_000_000);
});

test('rejects every delivery after the reader has closed the pipe', async () => {
  const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  const { sink } = openSink(new Writable({ write: (_chunk, _encoding, done) => done(closed) }));
  const next = numberDeliveries('run-1', users);
  const deliveries = [next({ status: 'STARTED' }), next({ state: { n: 1 } })];
  await expect(sink.deliver(deliveries[0]!)).rejects.toThrow(BrokenPipe);
  await expect(sink.deliver(deliveries[0]!)).rejects.toThrow(BrokenPipe);
  expect(await sink.loadState()).toEqual({});
});

test('logs a finished run with its counts, and a warning for what is incomplete', async () => {
  const { destination, sink } = openRead();
  await sink.writeSummary(createSummary('run-1'));
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

test('resolves a summary only after the reader has taken it, and rejects it when the pipe is closed', async () => {
  const { pipe, written } = createBlockedPipe();
  const { sink } = openSink(pipe);
  let resolved = false;
  const logged = sink.writeSummary(createSummary('run-1')).then(() => (resolved = true));
  const unblock = await written;
  await settle();
  expect(resolved).toBe(false);
  unblock(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await expect(logged).rejects.toThrow(BrokenPipe);
});
