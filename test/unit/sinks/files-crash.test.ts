import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseState } from '../../../src/airbyte/stream-state';
import type { ConfiguredStream } from '../../../src/protocol';
import { readManifests } from '../../../src/sinks/files/manifest';
import { createFilesSink } from '../../../src/sinks/files/sink';
import type { Delivery } from '../../../src/sinks/sink';
import { createStaging } from '../../../src/staging/staging';
import { clients, createSummary, numberDeliveries, rows, stageRows, users } from '../../support/contract/deliveries';
import { CrashingDisk, type Loss } from '../../support/crashing-disk';
import { readFilesDestination } from '../../support/files-reader';
import { memoryFolder, scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders(memoryFolder);

/**
 * Prepares a destination and the deliveries of one run: the first or the second. Each state lists the ids of the records
 * that the destination must contain with it.
 */
async function prepareRun(stream: ConfiguredStream, isFirst: boolean) {
  const folder = newFolder();
  const staging = createStaging(join(folder, 'staging'));
  const appends = stream.destinationSyncMode === 'append';

  async function createDeliveries(run: string, first: string, second: string, before: string[]): Promise<Delivery[]> {
    const next = numberDeliveries(run, stream);
    const stageRow = async (id: string) => [await stageRows(staging, stream.name, rows(id))];
    return [
      next({ status: 'STARTED', segments: await stageRow(first), state: { ids: [...before, first] } }),
      next({ segments: await stageRow(second), state: { ids: [...before, first, second] } }),
      next({ status: 'COMPLETE', state: { ids: [...before, first, second], finished: true } }),
    ];
  }

  const origin = join(folder, 'origin');
  const first = await createDeliveries('run-1', 'a', 'b', []);
  if (isFirst) return { folder, staging, deliveries: first, before: [], all: ['a', 'b'] };
  const sink = await createFilesSink({ directory: origin, staging });
  for (const delivery of first) await sink.deliver(delivery);
  const deliveries = await createDeliveries('run-2', 'c', 'd', appends ? ['a', 'b'] : []);
  return { folder, staging, origin, deliveries, before: ['a', 'b'], all: appends ? ['a', 'b', 'c', 'd'] : ['c', 'd'] };
}

/** Reads the ids of all records. Checks that the state lists the same ids, and that the state file has the same state. */
async function readIds(directory: string, stream: string): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { data } of readFilesDestination(directory)) ids.push(data.id);
  const state = (await readManifests(directory)).find((each) => each.stream === stream)?.current.state;
  expect(state?.ids ?? []).toEqual(ids);
  const saved = parseState(JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')));
  expect(saved).toEqual(state ? { [stream]: state } : {});
  return ids;
}

const losses: Loss[] = ['nothing', 'unsynced writes'];
const cases = losses.flatMap((loss) => [
  { loss, stream: users, run: 'the first run' },
  { loss, stream: users, run: 'a later run' },
  { loss, stream: clients, run: 'a later run' },
]);

describe('a crash at any write of a files destination', () => {
  test.each(cases)('that loses $loss in $run of $stream.name loses and repeats no record', async (example) => {
    const { stream } = example;
    const { folder, staging, origin, deliveries, before, all } = await prepareRun(
      stream,
      example.run === 'the first run',
    );
    const directory = join(folder, 'crashed');

    /** Returns true when the disk did not fail before the last delivery. */
    async function crashAt(operation: number): Promise<boolean> {
      rmSync(directory, { recursive: true, force: true });
      if (origin) cpSync(origin, directory, { recursive: true });
      const disk = new CrashingDisk(operation);
      let delivered = 0;
      try {
        const sink = await createFilesSink({ directory, staging });
        for (; delivered < deliveries.length; delivered += 1) await sink.deliver(deliveries[delivered]!);
      } catch (error) {
        expect((error as Error).message).toBe('the disk has failed');
      }
      disk.crash(example.loss);

      const sink = await createFilesSink({ directory, staging });
      const ids = await readIds(directory, stream.name);
      if (stream === clients) expect([before, all]).toContainEqual(ids);
      for (const delivery of deliveries.slice(delivered)) await sink.deliver(delivery);
      expect(await readIds(directory, stream.name)).toEqual(all);

      await createFilesSink({ directory, staging });
      expect(readdirSync(directory).sort()).toEqual([stream.name, 'state.json'].sort());
      expect(readdirSync(join(directory, stream.name))).toHaveLength(all.length + 1);
      return delivered === deliveries.length;
    }

    let operation = 1;
    while (!(await crashAt(operation))) operation += 1;
    expect(operation).toBeGreaterThan(30);
  });
});

describe('a crash at any write of a summary', () => {
  const examples = losses.flatMap((loss) => [
    { loss, before: 'the old summary' },
    { loss, before: 'no summary' },
  ]);

  test.each(examples)('that loses $loss leaves $before or the new one, never a part', async ({ loss, before }) => {
    const folder = newFolder();
    const staging = createStaging(join(folder, 'staging'));
    const origin = join(folder, 'origin');
    const first = await createFilesSink({ directory: origin, staging });
    const segments = [await stageRows(staging, 'users', rows('a'))];
    await first.deliver(numberDeliveries('run-1', users)({ status: 'STARTED', segments, state: { ids: ['a'] } }));
    const old = before === 'no summary' ? undefined : createSummary('run-1');
    if (old) await first.writeSummary(old);
    const directory = join(folder, 'crashed');
    const path = join(directory, 'summary.json');
    const readSummary = (): unknown => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined);

    /** Returns true when the disk did not fail before the end. */
    async function crashAt(operation: number): Promise<boolean> {
      rmSync(directory, { recursive: true, force: true });
      cpSync(origin, directory, { recursive: true });
      let sink = await createFilesSink({ directory, staging });
      const disk = new CrashingDisk(operation);
      let written = false;
      try {
        await sink.writeSummary(createSummary('run-2'));
        written = true;
      } catch (error) {
        expect((error as Error).message).toBe('the disk has failed');
      }
      disk.crash(loss);
      expect(written ? [createSummary('run-2')] : [old, createSummary('run-2')]).toContainEqual(readSummary());

      sink = await createFilesSink({ directory, staging });
      expect(await readIds(directory, 'users')).toEqual(['a']);
      expect(readdirSync(directory).sort()).toEqual([
        'state.json',
        ...(readSummary() ? ['summary.json'] : []),
        'users',
      ]);
      const next = new CrashingDisk();
      await sink.writeSummary(createSummary('run-2'));
      next.crash('unsynced writes');
      expect(readSummary()).toEqual(createSummary('run-2'));
      // Written again even when it exists, because its name may not have been durable.
      expect(next.operations).toBeGreaterThan(0);
      return written;
    }

    let operation = 1;
    while (!(await crashAt(operation))) operation += 1;
    // Open, write, sync, rename, and sync the folder.
    expect(operation).toBe(6);
  });
});
