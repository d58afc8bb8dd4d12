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
const place = { run: 'run-1', fetchId: 'users-3', attempt: 2, stream: 'users' };

async function stage(staging: Staging, values: Json[], at: Partial<typeof place> = {}): Promise<Segment> {
  const writer = await staging.open({ ...place, ...at });
  await writer.append(values);
  const segment = await writer.commit();
  await writer.close();
  return segment;
}

async function linesOf(staging: Staging, segment: Segment): Promise<string[]> {
  const all: string[] = [];
  for await (const lines of staging.readLines(segment)) all.push(...lines);
  return all;
}

describe('a segment', () => {
  test('is named after its place and measured at each commit', async () => {
    const root = newFolder();
    const writer = await createStaging(root).open(place);
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

  test('ends where it was committed, whatever is written behind', async () => {
    const root = newFolder();
    const staging = createStaging(root);
    for (const values of [
      ['a', 'b'],
      ['c'.repeat(200_000), 'd'.repeat(200_000)],
    ]) {
      const segment = await stage(staging, values);
      appendFileSync(join(root, segment.file), '"late"\n');
      expect(await staging.readValues(segment)).toEqual(values);
    }
  });

  test('begins anew when its attempt is opened again', async () => {
    const staging = createStaging(newFolder());
    await stage(staging, ['a long line from before']);
    expect(await linesOf(staging, await stage(staging, ['b']))).toEqual(['"b"']);
  });

  test('is apart from the segments of other attempts', async () => {
    const staging = createStaging(newFolder());
    const first = await stage(staging, ['first'], { attempt: 1 });
    await stage(staging, ['second']);
    expect(await staging.readValues(first)).toEqual(['first']);
  });

  test('cannot be placed outside the root', async () => {
    const root = newFolder();
    const staging = createStaging(join(root, 'staging'));
    const segment = await stage(staging, ['x'], { run: '..', fetchId: '../../a', stream: 'b/c.1.d' });
    expect(segment.file).toBe('%2E%2E/%2E%2E%2F%2E%2E%2Fa.2.b%2Fc%2E1%2Ed.jsonl');
    expect(readdirSync(root)).toEqual(['staging']);
    expect(await staging.readValues(segment)).toEqual(['x']);

    writeFileSync(join(root, 'secret.1.x.jsonl'), '"s"\n');
    const outside = { stream: 'x', file: '../secret.1.x.jsonl', bytes: 4, records: 1 };
    await expect(staging.readValues(outside)).rejects.toThrow(StagingLost);
    await staging.remove([outside]);
    expect(existsSync(join(root, 'secret.1.x.jsonl'))).toBe(true);
  });

  test('gives back lines longer than a chunk, and characters that a chunk cuts', async () => {
    const staging = createStaging(newFolder());
    const values = Array.from({ length: 40 }, (_, index) => '€😀\u2028'.repeat(index === 20 ? 100_000 : 3_000 + index));
    const segment = await stage(staging, values);
    expect(await staging.readValues(segment)).toEqual(values);
  });

  test('is given out in batches far smaller than itself', async () => {
    const staging = createStaging(newFolder());
    const segment = await stage(
      staging,
      Array.from({ length: 30_000 }, (_, index) => `${index}-${'x'.repeat(100)}`),
    );
    let largest = 0;
    for await (const lines of staging.readLines(segment)) largest = Math.max(largest, lines.join('').length);
    expect(segment.bytes).toBeGreaterThan(3_000_000);
    expect(largest).toBeLessThan(300_000);
  });

  test('survives a crash once it is committed', async () => {
    const staging = createStaging(join(newFolder(), 'not', 'there', 'yet'));
    const disk = new CrashingDisk();
    const writer = await staging.open(place);
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
    ['is emptied', (path: string) => truncateSync(path, 0), /has 0 of its 8 bytes/],
    ['is cut', (path: string) => truncateSync(path, 5), /has 5 of its 8 bytes/],
    ['holds something else', (path: string) => writeFileSync(path, '"abcde"\n'), /does not hold the 2 lines/],
    ['ends within a line', (path: string) => writeFileSync(path, '"a"\n"bcd'), /does not hold the 2 lines/],
  ])('that %s is told from an empty one', async (_, damage, message) => {
    const root = newFolder();
    const staging = createStaging(root);
    const segment = await stage(staging, ['a', 'b']);
    damage(join(root, segment.file));
    await expect(linesOf(staging, segment)).rejects.toThrow(StagingLost);
    await expect(linesOf(staging, segment)).rejects.toThrow(message);
  });

  test('says which it is and what staging has to be', async () => {
    const staging = createStaging(newFolder());
    const segment = await stage(staging, ['a']);
    await staging.remove([segment]);
    await expect(linesOf(staging, segment)).rejects.toThrow(
      'the staged segment run-1/users-3.2.users.jsonl is missing. Staging has to be one folder that all workers of the ' +
        'task queue and nothing else may delete files from it during a sync. Check the folder, then run the sync again.',
    );
  });
});

describe('a folder that cannot be used', () => {
  test('is named together with what to do', async () => {
    const folder = join(newFolder(), 'staging');
    writeFileSync(folder, 'a file');
    const opening = createStaging(folder).open(place);
    await expect(opening).rejects.toThrow(StagingUnavailable);
    await expect(opening).rejects.toThrow(
      `the staging folder ${folder} cannot be used: a file exists where a folder is required. Move the file, or use another folder.`,
    );
  });

  test('may be on a full disk', async () => {
    const root = newFolder();
    mkdirSync(join(root, 'run-1'));
    symlinkSync('/dev/full', join(root, 'run-1', 'users-3.2.users.jsonl'));
    const writer = await createStaging(root).open(place);
    await writer.append(['a']);
    await expect(writer.commit()).rejects.toThrow(/the disk is full\. Free space there/);
    await writer.close();
  });
});

describe('what is no longer wanted', () => {
  test('is removed with its run, and nothing else is', async () => {
    const root = newFolder();
    const staging = createStaging(root);
    await stage(staging, ['a']);
    const other = await stage(staging, ['b'], { run: 'run-2' });
    await staging.removeRun('run-1');
    await staging.removeRun('run-1');
    expect(readdirSync(root)).toEqual(['run-2']);
    expect(await staging.readValues(other)).toEqual(['b']);
  });

  test('is removed when it is old; young runs and folders of others stay', async () => {
    const root = newFolder();
    const staging = createStaging(root);
    const now = Date.UTC(2030, 0, 1);
    const hour = 3_600_000;
    const age = (path: string, hours: number) =>
      utimesSync(join(root, path), new Date(now), new Date(now - hours * hour));
    const old = await stage(staging, ['a'], { run: 'old' });
    const young = await stage(staging, ['b'], { run: 'young' });
    age(old.file, 3);
    age('old', 3);
    age(young.file, 1);
    age('young', 3);
    mkdirSync(join(root, 'photos'));
    writeFileSync(join(root, 'photos', 'cat.jpg'), '');
    age('photos/cat.jpg', 99);
    age('photos', 99);

    expect(await staging.removeStaleRuns(2 * hour, now)).toEqual(['old']);
    expect(readdirSync(root).sort()).toEqual(['photos', 'young']);
  });

  test('needs no folder to be there', async () => {
    const staging = createStaging(join(newFolder(), 'never-made'));
    await staging.removeRun('run-1');
    expect(await staging.removeStaleRuns(0, Date.now())).toEqual([]);
  });
});
