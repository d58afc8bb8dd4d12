import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream, StreamState } from '../../../src/protocol';
import { SequenceGap } from '../../../src/sinks/sequence';
import { type Sink, StaleDelivery } from '../../../src/sinks/sink';
import { StagingLost } from '../../../src/staging/segment-io';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { scratchFolders } from '../scratch';
import { clients, rows, stage, stepsOf, summaryOf, users } from './deliveries';

/** One destination, and the sinks that processes open on it one after the other. */
export interface SinkHarness {
  open(): Promise<Sink>;
  /** The records that count, in their order. */
  held(stream: string): Promise<JsonObject[]>;
  /** The states that a later read would be given. */
  states(): Promise<Record<string, StreamState>>;
  /** All that it says of runs that have ended. */
  told(): Promise<string>;
}

/** Begins with a destination that holds nothing. */
export type BeginSink = (world: { directory: string; staging: Staging; catalog: ConfiguredStream[] }) => SinkHarness;

/** What every sink promises (see Sink). */
export function describeSink(name: string, begin: BeginSink): void {
  const newFolder = scratchFolders();

  describe(`a ${name} sink`, () => {
    let staging: Staging;
    let destination: SinkHarness;
    let sink: Sink;

    beforeEach(async () => {
      const folder = newFolder();
      staging = createStaging(join(folder, 'staging'));
      destination = begin({ directory: join(folder, 'destination'), staging, catalog: [users, clients] });
      sink = await destination.open();
    });

    afterEach(() => sink.close());

    /** Copies the rows in one run of three steps. */
    async function copy(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<void> {
      const step = stepsOf(run, stream);
      await sink.deliver(step({ status: 'STARTED' }));
      await sink.deliver(step({ segments: [await stage(staging, stream.name, rows(...ids))], state: { at: run } }));
      await sink.deliver(step({ status: 'COMPLETE', state: { at: run, finished: true } }));
    }

    async function reopen(): Promise<void> {
      await sink.close();
      sink = await destination.open();
    }

    test('brings the records of a step in the order of its segments', async () => {
      const segments = [
        await stage(staging, 'users', rows('c', 'a')),
        await stage(staging, 'users', []),
        await stage(staging, 'users', rows('b')),
      ];
      const step = stepsOf('run-1', users);
      await sink.deliver(step({ status: 'STARTED', segments, state: { at: 1 } }));
      await sink.deliver(step({ segments: [await stage(staging, 'users', rows('0'))], state: { at: 2 } }));
      expect(await destination.held('users')).toEqual(rows('c', 'a', 'b', '0'));
      expect(await destination.states()).toEqual({ users: { at: 2 } });
    });

    test('gives out no state of a step whose records could not all be brought, and takes the step later', async () => {
      const lost = await stage(staging, 'users', rows('b'));
      const segments = [await stage(staging, 'users', rows('a')), lost];
      await staging.remove([lost]);
      const step = stepsOf('run-1', users)({ status: 'STARTED', segments, state: { at: 1 } });
      await expect(sink.deliver(step)).rejects.toThrow(StagingLost);
      expect(await destination.states()).toEqual({});
      expect(await sink.loadState()).toEqual({});

      await sink.deliver({ ...step, segments: [await stage(staging, 'users', rows('a', 'b'))] });
      expect((await destination.held('users')).slice(-2)).toEqual(rows('a', 'b'));
      expect(await destination.states()).toEqual({ users: { at: 1 } });
    });

    test('answers a step that it has taken without doing it again', async () => {
      const step = stepsOf('run-1', users);
      const first = step({ status: 'STARTED', segments: [await stage(staging, 'users', rows('a'))], state: { at: 1 } });
      await sink.deliver(first);
      await staging.remove(first.segments);
      await sink.deliver(first);
      expect(await destination.held('users')).toEqual(rows('a'));
      const last = step({ status: 'COMPLETE', state: { at: 2 } });
      await Promise.all([sink.deliver(last), sink.deliver(last)]);
      expect(await destination.states()).toEqual({ users: { at: 2 } });
    });

    test('refuses a step of an older run, or with an older sequence', async () => {
      const old = stepsOf('run-1', users);
      const step = stepsOf('run-2', users);
      const [first, second] = [step({ status: 'STARTED' }), step({ state: { at: 2 } })];
      await sink.deliver(first);
      await sink.deliver(second);
      const segments = [await stage(staging, 'users', rows('z'))];
      await expect(sink.deliver(old({ segments, state: { at: 1 } }))).rejects.toThrow(StaleDelivery);
      await expect(sink.deliver({ ...first, segments, state: { at: 1 } })).rejects.toThrow(StaleDelivery);
      expect(await destination.held('users')).toEqual([]);
      expect(await destination.states()).toEqual({ users: { at: 2 } });
    });

    test('refuses a step whose predecessor never came', async () => {
      await expect(sink.deliver(stepsOf('run-1', users, 1)({ state: { at: 1 } }))).rejects.toThrow(SequenceGap);
      await sink.deliver(stepsOf('run-1', users)({ status: 'STARTED' }));
      await expect(sink.deliver(stepsOf('run-1', users, 2)({ state: { at: 2 } }))).rejects.toThrow(
        /step 2 of users came where step 1 was due.*Run the sync again\./,
      );
      expect(await destination.states()).toEqual({});
    });

    test('replaces an overwritten stream only when it is complete', async () => {
      await copy(clients, 'run-1', 'a', 'b');
      await reopen();
      const step = stepsOf('run-2', clients);
      const segments = [await stage(staging, 'clients', rows('c'))];
      await sink.deliver(step({ status: 'STARTED', segments, state: { at: 2 } }));
      await sink.deliver(step({ segments: [await stage(staging, 'clients', rows('d'))], state: { at: 3 } }));
      expect(await destination.held('clients')).toEqual(rows('a', 'b'));
      await sink.deliver(step({ status: 'COMPLETE', state: { at: 4 } }));
      expect(await destination.held('clients')).toEqual(rows('c', 'd'));
      expect(await destination.states()).toEqual({ clients: { at: 4 } });
    });

    test('keeps what it held of an overwritten stream that ends incomplete', async () => {
      await copy(clients, 'run-1', 'a');
      await reopen();
      const step = stepsOf('run-2', clients);
      const failure = {
        type: 'MissingScope',
        failureType: 'config_error',
        exitCode: 4,
        message: 'Grant read:clients.',
      } as const;
      const segments = [await stage(staging, 'clients', rows('b'))];
      await sink.deliver(step({ status: 'STARTED', segments, state: { at: 2 } }));
      await sink.deliver(step({ status: 'INCOMPLETE', failure, state: { at: 3 } }));
      expect(await destination.held('clients')).toEqual(rows('a'));

      await reopen();
      await copy(clients, 'run-3', 'c');
      expect(await destination.held('clients')).toEqual(rows('c'));
    });

    test('drops what an interrupted run brought for an overwritten stream when the next run comes', async () => {
      const segments = [await stage(staging, 'clients', rows('a'))];
      await sink.deliver(stepsOf('run-1', clients)({ status: 'STARTED', segments, state: { at: 1 } }));
      await reopen();
      await copy(clients, 'run-2', 'b');
      expect(await destination.held('clients')).toEqual(rows('b'));
    });

    test('adds to an appended stream, run after run', async () => {
      await copy(users, 'run-1', 'a');
      await reopen();
      await copy(users, 'run-2', 'b');
      expect(await destination.held('users')).toEqual(rows('a', 'b'));
    });

    test('completes a stream without records, and empties what it overwrites', async () => {
      await copy(clients, 'run-1', 'a');
      await reopen();
      const step = stepsOf('run-2', clients);
      await sink.deliver(step({ status: 'STARTED' }));
      await sink.deliver(step({ status: 'COMPLETE', state: { none: true } }));
      expect(await destination.held('clients')).toEqual([]);
      expect(await destination.states()).toEqual({ clients: { none: true } });
    });

    test('brings records of a megabyte and any character unchanged', async () => {
      const data = [
        { id: 'big', text: randomBytes(512 * 1024).toString('hex') },
        { id: 'odd', text: 'Zoë 😀 \u2028 \u0000 " \\ \n', ключ: ['\ud83d', '日本'] },
        { id: 'big 2', text: '€'.repeat(350_000) },
      ];
      const segments = [await stage(staging, 'users', data)];
      await sink.deliver(stepsOf('run-1', users)({ status: 'STARTED', segments, state: { Zoë: '日本' } }));
      expect(await destination.held('users')).toEqual(data);
      expect(await destination.states()).toEqual({ users: { Zoë: '日本' } });
    });

    test('brings unchanged what the schema does not know, and values of other types than it says', async () => {
      const data = [
        { user_id: 'made-up|1', email: 'one@example.com', blocked: false, logins_count: 1, last_ip: '192.0.2.1' },
        { user_id: 'made-up|2', email: { work: 'two@example.com' }, blocked: 'no', logins_count: 1.5, team: 'red' },
        { user_id: 7, app_metadata: 'none', created_at: 'long ago', updated_at: 5, team: ['red'], Team: 1, '': 2 },
      ];
      const step = stepsOf('run-1', users);
      await sink.deliver(step({ status: 'STARTED', segments: [await stage(staging, 'users', data.slice(0, 1))] }));
      await sink.deliver(step({ segments: [await stage(staging, 'users', data.slice(1))], state: { at: 2 } }));
      expect(await destination.held('users')).toEqual(data);
      await reopen();
      await copy(users, 'run-2', 'made-up|3');
      expect(await destination.held('users')).toEqual([...data, ...rows('made-up|3')]);
    });

    test('gives back the newest state of each stream, also to the next process', async () => {
      expect(await sink.loadState()).toEqual({});
      await copy(users, 'run-1', 'a');
      await copy(clients, 'run-1', 'b');
      const states = { users: { at: 'run-1', finished: true }, clients: { at: 'run-1', finished: true } };
      expect(await sink.loadState()).toEqual(states);
      await reopen();
      expect(await sink.loadState()).toEqual(states);
      const step = stepsOf('run-2', users);
      await sink.deliver(step({ status: 'STARTED', state: { at: 'run-2' } }));
      await sink.deliver(step({ segments: [await stage(staging, 'users', rows('c'))] }));
      expect(await sink.loadState()).toEqual({ ...states, users: { at: 'run-2' } });
    });

    test('takes the steps of several streams at once', async () => {
      const ids = Array.from({ length: 20 }, (_, index) => `id-${index}`);
      async function copySlowly(stream: ConfiguredStream): Promise<void> {
        const step = stepsOf('run-1', stream);
        await sink.deliver(step({ status: 'STARTED' }));
        for (const id of ids) {
          await sink.deliver(step({ segments: [await stage(staging, stream.name, rows(id))], state: { at: id } }));
        }
        await sink.deliver(step({ status: 'COMPLETE', state: { at: 'end' } }));
      }
      await Promise.all([copySlowly(users), copySlowly(clients)]);
      expect(await destination.held('users')).toEqual(rows(...ids));
      expect(await destination.held('clients')).toEqual(rows(...ids));
      expect(await destination.states()).toEqual({ users: { at: 'end' }, clients: { at: 'end' } });
    });

    test('tells of a run that has ended: the verdict on each stream, and on all', async () => {
      const { verdict, streams } = summaryOf('run-1');
      await sink.writeSummary(summaryOf('run-1'));
      const told = await destination.told();
      for (const part of [verdict, ...streams.map((each) => each.verdict)]) expect(told).toContain(part);
    });

    test('takes a summary after the steps before it, and leaves records and states as they are', async () => {
      const step = stepsOf('run-1', users);
      const segments = [await stage(staging, 'users', rows('a', 'b'))];
      const delivered = sink.deliver(step({ status: 'STARTED', segments, state: { at: 1 } }));
      await sink.writeSummary(summaryOf('run-1'));
      expect(await destination.held('users')).toEqual(rows('a', 'b'));
      await delivered;

      expect(await destination.held('users')).toEqual(rows('a', 'b'));
      expect(await destination.states()).toEqual({ users: { at: 1 } });
      expect(await sink.loadState()).toEqual({ users: { at: 1 } });
      await reopen();
      await copy(users, 'run-2', 'c');
      expect(await destination.held('users')).toEqual(rows('a', 'b', 'c'));
    });

    test('says nothing more when a summary is repeated, or is of an older run', async () => {
      await sink.writeSummary(summaryOf('run-2'));
      const told = await destination.told();
      await Promise.all([sink.writeSummary(summaryOf('run-2')), sink.writeSummary(summaryOf('run-2'))]);
      expect(await destination.told()).toBe(told);
      await sink.writeSummary(summaryOf('run-1'));
      expect(await destination.told()).toBe(told);
      await sink.writeSummary(summaryOf('run-3'));
      expect(await destination.told()).toContain(summaryOf('run-3').verdict);
    });

    test('takes whole, or not at all, a step whose caller has given up', async () => {
      const step = stepsOf('run-1', users);
      const first = step({ status: 'STARTED', segments: [await stage(staging, 'users', rows('a'))], state: { at: 1 } });
      const second = step({ segments: [await stage(staging, 'users', rows('b'))], state: { at: 2 } });
      const caller = new AbortController();
      const answers = [sink.deliver(first, caller.signal), sink.deliver(second, caller.signal)];
      caller.abort(new Error('gave up'));
      for (const answer of answers) await expect(answer).rejects.toThrow('gave up');

      await sink.deliver(first);
      await sink.deliver(second);
      expect(await destination.held('users')).toEqual(rows('a', 'b'));
      expect(await destination.states()).toEqual({ users: { at: 2 } });
    });
  });
}
