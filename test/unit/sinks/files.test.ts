import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import disk from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfiguredStream } from '../../../src/protocol';
import { DestinationUnreadable, type Manifest } from '../../../src/sinks/files/manifest';
import { createFilesSink } from '../../../src/sinks/files/sink';
import { DestinationUnavailable, type Sink, StaleDelivery } from '../../../src/sinks/sink';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { clients, rows, stageRows, numberDeliveries, createSummary, users } from '../../support/contract/deliveries';
import { readFilesDestination } from '../../support/files-reader';
import { scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders();
let staging: Staging;
let directory: string;

beforeEach(() => {
  const folder = newFolder();
  staging = createStaging(join(folder, 'staging'));
  directory = join(folder, 'data');
});
afterEach(() => jest.restoreAllMocks());

const open = (): Promise<Sink> => createFilesSink({ directory, staging });
const read = (path: string): string => readFileSync(join(directory, path), 'utf8');
const readStoredManifest = (stream: string): Manifest => JSON.parse(read(`${stream}/manifest.json`)) as Manifest;
/** The files in a stream's folder other than the manifest. */
const list = (stream: string): string[] =>
  readdirSync(join(directory, stream))
    .filter((name) => name !== 'manifest.json')
    .sort();

/** Copies the rows in one run, each in its own delivery. */
async function copy(sink: Sink, stream: ConfiguredStream, run: string, ...ids: string[]): Promise<void> {
  const next = numberDeliveries(run, stream);
  await sink.deliver(next({ status: 'STARTED' }));
  for (const id of ids) {
    await sink.deliver(next({ segments: [await stageRows(staging, stream.name, rows(id))], state: { at: id } }));
  }
  await sink.deliver(next({ status: 'COMPLETE', state: { at: 'end' } }));
}

async function readIds(): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { data } of readFilesDestination(directory)) ids.push(data.id);
  return ids;
}

