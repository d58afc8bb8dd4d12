import { join } from 'node:path';
import type { ConfiguredStream } from '../../../src/protocol';
import { type Delivery, type Sink, StaleDelivery, type StateStore } from '../../../src/sinks/sink';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { scratchFolders } from '../scratch';
import { clients, numberDeliveries, rows, stageRows, users } from './deliveries';
import type { CreateSinkHarness, SinkHarness } from './sink';

/** Creates a destination whose states can be read and changed. */
export type CreateDurableHarness = (
  ...args: Parameters<CreateSinkHarness>
) => SinkHarness & { openStateStore(): StateStore };

/** The contract of every state store (see StateStore). */
export function describeStateStore(name: string, create: CreateDurableHarness): void {
  const newFolder = scratchFolders();

  describe(`the state store of a ${name} destination`, () => {
    let staging: Staging;
    let destination: ReturnType<CreateDurableHarness>;
    let sink: Sink;
    let stateStore: StateStore;

    beforeEach(async () => {
      const folder = newFolder();
      staging = createStaging(join(folder, 'staging'));
      destination = create({ directory: join(folder, 'destination'), staging, catalog: [users, clients] });
      sink = await destination.open();
      stateStore = destination.openStateStore();
    });
    afterEach(async () => {
      await stateStore.close();
      await sink.close();
    });

    async function createDeliveries(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<Delivery[]> {
      const next = numberDeliveries(run, stream);
      const deliveries = [next({ status: 'STARTED' })];
      for (const id of ids) {
        deliveries.push(next({ segments: [await stageRows(staging, stream.name, rows(id))], state: { at: id } }));
      }
      return [...deliveries, next({ status: 'COMPLETE', state: { at: run } })];
    }

    async function copy(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<void> {
      for (const delivery of await createDeliveries(stream, run, ...ids)) await sink.deliver(delivery);
    }

    /** The states that the next run starts from, which must be those that readers of the destination see. */
    async function loadStates(): Promise<object> {
      // Read first: opening a sink could repair what the change left unfinished.
      const visible = await destination.readStates();
      const next = await destination.open();
      const loaded = await next.loadState();
      await next.close();
      expect(visible).toEqual(loaded);
      return loaded;
    }

    test('reads the state of each stream and its newest run, and changes nothing', async () => {
      expect(await stateStore.read()).toEqual([]);
      await copy(users, 'run-1', 'a');
      await copy(clients, 'run-2', 'b');
      const states = await stateStore.read();
      expect(states).toMatchObject([
        { stream: 'clients', run: 'run-2', state: { at: 'run-2' } },
        { stream: 'users', run: 'run-1', state: { at: 'run-1' } },
      ]);
      expect(await stateStore.read()).toEqual(states);
      expect(await loadStates()).toEqual({ users: { at: 'run-1' }, clients: { at: 'run-2' } });
    });

    test('sets and removes a state, and keeps the records and the states of other streams', async () => {
      await copy(users, 'run-1', 'a');
      await copy(clients, 'run-1', 'b');
      await stateStore.update({ users: { at: 'set' } });
      expect(await loadStates()).toEqual({ users: { at: 'set' }, clients: { at: 'run-1' } });
      await stateStore.update({ users: null });
      await stateStore.update({ users: null });
      expect(await loadStates()).toEqual({ clients: { at: 'run-1' } });
      expect(await destination.readRecords('users')).toEqual(rows('a'));
      expect(await destination.readRecords('clients')).toEqual(rows('b'));
    });

    test('lets later runs deliver after a state was changed several times', async () => {
      await copy(users, 'run-1', 'a');
      for (const at of ['one', 'two', 'three']) await stateStore.update({ users: { at } });
      await copy(users, 'run-2', 'b');
      await copy(users, 'run-3', 'c');
      expect(await destination.readRecords('users')).toEqual(rows('a', 'b', 'c'));
      expect(await loadStates()).toEqual({ users: { at: 'run-3' } });
    });

    test('sets a state before the first run', async () => {
      await stateStore.update({ users: { at: 'set' }, clients: null });
      expect(await loadStates()).toEqual({ users: { at: 'set' } });
      await copy(users, 'run-1', 'a');
      expect(await destination.readRecords('users')).toEqual(rows('a'));
      expect(await loadStates()).toEqual({ users: { at: 'run-1' } });
    });

    test.each([users, clients])('refuses further deliveries of a run in progress of $name', async (stream) => {
      await copy(stream, 'run-1', 'a');
      const deliveries = await createDeliveries(stream, 'run-2', 'b', 'c');
      await sink.deliver(deliveries[0]!);
      await sink.deliver(deliveries[1]!);
      await stateStore.update({ [stream.name]: { at: 'set' } });
      for (const delivery of deliveries) await expect(sink.deliver(delivery)).rejects.toThrow(StaleDelivery);
      expect(await loadStates()).toEqual({ [stream.name]: { at: 'set' } });
      const appended = stream === users;
      expect(await destination.readRecords(stream.name)).toEqual(appended ? rows('a', 'b') : rows('a'));
      await copy(stream, 'run-3', 'd');
      expect(await destination.readRecords(stream.name)).toEqual(appended ? rows('a', 'b', 'd') : rows('d'));
      expect(await loadStates()).toEqual({ [stream.name]: { at: 'run-3' } });
    });
  });
}
