import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream, StreamState } from '../../../src/protocol';
import { SequenceGap } from '../../../src/sinks/stream-ledger';
import { type Sink, StaleDelivery } from '../../../src/sinks/sink';
import { StagingLost } from '../../../src/staging/segment-io';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { scratchFolders } from '../scratch';
import { clients, createSummary, numberDeliveries, rows, stageRows, users } from './deliveries';

/** One destination, and the sinks that processes open on it one after the other. */
export interface SinkHarness {
  open(): Promise<Sink>;
  /** The records of a stream, in the order of delivery. */
  readRecords(stream: string): Promise<JsonObject[]>;
  /** The states that the next read starts from. */
  readStates(): Promise<Record<string, StreamState>>;
  /** Everything that the destination says about finished runs. */
  readSummaries(): Promise<string>;
}

/** Creates an empty destination. */
export type CreateSinkHarness = (environment: {
  directory: string;
  staging: Staging;
  catalog: ConfiguredStream[];
}) => SinkHarness;

/** The contract of every sink (see Sink). */
export function describeSink(name: string, create: CreateSinkHarness): void {
  const newFolder = scratchFolders();

  describe(`a ${name} sink`, () => {
    let staging: Staging;
    let destination: SinkHarness;
    let sink: Sink;

    beforeEach(async () => {
      const folder = newFolder();
      staging = createStaging(join(folder, 'staging'));
      destination = create({ directory: join(folder, 'destination'), staging, catalog: [users, clients] });
      sink = await destination.open();
    });

    afterEach(() => sink.close());

    /** Copies the rows in one run of three deliveries. */
    async function copy(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<void> {
      const next = numberDeliveries(run, stream);
      await sink.deliver(next({ status: 'STARTED' }));
      await sink.deliver(next({ segments: [await stageRows(staging, stream.name, rows(...ids))], state: { at: run } }));
      await sink.deliver(next({ status: 'COMPLETE', state: { at: run, finished: true } }));
    }

    async function reopen(): Promise<void> {
      await sink.close();
      sink = await destination.open();
    }

    test('writes the records of a delivery in the order of its segments', async () => {
      const segments = [
        await stageRows(staging, 'users', rows('c', 'a')),
        await stageRows(staging, 'users', []),
        await stageRows(staging, 'users', rows('b')),
      ];
      const next = numberDeliveries('run-1', users);
      await sink.deliver(next({ status: 'STARTED', segments, state: { at: 1 } }));
      await sink.deliver(next({ segments: [await stageRows(staging, 'users', rows('0'))], state: { at: 2 } }));
      expect(await destination.readRecords('users')).toEqual(rows('c', 'a', 'b', '0'));
      expect(await destination.readStates()).toEqual({ users: { at: 2 } });
    });

    test('keeps the old state when a segment is lost, and takes the delivery when it is repeated', async () => {
      const lost = await stageRows(staging, 'users', rows('b'));
      const segments = [await stageRows(staging, 'users', rows('a')), lost];
      await staging.remove([lost]);
      const delivery = numberDeliveries('run-1', users)({ status: 'STARTED', segments, state: { at: 1 } });
      await expect(sink.deliver(delivery)).rejects.toThrow(StagingLost);
      expect(await destination.readStates()).toEqual({});
      expect(await sink.loadState()).toEqual({});

      await sink.deliver({ ...delivery, segments: [await stageRows(staging, 'users', rows('a', 'b'))] });
      expect((await destination.readRecords('users')).slice(-2)).toEqual(rows('a', 'b'));
      expect(await destination.readStates()).toEqual({ users: { at: 1 } });
    });

    test('ignores a repeated delivery', async () => {
      const next = numberDeliveries('run-1', users);
      const segments = [await stageRows(staging, 'users', rows('a'))];
      const first = next({ status: 'STARTED', segments, state: { at: 1 } });
      await sink.deliver(first);
      await staging.remove(first.segments);
      await sink.deliver(first);
      expect(await destination.readRecords('users')).toEqual(rows('a'));
      const last = next({ status: 'COMPLETE', state: { at: 2 } });
      await Promise.all([sink.deliver(last), sink.deliver(last)]);
      expect(await destination.readStates()).toEqual({ users: { at: 2 } });
    });

    test('refuses a delivery of an older run, or with an older sequence', async () => {
      const older = numberDeliveries('run-1', users);
      const next = numberDeliveries('run-2', users);
      const [first, second] = [next({ status: 'STARTED' }), next({ state: { at: 2 } })];
      await sink.deliver(first);
      await sink.deliver(second);
      const segments = [await stageRows(staging, 'users', rows('z'))];
      await expect(sink.deliver(older({ segments, state: { at: 1 } }))).rejects.toThrow(StaleDelivery);
      await expect(sink.deliver({ ...first, segments, state: { at: 1 } })).rejects.toThrow(StaleDelivery);
      expect(await destination.readRecords('users')).toEqual([]);
      expect(await destination.readStates()).toEqual({ users: { at: 2 } });
    });

    test('refuses a delivery when the one before it is missing', async () => {
      await expect(sink.deliver(numberDeliveries('run-1', users, 1)({ state: { at: 1 } }))).rejects.toThrow(
        SequenceGap,
      );
      await sink.deliver(numberDeliveries('run-1', users)({ status: 'STARTED' }));
      await expect(sink.deliver(numberDeliveries('run-1', users, 2)({ state: { at: 2 } }))).rejects.toThrow(
        /delivery 2 of users arrived, but delivery 1 was expected.*Run the sync again\./,
      );
      expect(await destination.readStates()).toEqual({});
    });

    test('replaces the records of an overwritten stream only when the run is complete', async () => {
      await copy(clients, 'run-1', 'a', 'b');
      await reopen();
      const next = numberDeliveries('run-2', clients);
      const segments = [await stageRows(staging, 'clients', rows('c'))];
      await sink.deliver(next({ status: 'STARTED', segments, state: { at: 2 } }));
      await sink.deliver(next({ segments: [await stageRows(staging, 'clients', rows('d'))], state: { at: 3 } }));
      expect(await destination.readRecords('clients')).toEqual(rows('a', 'b'));
      await sink.deliver(next({ status: 'COMPLETE', state: { at: 4 } }));
      expect(await destination.readRecords('clients')).toEqual(rows('c', 'd'));
      expect(await destination.readStates()).toEqual({ clients: { at: 4 } });
    });

    test('keeps the records of an overwritten stream when the run is incomplete', async () => {
      await copy(clients, 'run-1', 'a');
      await reopen();
      const next = numberDeliveries('run-2', clients);
      const failure = {
        type: 'MissingScope',
        failureType: 'config_error',
        exitCode: 4,
        message: 'Grant read:clients.',
      } as const;
      const segments = [await stageRows(staging, 'clients', rows('b'))];
      await sink.deliver(next({ status: 'STARTED', segments, state: { at: 2 } }));
      await sink.deliver(next({ status: 'INCOMPLETE', failure, state: { at: 3 } }));
      expect(await destination.readRecords('clients')).toEqual(rows('a'));

      await reopen();
      await copy(clients, 'run-3', 'c');
      expect(await destination.readRecords('clients')).toEqual(rows('c'));
    });

    test('drops the records of an interrupted run of an overwritten stream when the next run starts', async () => {
      const segments = [await stageRows(staging, 'clients', rows('a'))];
      await sink.deliver(numberDeliveries('run-1', clients)({ status: 'STARTED', segments, state: { at: 1 } }));
      await reopen();
      await copy(clients, 'run-2', 'b');
      expect(await destination.readRecords('clients')).toEqual(rows('b'));
    });

    test('appends to an appended stream in each run', async () => {
      await copy(users, 'run-1', 'a');
      await reopen();
      await copy(users, 'run-2', 'b');
      expect(await destination.readRecords('users')).toEqual(rows('a', 'b'));
    });

    test('completes a stream without records, and empties an overwritten stream', async () => {
      await copy(clients, 'run-1', 'a');
      await reopen();
      const next = numberDeliveries('run-2', clients);
      await sink.deliver(next({ status: 'STARTED' }));
      await sink.deliver(next({ status: 'COMPLETE', state: { none: true } }));
      expect(await destination.readRecords('clients')).toEqual([]);
      expect(await destination.readStates()).toEqual({ clients: { none: true } });
    });

    test('writes records of a megabyte, and any character, unchanged', async () => {
      const data = [
        { id: 'big', text: randomBytes(512 * 1024).toString('hex') },
        { id: 'odd', text: 'Zoë 😀 \u2028 \u0000 " \\ \n', ключ: ['\ud83d', '日本'] },
        { id: 'big 2', text: '€'.repeat(350_000) },
      ];
      const segments = [await stageRows(staging, 'users', data)];
      await sink.deliver(numberDeliveries('run-1', users)({ status: 'STARTED', segments, state: { Zoë: '日本' } }));
      expect(await destination.readRecords('users')).toEqual(data);
      expect(await destination.readStates()).toEqual({ users: { Zoë: '日本' } });
    });

    test('writes undeclared fields, and values of other types than declared, unchanged', async () => {
      const data = [
        { id: 'made-up|1', email: 'one@example.com', blocked: false, logins_count: 1, last_ip: '192.0.2.1' },
        { id: 'made-up|2', email: { work: 'two@example.com' }, blocked: 'no', logins_count: 1.5, team: 'red' },
        { id: 7, app_metadata: 'none', created_at: 'long ago', updated_at: 5, team: ['red'], Team: 1, '': 2 },
      ];
      const next = numberDeliveries('run-1', users);
      await sink.deliver(next({ status: 'STARTED', segments: [await stageRows(staging, 'users', data.slice(0, 1))] }));
      await sink.deliver(next({ segments: [await stageRows(staging, 'users', data.slice(1))], state: { at: 2 } }));
      expect(await destination.readRecords('users')).toEqual(data);
      await reopen();
      await copy(users, 'run-2', 'made-up|3');
      expect(await destination.readRecords('users')).toEqual([...data, ...rows('made-up|3')]);
    });

    test('loads the newest state of each stream, in the next process as well', async () => {
      expect(await sink.loadState()).toEqual({});
      await copy(users, 'run-1', 'a');
      await copy(clients, 'run-1', 'b');
      const states = { users: { at: 'run-1', finished: true }, clients: { at: 'run-1', finished: true } };
      expect(await sink.loadState()).toEqual(states);
      await reopen();
      expect(await sink.loadState()).toEqual(states);
      const next = numberDeliveries('run-2', users);
      await sink.deliver(next({ status: 'STARTED', state: { at: 'run-2' } }));
      await sink.deliver(next({ segments: [await stageRows(staging, 'users', rows('c'))] }));
      expect(await sink.loadState()).toEqual({ ...states, users: { at: 'run-2' } });
    });

    test('takes deliveries of several streams at the same time', async () => {
      const ids = Array.from({ length: 20 }, (_, index) => `id-${index}`);
      async function copyOneByOne(stream: ConfiguredStream): Promise<void> {
        const next = numberDeliveries('run-1', stream);
        await sink.deliver(next({ status: 'STARTED' }));
        for (const id of ids) {
          const segments = [await stageRows(staging, stream.name, rows(id))];
          await sink.deliver(next({ segments, state: { at: id } }));
        }
        await sink.deliver(next({ status: 'COMPLETE', state: { at: 'end' } }));
      }
      await Promise.all([copyOneByOne(users), copyOneByOne(clients)]);
      expect(await destination.readRecords('users')).toEqual(rows(...ids));
      expect(await destination.readRecords('clients')).toEqual(rows(...ids));
      expect(await destination.readStates()).toEqual({ users: { at: 'end' }, clients: { at: 'end' } });
    });

    test('writes the verdict of a finished run and of each of its streams', async () => {
      const { verdict, streams } = createSummary('run-1');
      await sink.writeSummary(createSummary('run-1'));
      const summaries = await destination.readSummaries();
      for (const part of [verdict, ...streams.map((each) => each.verdict)]) expect(summaries).toContain(part);
    });

    test('writes a summary after the deliveries before it, and changes no records or states', async () => {
      const next = numberDeliveries('run-1', users);
      const segments = [await stageRows(staging, 'users', rows('a', 'b'))];
      const delivered = sink.deliver(next({ status: 'STARTED', segments, state: { at: 1 } }));
      await sink.writeSummary(createSummary('run-1'));
      expect(await destination.readRecords('users')).toEqual(rows('a', 'b'));
      await delivered;

      expect(await destination.readRecords('users')).toEqual(rows('a', 'b'));
      expect(await destination.readStates()).toEqual({ users: { at: 1 } });
      expect(await sink.loadState()).toEqual({ users: { at: 1 } });
      await reopen();
      await copy(users, 'run-2', 'c');
      expect(await destination.readRecords('users')).toEqual(rows('a', 'b', 'c'));
    });

    test('ignores a repeated summary, and one of an older run', async () => {
      await sink.writeSummary(createSummary('run-2'));
      const summaries = await destination.readSummaries();
      await Promise.all([sink.writeSummary(createSummary('run-2')), sink.writeSummary(createSummary('run-2'))]);
      expect(await destination.readSummaries()).toBe(summaries);
      await sink.writeSummary(createSummary('run-1'));
      expect(await destination.readSummaries()).toBe(summaries);
      await sink.writeSummary(createSummary('run-3'));
      expect(await destination.readSummaries()).toContain(createSummary('run-3').verdict);
    });

    test('takes a delivery completely or not at all when its caller aborts', async () => {
      const next = numberDeliveries('run-1', users);
      const staged = async (id: string) => [await stageRows(staging, 'users', rows(id))];
      const first = next({ status: 'STARTED', segments: await staged('a'), state: { at: 1 } });
      const second = next({ segments: await staged('b'), state: { at: 2 } });
      const caller = new AbortController();
      const results = [sink.deliver(first, caller.signal), sink.deliver(second, caller.signal)];
      caller.abort(new Error('gave up'));
      for (const result of results) await expect(result).rejects.toThrow('gave up');

      await sink.deliver(first);
      await sink.deliver(second);
      expect(await destination.readRecords('users')).toEqual(rows('a', 'b'));
      expect(await destination.readStates()).toEqual({ users: { at: 2 } });
    });
  });
}