describe('a files destination', () => {
  test('has a file of Airbyte records for each delivery, named by run number and sequence', async () => {
    const sink = await open();
    await copy(sink, users, 'run-1', 'a', 'b');
    await copy(sink, users, 'run-2', 'c');
    await copy(sink, clients, 'run-2', 'd');
    expect(list('users')).toEqual(['000001-000001.jsonl', '000001-000002.jsonl', '000002-000001.jsonl']);
    expect(read('users/000001-000002.jsonl')).toBe(
      '{"type":"RECORD","record":{"stream":"users","emitted_at":1700000000000,"data":{"id":"b"}}}\n',
    );
    expect(read('clients/000001-000001.jsonl')).toContain('"stream":"clients","namespace":"acme"');
  });

  test('lists its files and its state in a manifest', async () => {
    await copy(await open(), clients, 'run-1', 'a');
    const bytes = read('clients/000001-000001.jsonl').length;
    expect(readStoredManifest('clients')).toEqual({
      version: 1,
      stream: 'clients',
      namespace: 'acme',
      run: 'run-1',
      sequence: 2,
      runNumber: 1,
      generation: 1,
      complete: true,
      current: { files: [{ name: '000001-000001.jsonl', records: 1, bytes }], state: { at: 'end' } },
    });
  });

  test('has a state file in the form that read --state takes', async () => {
    const sink = await open();
    await copy(sink, users, 'run-1', 'a');
    await copy(sink, clients, 'run-1', 'b');
    expect(JSON.parse(read('state.json'))).toEqual([
      {
        type: 'STREAM',
        stream: { stream_descriptor: { name: 'clients', namespace: 'acme' }, stream_state: { at: 'end' } },
      },
      { type: 'STREAM', stream: { stream_descriptor: { name: 'users' }, stream_state: { at: 'end' } } },
    ]);
  });

  test('marks an appended stream as complete only after a complete run', async () => {
    const sink = await open();
    await copy(sink, users, 'run-1', 'a');
    expect(readStoredManifest('users').complete).toBe(true);
    const next = numberDeliveries('run-2', users);
    await sink.deliver(next({ status: 'STARTED' }));
    expect(readStoredManifest('users').complete).toBe(false);
    await sink.deliver(next({ status: 'INCOMPLETE' }));
    expect(readStoredManifest('users').complete).toBe(false);
  });

  test('has neither records nor state of an overwritten stream before its run is complete', async () => {
    const sink = await open();
    const next = numberDeliveries('run-1', clients);
    await sink.deliver(
      next({ status: 'STARTED', segments: [await stageRows(staging, 'clients', rows('a'))], state: { at: 1 } }),
    );
    expect(await readIds()).toEqual([]);
    expect(await sink.loadState()).toEqual({});
    expect(JSON.parse(read('state.json'))).toEqual([]);
    await sink.deliver(next({ status: 'INCOMPLETE', state: { at: 1 } }));
    expect(await sink.loadState()).toEqual({});
    expect(list('clients')).toEqual([]);
    await expect(sink.deliver(next({ state: { at: 2 } }))).rejects.toThrow(
      'received a delivery of clients after the end of its run',
    );
  });

  test('deletes the old files of an overwritten stream after a complete run', async () => {
    const sink = await open();
    await copy(sink, clients, 'run-1', 'a', 'b');
    await copy(sink, clients, 'run-2', 'c');
    expect(list('clients')).toEqual(['000002-000001.jsonl']);
    expect(await readIds()).toEqual(['c']);
  });

  test('writes the run to the manifest before it writes a file with the number of that run', async () => {
    const sink = await open();
    const { rename } = disk;
    const manifests: unknown[] = [];
    jest.spyOn(disk, 'rename').mockImplementation(async (from, to) => {
      if (String(to).endsWith('.jsonl')) manifests.push(readStoredManifest('users'));
      await rename(from, to);
    });
    const segments = [await stageRows(staging, 'users', rows('a'))];
    await sink.deliver(numberDeliveries('run-1', users)({ status: 'STARTED', segments }));
    expect(manifests).toEqual([
      expect.objectContaining({ run: 'run-1', sequence: -1, runNumber: 1, current: { files: [] } }),
    ]);
  });

  test('keeps the summary of the newest finished run, with all its properties', async () => {
    await (await open()).writeSummary(createSummary('run-2'));
    const text = read('summary.json');
    expect(text).toBe(`${JSON.stringify(createSummary('run-2'), undefined, 2)}\n`);
    expect(text).toContain('"total": 1000');

    const next = await open();
    await next.writeSummary(createSummary('run-1'));
    expect(read('summary.json')).toBe(text);
    await next.writeSummary(createSummary('run-3'));
    expect(JSON.parse(read('summary.json'))).toEqual(createSummary('run-3'));
  });

  test.each([
    '',
    '{"run":"run-9","status":"par',
    'null',
    '[]',
    '"run-9"',
    '{"run":"run-9"}',
    '{"run":9,"status":"partial"}',
  ])('replaces a summary.json that is not a summary: %p', async (text) => {
    const sink = await open();
    writeFileSync(join(directory, 'summary.json'), text);
    await sink.writeSummary(createSummary('run-1'));
    expect(JSON.parse(read('summary.json'))).toEqual(createSummary('run-1'));
  });

  test('does not read an unchanged manifest again', async () => {
    const sink = await open();
    const next = numberDeliveries('run-1', users);
    const readFile = jest.spyOn(disk, 'readFile');
    for (let n = 0; n < 3; n += 1) await sink.deliver(next({ state: { n } }));
    expect(readFile.mock.calls.map(([path]) => String(path)).filter((path) => path.endsWith('manifest.json'))).toEqual(
      [],
    );
  });
});

