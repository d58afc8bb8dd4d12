import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseState } from '../../../src/airbyte/stream-state';
import type { ConfiguredStream } from '../../../src/protocol';
import { readFilesDestination } from '../../support/files-reader';
import { readManifests } from '../../../src/sinks/files/manifest-file';
import { createFilesSink } from '../../../src/sinks/files/sink';
import type { Delivery } from '../../../src/sinks/sink';
import { createStaging } from '../../../src/staging/staging';
import { clients, rows, stage, stepsOf, summaryOf, users } from '../../support/contract/deliveries';
import { CrashingDisk, type Loss } from '../../support/crashing-disk';
import { scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders();

/** Two runs over a stream, or the first one only; every state names the records that the destination must then hold. */
async function prepare(stream: ConfiguredStream, fresh: boolean) {
  const folder = newFolder();
  const staging = createStaging(join(folder, 'staging'));
  const adds = stream.destinationSyncMode === 'append';

  async function runOf(run: string, first: string, second: string, before: string[]): Promise<Delivery[]> {
    const step = stepsOf(run, stream);
    const segment = async (id: string) => [await stage(staging, stream.name, rows(id))];
    return [
      step({ status: 'STARTED', segments: await segment(first), state: { holds: [...before, first] } }),
      step({ segments: await segment(second), state: { holds: [...before, first, second] } }),
      step({ status: 'COMPLETE', state: { holds: [...before, first, second], finished: true } }),
    ];
  }

  const origin = join(folder, 'origin');
  const first = await runOf('run-1', 'a', 'b', []);
  if (fresh) return { folder, staging, steps: first, before: [], whole: ['a', 'b'] };
  const sink = await createFilesSink({ directory: origin, staging });
  for (const step of first) await sink.deliver(step);
  const steps = await runOf('run-2', 'c', 'd', adds ? ['a', 'b'] : []);
  return { folder, staging, origin, steps, before: ['a', 'b'], whole: adds ? ['a', 'b', 'c', 'd'] : ['c', 'd'] };
}

/** What the destination holds; fails when its state promises anything else, or when the state file says otherwise. */
async function examine(directory: string, stream: string): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { data } of readFilesDestination(directory)) ids.push(data.id);
  const state = (await readManifests(directory)).find((each) => each.stream === stream)?.current.state;
  expect(state?.holds ?? []).toEqual(ids);
  const saved = parseState(JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')));
  expect(saved).toEqual(state ? { [stream]: state } : {});
  return ids;
}

const losses: Loss[] = ['losing nothing', 'losing what was not synced'];
const cases = losses.flatMap((loss) => [
  { loss, stream: users, run: 'the first run' },
  { loss, stream: users, run: 'a later run' },
  { loss, stream: clients, run: 'a later run' },
]);

describe('a crash at any write', () => {
  test.each(cases)('in $run over $stream.name, $loss, costs no record, doubles none, leaves nothing', async (world) => {
    const stream = world.stream;
    const { folder, staging, origin, steps, before, whole } = await prepare(stream, world.run === 'the first run');
    const directory = join(folder, 'crashed');

    /** True when the disk lived long enough for all steps. */
    async function crashAt(operation: number): Promise<boolean> {
      rmSync(directory, { recursive: true, force: true });
      if (origin) cpSync(origin, directory, { recursive: true });
      const disk = new CrashingDisk(operation);
      let answered = 0;
      try {
        const sink = await createFilesSink({ directory, staging });
        for (; answered < steps.length; answered += 1) await sink.deliver(steps[answered]!);
      } catch (error) {
        expect((error as Error).message).toBe('the disk has died');
      }
      disk.crash(world.loss);

      const sink = await createFilesSink({ directory, staging });
      const held = await examine(directory, stream.name);
      if (stream === clients) expect([before, whole]).toContainEqual(held);
      for (const step of steps.slice(answered)) await sink.deliver(step);
      expect(await examine(directory, stream.name)).toEqual(whole);

      await createFilesSink({ directory, staging });
      expect(readdirSync(directory).sort()).toEqual([stream.name, 'state.json'].sort());
      expect(readdirSync(join(directory, stream.name))).toHaveLength(whole.length + 1);
      return answered === steps.length;
    }

    let operation = 1;
    while (!(await crashAt(operation))) operation += 1;
    expect(operation).toBeGreaterThan(30);
  });
});

describe('a crash at any write of a summary', () => {
  const worlds = losses.flatMap((loss) => [
    { loss, before: 'the older one' },
    { loss, before: 'none' },
  ]);

  test.each(worlds)('leaves $before or the new one, never half, $loss', async ({ loss, before }) => {
    const folder = newFolder();
    const staging = createStaging(join(folder, 'staging'));
    const origin = join(folder, 'origin');
    const first = await createFilesSink({ directory: origin, staging });
    const segments = [await stage(staging, 'users', rows('a'))];
    await first.deliver(stepsOf('run-1', users)({ status: 'STARTED', segments, state: { holds: ['a'] } }));
    const old = before === 'none' ? undefined : summaryOf('run-1');
    if (old) await first.writeSummary(old);
    const directory = join(folder, 'crashed');
    const path = join(directory, 'summary.json');
    const held = (): unknown => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined);

    /** True when the disk lived long enough. */
    async function crashAt(operation: number): Promise<boolean> {
      rmSync(directory, { recursive: true, force: true });
      cpSync(origin, directory, { recursive: true });
      let sink = await createFilesSink({ directory, staging });
      const disk = new CrashingDisk(operation);
      let answered = false;
      try {
        await sink.writeSummary(summaryOf('run-2'));
        answered = true;
      } catch (error) {
        expect((error as Error).message).toBe('the disk has died');
      }
      disk.crash(loss);
      expect(answered ? [summaryOf('run-2')] : [old, summaryOf('run-2')]).toContainEqual(held());

      sink = await createFilesSink({ directory, staging });
      expect(await examine(directory, 'users')).toEqual(['a']);
      expect(readdirSync(directory).sort()).toEqual(['state.json', ...(held() ? ['summary.json'] : []), 'users']);
      const next = new CrashingDisk();
      await sink.writeSummary(summaryOf('run-2'));
      next.crash('losing what was not synced');
      expect(held()).toEqual(summaryOf('run-2'));
      // Also when it was there: its name need not have been durable.
      expect(next.operations).toBeGreaterThan(0);
      return answered;
    }

    let operation = 1;
    while (!(await crashAt(operation))) operation += 1;
    // Opened, written, synced, renamed, and the folder synced.
    expect(operation).toBe(6);
  });
});
