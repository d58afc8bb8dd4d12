import { join } from 'node:path';
import type { ConfiguredStream } from '../../../src/protocol';
import { StaleDelivery, type Delivery, type Sink } from '../../../src/sinks/sink';
import type { StateStore } from '../../../src/sinks/state-store';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { scratchFolders } from '../scratch';
import { clients, rows, stage, stepsOf, users } from './deliveries';
import type { BeginSink, SinkHarness } from './sink';

/** A destination whose states can be looked at and changed. */
export type BeginKeptSink = (...args: Parameters<BeginSink>) => SinkHarness & { keeper(): StateStore };

/** What whoever looks at states and changes them may count on (see StateKeeper). */
export function describeStateKeeper(name: string, begin: BeginKeptSink): void {
  const newFolder = scratchFolders();

  describe(`the states of a ${name} destination`, () => {
    let staging: Staging;
    let destination: ReturnType<BeginKeptSink>;
    let sink: Sink;
    let keeper: StateStore;

    beforeEach(async () => {
      const folder = newFolder();
      staging = createStaging(join(folder, 'staging'));
      destination = begin({ directory: join(folder, 'destination'), staging, catalog: [users, clients] });
      sink = await destination.open();
      keeper = destination.keeper();
    });
    afterEach(async () => {
      await keeper.close();
      await sink.close();
    });

    async function stepsFor(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<Delivery[]> {
      const step = stepsOf(run, stream);
      const steps = [step({ status: 'STARTED' })];
      for (const id of ids) {
        steps.push(step({ segments: [await stage(staging, stream.name, rows(id))], state: { at: id } }));
      }
      return [...steps, step({ status: 'COMPLETE', state: { at: run } })];
    }

    async function copy(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<void> {
      for (const step of await stepsFor(stream, run, ...ids)) await sink.deliver(step);
    }

    /** The states that the next run of another process is given, and those that anybody else sees. */
    async function given(): Promise<object> {
      // Before a sink that is opened could repair what the change has left undone.
      const seen = await destination.states();
      const next = await destination.open();
      const states = await next.loadState();
      await next.close();
      expect(seen).toEqual(states);
      return states;
    }

    test('are those of the newest runs, and looking leaves all as it is', async () => {
      expect(await keeper.read()).toEqual([]);
      await copy(users, 'run-1', 'a');
      await copy(clients, 'run-2', 'b');
      const held = await keeper.read();
      expect(held).toMatchObject([
        { stream: 'clients', run: 'run-2', state: { at: 'run-2' } },
        { stream: 'users', run: 'run-1', state: { at: 'run-1' } },
      ]);
      expect(await keeper.read()).toEqual(held);
      expect(await given()).toEqual({ users: { at: 'run-1' }, clients: { at: 'run-2' } });
    });

    test('can be set and dropped; rows stay, and other streams as they are', async () => {
      await copy(users, 'run-1', 'a');
      await copy(clients, 'run-1', 'b');
      await keeper.update({ users: { at: 'set' } });
      expect(await given()).toEqual({ users: { at: 'set' }, clients: { at: 'run-1' } });
      await keeper.update({ users: null });
      await keeper.update({ users: null });
      expect(await given()).toEqual({ clients: { at: 'run-1' } });
      expect(await destination.held('users')).toEqual(rows('a'));
      expect(await destination.held('clients')).toEqual(rows('b'));
    });

    test('are the next run’s to go on from, as often as they are changed', async () => {
      await copy(users, 'run-1', 'a');
      for (const at of ['one', 'two', 'three']) await keeper.update({ users: { at } });
      await copy(users, 'run-2', 'b');
      await copy(users, 'run-3', 'c');
      expect(await destination.held('users')).toEqual(rows('a', 'b', 'c'));
      expect(await given()).toEqual({ users: { at: 'run-3' } });
    });

    test('can be set before anything was copied', async () => {
      await keeper.update({ users: { at: 'set' }, clients: null });
      expect(await given()).toEqual({ users: { at: 'set' } });
      await copy(users, 'run-1', 'a');
      expect(await destination.held('users')).toEqual(rows('a'));
      expect(await given()).toEqual({ users: { at: 'run-1' } });
    });

    test.each([users, clients])('are not given back by a run of $name that was under way', async (stream) => {
      await copy(stream, 'run-1', 'a');
      const steps = await stepsFor(stream, 'run-2', 'b', 'c');
      await sink.deliver(steps[0]!);
      await sink.deliver(steps[1]!);
      await keeper.update({ [stream.name]: { at: 'set' } });
      for (const step of steps) await expect(sink.deliver(step)).rejects.toThrow(StaleDelivery);
      expect(await given()).toEqual({ [stream.name]: { at: 'set' } });
      expect(await destination.held(stream.name)).toEqual(stream === users ? rows('a', 'b') : rows('a'));
      await copy(stream, 'run-3', 'd');
      expect(await destination.held(stream.name)).toEqual(stream === users ? rows('a', 'b', 'd') : rows('d'));
      expect(await given()).toEqual({ [stream.name]: { at: 'run-3' } });
    });
  });
}
