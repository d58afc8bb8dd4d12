import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../../src/json';
import type { Segment } from '../../../src/staging/segment';
import { StagingLost, StagingUnavailable } from '../../../src/staging/segment-io';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { CrashingDisk } from '../../support/crashing-disk';
import { scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders();
const key = { run: 'run-1', fetchId: 'users-3', attempt: 2, stream: 'users' };

async function stageValues(staging: Staging, values: Json[], changes: Partial<typeof key> = {}): Promise<Segment> {
  const writer = await staging.open({ ...key, ...changes });
  await writer.append(values);
  const segment = await writer.commit();
  await writer.close();
  return segment;
}

async function readAllLines(staging: Staging, segment: Segment): Promise<string[]> {
  const all: string[] = [];
  for await (const lines of staging.readLines(segment)) all.push(...lines);
  return all;
}

describe('a segment', () => {
  test('is named by its key and measured at each commit', async () => {
    const root = newFolder();
    const writer = await createStaging(root).open(key);
    await writer.append([{ emitted_at: 1, data: { name: 'Zoë' } }]);
    const first = await writer.commit();
    await writer.append([{ emitted_at: 2, data: {} }, 'org_1']);
    const second = await writer.commit();
    await writer.close();

    const line = '{"emitted_at":1,"data":{"name":"Zoë"}}\n';
    expect(first).toEqual({
      stream: 'users',
      file: 'run-1/users-3.2.users.jsonl',
      bytes: Buffer.byteLength(line),
      records: 1,
    });
    expect(second.records).toBe(3);
    expect(readFileSync(join(root, second.file), 'utf8')).toBe(`${line}{"emitted_at":2,"data":{}}\n"org_1"\n`);
    expect(second.bytes).toBe(readFileSync(join(root, second.file)).length);
  });

  test('ends where it was committed, also when more is written to its file', async () => {
    const root = newFolder();
    const staging = createStaging(root);
    for (const values of [
      ['a', 'b'],
      ['c'.repeat(200_000), 'd'.repeat(200_000)],
    ]) {
      const segment = await stageValues(staging, values);
      appendFileSync(join(root, segment.file), '"late"\n');
      expect(await staging.readValues(segment)).toEqual(values);
    }
  });

  test('is emptied when its attempt is opened again', async () => {
    const staging = createStaging(newFolder());
    await stageValues(staging, ['a long line from before']);
    expect(await readAllLines(staging, await stageValues(staging, ['b']))).toEqual(['"b"']);
  });

  test('is separate from the segments of other attempts', async () => {
    const staging = createStaging(newFolder());
    const first = await stageValues(staging, ['first'], { attempt: 1 });
    await stageValues(staging, ['second']);
    expect(await staging.readValues(first)).toEqual(['first']);
  });

  test('cannot be outside the root', async () => {
    const root = newFolder();
    const staging = createStaging(join(root, 'staging'));
    const segment = await stageValues(staging, ['x'], { run: '..', fetchId: '../../a', stream: 'b/c.1.d' });
    expect(segment.file).toBe('%2E%2E/%2E%2E%2F%2E%2E%2Fa.2.b%2Fc%2E1%2Ed.jsonl');
    expect(readdirSync(root)).toEqual(['staging']);
    expect(await staging.readValues(segment)).toEqual(['x']);

    writeFileSync(join(root, 'secret.1.x.jsonl'), '"s"\n');
    const outside = { stream: 'x', file: '../secret.1.x.jsonl', bytes: 4, records: 1 };
    await expect(staging.readValues(outside)).rejects.toThrow(StagingLost);
    await staging.remove([outside]);
    expect(existsSync(join(root, 'secret.1.x.jsonl'))).toBe(true);
  });

  test('can have lines longer than a chunk, and characters that are split between chunks', async () => {
    const staging = createStaging(newFolder());
    const values = Array.from({ length: 40 }, (_, index) => '€😀\u2028'.repeat(index === 20 ? 100_000 : 3_000 + index));
    const segment = await stageValues(staging, values);
    expect(await staging.readValues(segment)).toEqual(values);
  });

  test('is read in batches much smaller than the segment', async () => {
    const staging = createStaging(newFolder());
    const segment = await stageValues(
      staging,
      Array.from({ length: 30_000 }, (_, index) => `${index}-${'x'.repeat(100)}`),
    );
    let largest = 0;
    for await (const lines of staging.readLines(segment)) largest = Math.max(largest, lines.join('').length);
    expect(segment.bytes).toBeGreaterThan(3_000_000);
    expect(largest).toBeLessThan(300_000);
  });

  test('survives a crash once it is committed', async () => {
    const staging = createStaging(join(newFolder(), 'a', 'missing', 'folder'));
    const disk = new CrashingDisk();
    const writer = await staging.open(key);
    await writer.append(['a']);
    await writer.commit();
    await writer.append(['b']);
    const segment = await writer.commit();
    await writer.append(['c'.repeat(300_000)]);
    disk.crash('unsynced writes');

    expect(await staging.readValues(segment)).toEqual(['a', 'b']);
    await writer.close();
  });
});

describe('a lost segment', () => {
  test.each([
    ['is empty', (path: string) => truncateSync(path, 0), /has 0 of its 8 bytes/],
    ['is truncated', (path: string) => truncateSync(path, 5), /has 5 of its 8 bytes/],
    [
      'has other content',
      (path: string) => writeFileSync(path, '"abcde"\n'),
      /does not contain the 2 lines written to it/,
    ],
    [
      'ends within a line',
      (path: string) => writeFileSync(path, '"a"\n"bcd'),
      /does not contain the 2 lines written to it/,
    ],
  ])('that %s is reported', async (_, damage, message) => {
    const root = newFolder();
    const staging = createStaging(root);
    const segment = await stageValues(staging, ['a', 'b']);
    damage(join(root, segment.file));
    await expect(readAllLines(staging, segment)).rejects.toThrow(StagingLost);
    await expect(readAllLines(staging, segment)).rejects.toThrow(message);
  });

  test('is named, and the message says what the staging folder must be', async () => {
    const staging = createStaging(newFolder());
    const segment = await stageValues(staging, ['a']);
    await staging.remove([segment]);
    await expect(readAllLines(staging, segment)).rejects.toThrow(
      'the staged segment run-1/users-3.2.users.jsonl is missing. All workers of the task queue must share one staging ' +
        'folder, and nothing else may delete files from it during a sync. Check the folder, then run the sync again.',
    );
  });
});

describe('a staging folder that cannot be used', () => {
  test('is named, and the message says what to do', async () => {
    const folder = join(newFolder(), 'staging');
    writeFileSync(folder, 'a file');
    const opened = createStaging(folder).open(key);
    await expect(opened).rejects.toThrow(StagingUnavailable);
    await expect(opened).rejects.toThrow(
      `the staging folder ${folder} cannot be used: a file exists where a folder is required. Move the file, or use another folder.`,
    );
  });

  test('can be on a full disk', async () => {
    const root = newFolder();
    mkdirSync(join(root, 'run-1'));
    symlinkSync('/dev/full', join(root, 'run-1', 'users-3.2.users.jsonl'));
    const writer = await createStaging(root).open(key);
    await writer.append(['a']);
    await expect(writer.commit()).rejects.toThrow(/the disk is full\. Free disk space/);
    await writer.close();
  });
});

describe('cleanup', () => {
  test('deletes the segments of one run', async () => {
    const root = newFolder();
    const staging = createStaging(root);
    await stageValues(staging, ['a']);
    const other = await stageValues(staging, ['b'], { run: 'run-2' });
    await staging.removeRun('run-1');
    await staging.removeRun('run-1');
    expect(readdirSync(root)).toEqual(['run-2']);
    expect(await staging.readValues(other)).toEqual(['b']);
  });

  test('deletes old runs, and keeps recent runs and folders with other files', async () => {
    const root = newFolder();
    const staging = createStaging(root);
    const now = Date.UTC(2030, 0, 1);
    const hour = 3_600_000;
    const setAge = (path: string, hours: number) =>
      utimesSync(join(root, path), new Date(now), new Date(now - hours * hour));
    const old = await stageValues(staging, ['a'], { run: 'old' });
    const recent = await stageValues(staging, ['b'], { run: 'recent' });
    setAge(old.file, 3);
    setAge('old', 3);
    setAge(recent.file, 1);
    setAge('recent', 3);
    mkdirSync(join(root, 'photos'));
    writeFileSync(join(root, 'photos', 'cat.jpg'), '');
    setAge('photos/cat.jpg', 99);
    setAge('photos', 99);

    expect(await staging.removeStaleRuns(2 * hour, now)).toEqual(['old']);
    expect(readdirSync(root).sort()).toEqual(['photos', 'recent']);
  });

  test('accepts a missing folder', async () => {
    const staging = createStaging(join(newFolder(), 'missing'));
    await staging.removeRun('run-1');
    expect(await staging.removeStaleRuns(0, Date.now())).toEqual([]);
  });
});