describe('opening a files destination', () => {
  test('rewrites a state file that differs from the manifests', async () => {
    await copy(await open(), users, 'run-1', 'a');
    const expected = read('state.json');
    for (const damage of [
      () => writeFileSync(join(directory, 'state.json'), '[]'),
      () => rmSync(join(directory, 'state.json')),
    ]) {
      damage();
      await open();
      expect(read('state.json')).toBe(expected);
    }
  });

  test('deletes unlisted files of past deliveries, and no others', async () => {
    await copy(await open(), users, 'run-1', 'a');
    await copy(await open(), users, 'run-2', 'b');
    const past = ['000001-000007.jsonl', '000002-000000.jsonl', '.000002-000002.jsonl.0a-1b.tmp'];
    const others = ['000002-000003.jsonl', '.000002-000003.jsonl.0a-1b.tmp', 'notes.txt'];
    for (const name of [...past, ...others]) writeFileSync(join(directory, 'users', name), '');
    await open();
    expect(list('users')).toEqual([...others, '000001-000001.jsonl', '000002-000001.jsonl'].sort());
    expect(await readIds()).toEqual(['a', 'b']);
  });

  test('deletes a half-written summary, and keeps the one before', async () => {
    await (await open()).writeSummary(createSummary('run-1'));
    for (const name of ['.summary.json.0a-1b.tmp', '.notes.json.0a-1b.tmp']) writeFileSync(join(directory, name), '{');
    await open();
    expect(list('')).toEqual(['.notes.json.0a-1b.tmp', 'state.json', 'summary.json']);
    expect(JSON.parse(read('summary.json'))).toEqual(createSummary('run-1'));
  });

  test.each([
    [
      'is not JSON',
      '{"version":1,',
      /manifest\.json is not JSON; nothing was changed\. Restore the file from a backup/,
    ],
    [
      'has a newer version',
      '{"version":2,"stream":[]}',
      /has version 2, written by a newer version of Rollcall.*Upgrade Rollcall/,
    ],
    ['lacks a property', '{"version":1,"stream":"users","run":"r"}', /is not a manifest .*\(see sequence\)/],
    [
      'names a file outside its folder',
      '{"version":1,"stream":"users","run":"r","sequence":0,"runNumber":1,"generation":1,"complete":true,"current":{"files":[{"name":"../x","records":1,"bytes":1}]}}',
      /\(see current\.files\.0\.name\)/,
    ],
  ])('fails and changes nothing when the manifest %s', async (_, text, message) => {
    mkdirSync(join(directory, 'users'), { recursive: true });
    writeFileSync(join(directory, 'users/manifest.json'), text);
    await expect(open()).rejects.toThrow(DestinationUnreadable);
    await expect(open()).rejects.toThrow(message);
    expect(list('')).toEqual(['users']);
    expect(read('users/manifest.json')).toBe(text);
  });

  test.each([
    ['is a file', '', 'a file exists where a folder is required. Move the file, or use another folder.'],
    ['is below a file', '/below', 'a file exists where a folder is required. Move the file, or use another folder.'],
  ])('fails when the folder %s', async (_, below, message) => {
    writeFileSync(directory, '');
    directory += below;
    await expect(open()).rejects.toThrow(DestinationUnavailable);
    await expect(open()).rejects.toThrow(`the destination ${directory} cannot be used: ${message}`);
  });
});

describe('a files destination on a failing disk', () => {
  test.each([
    ['ENOSPC', 'the disk is full. Free disk space, or use another folder.'],
    ['EACCES', 'permission denied. Grant this user write permission, or use another folder.'],
    ['EROFS', 'the disk is read-only. Mount it writable, or use another folder.'],
  ])('reports %s, leaves no file behind, and takes the repeated delivery', async (code, message) => {
    const sink = await open();
    const segments = [await stageRows(staging, 'users', rows('a'))];
    const delivery = numberDeliveries('run-1', users)({ status: 'STARTED', segments });
    const failure = Object.assign(new Error(code), { code, syscall: 'rename' });
    jest
      .spyOn(disk, 'rename')
      .mockImplementation((from, to) =>
        String(to).endsWith('manifest.json') ? Promise.resolve(renameSync(from, to)) : Promise.reject(failure),
      );
    await expect(sink.deliver(delivery)).rejects.toThrow(`the destination ${directory} cannot be used: ${message}`);
    expect(list('users')).toEqual([]);
    jest.restoreAllMocks();
    await sink.deliver(delivery);
    expect(await readIds()).toEqual(['a']);
  });

  test('keeps the old summary when a write fails, and takes the repeated one', async () => {
    const sink = await open();
    await sink.writeSummary(createSummary('run-1'));
    const failure = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'rename' });
    jest.spyOn(disk, 'rename').mockRejectedValue(failure);
    await expect(sink.writeSummary(createSummary('run-2'))).rejects.toThrow(DestinationUnavailable);
    expect(JSON.parse(read('summary.json'))).toEqual(createSummary('run-1'));
    jest.restoreAllMocks();
    await sink.writeSummary(createSummary('run-2'));
    expect(JSON.parse(read('summary.json'))).toEqual(createSummary('run-2'));
    expect(list('')).toEqual(['state.json', 'summary.json']);
  });
});

