import { join } from 'node:path';
import type { ConfiguredStream } from '../../../src/protocol';
import { SequenceGap } from '../../../src/sinks/sequence';
import { StaleDelivery, type Delivery, type Sink } from '../../../src/sinks/sink';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { scratchFolders } from '../scratch';
import { clients, rows, stage, stepsOf, users } from './deliveries';
import type { BeginSink, SinkHarness } from './sink';

/** What a sink promises whose destination outlives its processes: any of them may die, or go on though it is not to. */
export function describeDurableSink(name: string, begin: BeginSink): void {
  const newFolder = scratchFolders();

  describe(`a ${name} sink that several processes open`, () => {
    let staging: Staging;
    let destination: SinkHarness;
    let sinks: Sink[];

    beforeEach(() => {
      const folder = newFolder();
      staging = createStaging(join(folder, 'staging'));
      destination = begin({ directory: join(folder, 'destination'), staging, catalog: [users, clients] });
      sinks = [];
    });

    afterEach(async () => {
      for (const sink of sinks) await sink.close();
    });

    /** What another process opens; those before stay as they are. */
    async function open(): Promise<Sink> {
      const sink = await destination.open();
      sinks.push(sink);
      return sink;
    }

    async function stepsFor(stream: ConfiguredStream, run: string, ...ids: string[]): Promise<Delivery[]> {
      const step = stepsOf(run, stream);
      const steps = [step({ status: 'STARTED' })];
      for (const id of ids) {
        steps.push(step({ segments: [await stage(staging, stream.name, rows(id))], state: { at: id } }));
      }
      return [...steps, step({ status: 'COMPLETE', state: { at: 'end' } })];
    }

    test.each([users, clients])(
      'has each step of $name once, whichever steps a process dies between',
      async (stream) => {
        const steps = await stepsFor(stream, 'run-1', 'a', 'b', 'c');
        for (const [index, step] of steps.entries()) {
          await (await open()).deliver(step);
          // The next attempt cannot know that the one before had come to its end.
          await (await open()).deliver(step);
          const held = await destination.held(stream.name);
          const whole = rows('a', 'b', 'c');
          const delivered = whole.slice(0, index);
          expect(held).toEqual(stream === users ? delivered : index === steps.length - 1 ? whole : []);
        }
        expect(await destination.states()).toEqual({ [stream.name]: { at: 'end' } });
      },
    );

    test('takes a step once that two processes bring at the same time', async () => {
      const [first, second] = [await open(), await open()];
      const steps = await stepsFor(users, 'run-1', 'a', 'b', 'c', 'd');
      for (const step of steps) await Promise.all([first.deliver(step), second.deliver(step)]);
      expect(await destination.held('users')).toEqual(rows('a', 'b', 'c', 'd'));
    });

    test('lets a process that has lost its lease neither move a stream back nor go on with it', async () => {
      const [zombie, successor] = [await open(), await open()];
      const steps = await stepsFor(users, 'run-1', 'a', 'b', 'c');
      await zombie.deliver(steps[0]!);
      await zombie.deliver(steps[1]!);
      await successor.deliver(steps[2]!);
      await expect(zombie.deliver(steps[1]!)).rejects.toThrow(StaleDelivery);
      await zombie.deliver(steps[2]!);
      const next = await stepsFor(users, 'run-2', 'x', 'y');
      await successor.deliver(next[0]!);
      await successor.deliver(next[1]!);
      for (const step of steps) await expect(zombie.deliver(step)).rejects.toThrow(StaleDelivery);
      await expect(zombie.deliver(next[3]!)).rejects.toThrow(SequenceGap);
      expect(await destination.held('users')).toEqual(rows('a', 'b', 'x'));
      expect(await destination.states()).toEqual({ users: { at: 'x' } });
    });
  });
}
