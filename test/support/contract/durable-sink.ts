import fc from 'fast-check';
import { join } from 'node:path';
import type { ConfiguredStream } from '../../../src/protocol';
import { SequenceGap } from '../../../src/sinks/stream-ledger';
import { StaleDelivery, type Delivery, type Sink } from '../../../src/sinks/sink';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { scratchFolders } from '../scratch';
import { clients, numberDeliveries, rows, stageRows, users } from './deliveries';
import { anyRuns, listDeliveries } from './random-runs';
import type { CreateSinkHarness, SinkHarness } from './sink';

/** The contract of a sink whose destination outlives its processes: any of them may die, or continue after it lost its lease. */
export function describeDurableSink(name: string, create: CreateSinkHarness): void {
  const newFolder = scratchFolders();

  describe(`a ${name} sink that several processes open`, () => {
    let staging: Staging;
    let destination: SinkHarness;
    let sinks: Sink[];

    beforeEach(() => {
      const folder = newFolder();
      staging = createStaging(join(folder, 'staging'));
      destination = create({ directory: join(folder, 'destination'), staging, catalog: [users, clients] });
      sinks = [];
    });

    afterEach(async () => {
      for (const sink of sinks) await sink.close();
    });

    /** Opens the destination in another process. The sinks opened before stay open. */
    async function open(): Promise<Sink> {
      const sink = await destination.open();
      sinks.push(sink);
      return sink;
    }

    async function createDeliveries(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<Delivery[]> {
      const next = numberDeliveries(run, stream);
      const deliveries = [next({ status: 'STARTED' })];
      for (const id of ids) {
        deliveries.push(next({ segments: [await stageRows(staging, stream.name, rows(id))], state: { at: id } }));
      }
      return [...deliveries, next({ status: 'COMPLETE', state: { at: 'end' } })];
    }

    test.each([users, clients])(
      'takes each delivery of $name once when a process dies after any of them',
      async (stream) => {
        const deliveries = await createDeliveries(stream, 'run-1', 'a', 'b', 'c');
        for (const [index, delivery] of deliveries.entries()) {
          await (await open()).deliver(delivery);
          // The next attempt cannot know that this one was complete.
          await (await open()).deliver(delivery);
          const all = rows('a', 'b', 'c');
          const partial = stream === users ? all.slice(0, index) : [];
          expect(await destination.readRecords(stream.name)).toEqual(index === deliveries.length - 1 ? all : partial);
        }
        expect(await destination.readStates()).toEqual({ [stream.name]: { at: 'end' } });
      },
    );

    test('has the records and the state that the modes and the ends of any runs leave', async () => {
      await fc.assert(
        fc.asyncProperty(anyRuns, async (runs) => {
          const directory = join(newFolder(), 'destination');
          const target = create({ directory, staging, catalog: [users] });
          const sink = await target.open();
          sinks.push(sink);
          for (const { delivery, id, records } of listDeliveries(runs)) {
            await sink.deliver({ ...delivery, segments: [await stageRows(staging, 'users', rows(id))] });
            expect(await target.readRecords('users')).toEqual(rows(...records));
            expect(await sink.loadState()).toEqual(records.length > 0 ? { users: { id: records.at(-1) } } : {});
          }
        }),
        { numRuns: 10 },
      );
    });

    test('takes a delivery once when two processes bring it at the same time', async () => {
      const [first, second] = [await open(), await open()];
      const deliveries = await createDeliveries(users, 'run-1', 'a', 'b', 'c', 'd');
      for (const delivery of deliveries) await Promise.all([first.deliver(delivery), second.deliver(delivery)]);
      expect(await destination.readRecords('users')).toEqual(rows('a', 'b', 'c', 'd'));
    });

    test('refuses the deliveries of a process that has lost its lease', async () => {
      const [stale, successor] = [await open(), await open()];
      const deliveries = await createDeliveries(users, 'run-1', 'a', 'b', 'c');
      await stale.deliver(deliveries[0]!);
      await stale.deliver(deliveries[1]!);
      await successor.deliver(deliveries[2]!);
      await expect(stale.deliver(deliveries[1]!)).rejects.toThrow(StaleDelivery);
      await stale.deliver(deliveries[2]!);
      const later = await createDeliveries(users, 'run-2', 'x', 'y');
      await successor.deliver(later[0]!);
      await successor.deliver(later[1]!);
      for (const delivery of deliveries) await expect(stale.deliver(delivery)).rejects.toThrow(StaleDelivery);
      await expect(stale.deliver(later[3]!)).rejects.toThrow(SequenceGap);
      expect(await destination.readRecords('users')).toEqual(rows('a', 'b', 'x'));
      expect(await destination.readStates()).toEqual({ users: { at: 'x' } });
    });
  });
}