describe('two processes on one folder', () => {
  test('see the deliveries of each other', async () => {
    const [one, other] = [await open(), await open()];
    await copy(one, users, 'run-1', 'a');
    await copy(other, clients, 'run-1', 'b');
    const next = numberDeliveries('run-2', users);
    await one.deliver(next({ status: 'STARTED' }));
    const second = next({ segments: [await stageRows(staging, 'users', rows('c'))] });
    await other.deliver(second);
    await one.deliver(second);
    expect(await readIds()).toEqual(['b', 'a', 'c']);
  });

  test('lose nothing when they write different streams at the same time', async () => {
    const [one, other] = [await open(), await open()];
    const { rename } = disk;
    let runs = 0;
    let copying = false;
    // Before each rename of the first process, the second one copies a whole stream.
    jest.spyOn(disk, 'rename').mockImplementation(async (from, to) => {
      if (!copying) {
        copying = true;
        runs += 1;
        await copy(other, clients, `run-${String(runs).padStart(3, '0')}`, `c${runs}`);
        copying = false;
      }
      await rename(from, to);
    });
    await copy(one, users, 'run-1', 'a', 'b');
    jest.restoreAllMocks();
    expect(runs).toBeGreaterThan(5);
    expect(await readIds()).toEqual([`c${runs}`, 'a', 'b']);
    expect(Object.keys(await (await open()).loadState())).toEqual(['clients', 'users']);
    expect(JSON.parse(read('state.json'))).toHaveLength(2);
  });

  test('refuse the deliveries of the older run', async () => {
    const [older, newer] = [await open(), await open()];
    const next = numberDeliveries('run-1', users);
    await older.deliver(next({ status: 'STARTED' }));
    await copy(newer, users, 'run-2', 'b');
    const late = next({ segments: [await stageRows(staging, 'users', rows('a'))], state: { at: 'a' } });
    await expect(older.deliver(late)).rejects.toThrow(StaleDelivery);
    expect(await readIds()).toEqual(['b']);
    expect(await newer.loadState()).toEqual({ users: { at: 'end' } });
  });

  test.each(['before', 'after'])(
    'refuse the older run when the newer one starts just %s a file of the older one is renamed',
    async (instant) => {
      const [older, newer] = [await open(), await open()];
      const next = numberDeliveries('run-1', users);
      await older.deliver(next({ status: 'STARTED' }));
      const { rename } = disk;
      jest.spyOn(disk, 'rename').mockImplementationOnce(async (from, to) => {
        if (instant === 'after') await rename(from, to);
        await copy(newer, users, 'run-2', 'b');
        if (instant === 'before') await rename(from, to);
      });
      const late = next({ segments: [await stageRows(staging, 'users', rows('a'))], state: { at: 'a' } });
      await expect(older.deliver(late)).rejects.toThrow(instant === 'after' ? StaleDelivery : DestinationUnavailable);
      await expect(older.deliver(late)).rejects.toThrow(StaleDelivery);
      expect(await readIds()).toEqual(['b']);
      await open();
      expect(list('users')).toEqual(['000002-000001.jsonl']);
    },
  );
});

describe('reading a files destination', () => {
  test('returns the records of listed files only', async () => {
    await copy(await open(), clients, 'run-1', 'a');
    cpSync(join(directory, 'clients/000001-000001.jsonl'), join(directory, 'clients/000001-000009.jsonl'));
    const records = [];
    for await (const record of readFilesDestination(directory)) records.push(record);
    expect(records).toEqual([
      { stream: 'clients', namespace: 'acme', emitted_at: 1_700_000_000_000, data: { id: 'a' } },
    ]);
  });

  test('fails when a listed file is missing or truncated', async () => {
    await copy(await open(), users, 'run-1', 'a');
    const file = join(directory, 'users/000001-000001.jsonl');
    truncateSync(file, 5);
    await expect(readIds()).rejects.toThrow(/000001-000001\.jsonl has 5 bytes, but the manifest lists \d+/);
    rmSync(file);
    await expect(readIds()).rejects.toThrow(DestinationUnreadable);
  });

  test('returns nothing when the folder does not exist', async () => {
    expect(await readIds()).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });
});
