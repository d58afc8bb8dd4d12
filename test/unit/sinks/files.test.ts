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
import { DestinationUnavailable, DestinationUnreadable } from '../../../src/sinks/destination';
import { readFilesDestination } from '../../support/files-reader';
import type { Manifest } from '../../../src/sinks/files/manifest';
import { createFilesSink } from '../../../src/sinks/files/sink';
import { type Sink, StaleDelivery } from '../../../src/sinks/sink';
import { createStaging, type Staging } from '../../../src/staging/staging';
import { clients, rows, stage, stepsOf, summaryOf, users } from '../../support/contract/deliveries';
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
const manifestOf = (stream: string): Manifest => JSON.parse(read(`${stream}/manifest.json`)) as Manifest;
/** The data files of a stream, and what else does not belong to it. */
const list = (stream: string): string[] =>
  readdirSync(join(directory, stream))
    .filter((name) => name !== 'manifest.json')
    .sort();

/** Copies the rows in one run, each in a step of its own. */
async function copy(sink: Sink, stream: ConfiguredStream, run: string, ...ids: string[]): Promise<void> {
  const step = stepsOf(run, stream);
  await sink.deliver(step({ status: 'STARTED' }));
  for (const id of ids) {
    await sink.deliver(step({ segments: [await stage(staging, stream.name, rows(id))], state: { at: id } }));
  }
  await sink.deliver(step({ status: 'COMPLETE', state: { at: 'end' } }));
}

async function idsHeld(): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { data } of readFilesDestination(directory)) ids.push(data.id);
  return ids;
}

describe('a files destination', () => {
  test('has a file of Airbyte records for each step, named after its place', async () => {
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

  test('has a manifest of what counts', async () => {
    await copy(await open(), clients, 'run-1', 'a');
    const bytes = read('clients/000001-000001.jsonl').length;
    expect(manifestOf('clients')).toEqual({
      version: 1,
      stream: 'clients',
      namespace: 'acme',
      run: 'run-1',
      sequence: 2,
      generation: 1,
      complete: true,
      files: [{ name: '000001-000001.jsonl', records: 1, bytes }],
      state: { at: 'end' },
    });
  });

  test('has its states in the form that read --state takes', async () => {
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

  test('says of an appended stream that it is no whole copy until its run is complete', async () => {
    const sink = await open();
    await copy(sink, users, 'run-1', 'a');
    expect(manifestOf('users').complete).toBe(true);
    const step = stepsOf('run-2', users);
    await sink.deliver(step({ status: 'STARTED' }));
    expect(manifestOf('users').complete).toBe(false);
    await sink.deliver(step({ status: 'INCOMPLETE' }));
    expect(manifestOf('users').complete).toBe(false);
  });

  test('holds no half of an overwritten stream: neither records nor state', async () => {
    const sink = await open();
    const step = stepsOf('run-1', clients);
    await sink.deliver(
      step({ status: 'STARTED', segments: [await stage(staging, 'clients', rows('a'))], state: { at: 1 } }),
    );
    expect(await idsHeld()).toEqual([]);
    expect(await sink.loadState()).toEqual({});
    expect(JSON.parse(read('state.json'))).toEqual([]);
    await sink.deliver(step({ status: 'INCOMPLETE', state: { at: 1 } }));
    expect(await sink.loadState()).toEqual({});
    expect(list('clients')).toEqual([]);
    await expect(sink.deliver(step({ state: { at: 2 } }))).rejects.toThrow('came after the end of its run');
  });

  test('deletes the files of the old generation after the switch', async () => {
    const sink = await open();
    await copy(sink, clients, 'run-1', 'a', 'b');
    await copy(sink, clients, 'run-2', 'c');
    expect(list('clients')).toEqual(['000002-000001.jsonl']);
    expect(await idsHeld()).toEqual(['c']);
  });

  test('knows of a run before there is a file under the number of that run', async () => {
    const sink = await open();
    const { rename } = disk;
    const known: unknown[] = [];
    jest.spyOn(disk, 'rename').mockImplementation(async (from, to) => {
      if (String(to).endsWith('.jsonl')) known.push(manifestOf('users'));
      await rename(from, to);
    });
    const segments = [await stage(staging, 'users', rows('a'))];
    await sink.deliver(stepsOf('run-1', users)({ status: 'STARTED', segments }));
    expect(known).toEqual([expect.objectContaining({ run: 'run-1', sequence: -1, generation: 1, files: [] })]);
  });

  test('has the summary of the newest run that has ended, with all that was known of it', async () => {
    await (await open()).writeSummary(summaryOf('run-2'));
    const text = read('summary.json');
    expect(text).toBe(`${JSON.stringify(summaryOf('run-2'), undefined, 2)}\n`);
    expect(text).toContain('"total": 1000');

    const next = await open();
    await next.writeSummary(summaryOf('run-1'));
    expect(read('summary.json')).toBe(text);
    await next.writeSummary(summaryOf('run-3'));
    expect(JSON.parse(read('summary.json'))).toEqual(summaryOf('run-3'));
  });

  test.each([
    '',
    '{"run":"run-9","status":"par',
    'null',
    '[]',
    '"run-9"',
    '{"run":"run-9"}',
    '{"run":9,"status":"partial"}',
  ])('puts a summary in the place of a summary.json that is none: %p', async (text) => {
    const sink = await open();
    writeFileSync(join(directory, 'summary.json'), text);
    await sink.writeSummary(summaryOf('run-1'));
    expect(JSON.parse(read('summary.json'))).toEqual(summaryOf('run-1'));
  });

  test('is not read again for each step, though its manifest may be long', async () => {
    const sink = await open();
    const step = stepsOf('run-1', users);
    const readFile = jest.spyOn(disk, 'readFile');
    for (let n = 0; n < 3; n += 1) await sink.deliver(step({ state: { n } }));
    expect(readFile.mock.calls.map(([path]) => String(path)).filter((path) => path.endsWith('manifest.json'))).toEqual(
      [],
    );
  });
});

describe('opening a files destination', () => {
  test('makes the state file anew when it is not what the manifest says', async () => {
    await copy(await open(), users, 'run-1', 'a');
    const right = read('state.json');
    for (const damage of [
      () => writeFileSync(join(directory, 'state.json'), '[]'),
      () => rmSync(join(directory, 'state.json')),
    ]) {
      damage();
      await open();
      expect(read('state.json')).toBe(right);
    }
  });

  test('removes what past steps left and what does not count, and nothing else', async () => {
    await copy(await open(), users, 'run-1', 'a');
    await copy(await open(), users, 'run-2', 'b');
    const past = ['000001-000007.jsonl', '000002-000000.jsonl', '.000002-000002.jsonl.0a-1b.tmp'];
    const others = ['000002-000003.jsonl', '.000002-000003.jsonl.0a-1b.tmp', 'notes.txt'];
    for (const name of [...past, ...others]) writeFileSync(join(directory, 'users', name), '');
    await open();
    expect(list('users')).toEqual([...others, '000001-000001.jsonl', '000002-000001.jsonl'].sort());
    expect(await idsHeld()).toEqual(['a', 'b']);
  });

  test('removes what is left of a summary that was not finished, and keeps the one before', async () => {
    await (await open()).writeSummary(summaryOf('run-1'));
    for (const name of ['.summary.json.0a-1b.tmp', '.notes.json.0a-1b.tmp']) writeFileSync(join(directory, name), '{');
    await open();
    expect(list('')).toEqual(['.notes.json.0a-1b.tmp', 'state.json', 'summary.json']);
    expect(JSON.parse(read('summary.json'))).toEqual(summaryOf('run-1'));
  });

  test.each([
    ['is no JSON', '{"version":1,', /manifest\.json is not JSON; nothing was changed\. Restore the file from a copy/],
    [
      'is of a newer version',
      '{"version":2,"stream":[]}',
      /is of version 2, which a newer Rollcall wrote.*Use that version/,
    ],
    ['has lost a part', '{"version":1,"stream":"users","run":"r"}', /is not a manifest .*\(see sequence\)/],
    [
      'names a file elsewhere',
      '{"version":1,"stream":"users","run":"r","sequence":0,"generation":1,"complete":true,"files":[{"name":"../x","records":1,"bytes":1}]}',
      /\(see files\.0\.name\)/,
    ],
  ])('fails when the manifest %s, and leaves it as it is', async (_, text, message) => {
    mkdirSync(join(directory, 'users'), { recursive: true });
    writeFileSync(join(directory, 'users/manifest.json'), text);
    await expect(open()).rejects.toThrow(DestinationUnreadable);
    await expect(open()).rejects.toThrow(message);
    expect(list('')).toEqual(['users']);
    expect(read('users/manifest.json')).toBe(text);
  });

  test.each([
    ['is a file', '', 'a file exists where a folder is required. Move the file, or use another folder.'],
    ['lies under a file', '/below', 'a file exists where a folder is required. Move the file, or use another folder.'],
  ])('fails when the folder %s', async (_, below, message) => {
    writeFileSync(directory, '');
    directory += below;
    await expect(open()).rejects.toThrow(DestinationUnavailable);
    await expect(open()).rejects.toThrow(`the destination ${directory} cannot be used: ${message}`);
  });
});

describe('a disk that fails', () => {
  test.each([
    ['ENOSPC', 'the disk is full. Free disk space, or use another folder.'],
    ['EACCES', 'permission denied. Grant this user write permission, or use another folder.'],
    ['EROFS', 'the disk is read-only. Mount it writable, or use another folder.'],
  ])('with %s is named, leaves nothing behind, and the step can be repeated', async (code, message) => {
    const sink = await open();
    const step = stepsOf('run-1', users)({ status: 'STARTED', segments: [await stage(staging, 'users', rows('a'))] });
    const failure = Object.assign(new Error(code), { code, syscall: 'rename' });
    jest
      .spyOn(disk, 'rename')
      .mockImplementation((from, to) =>
        String(to).endsWith('manifest.json') ? Promise.resolve(renameSync(from, to)) : Promise.reject(failure),
      );
    await expect(sink.deliver(step)).rejects.toThrow(`the destination ${directory} cannot be used: ${message}`);
    expect(list('users')).toEqual([]);
    jest.restoreAllMocks();
    await sink.deliver(step);
    expect(await idsHeld()).toEqual(['a']);
  });

  test('leaves the summary before, and the new one can be repeated', async () => {
    const sink = await open();
    await sink.writeSummary(summaryOf('run-1'));
    const failure = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'rename' });
    jest.spyOn(disk, 'rename').mockRejectedValue(failure);
    await expect(sink.writeSummary(summaryOf('run-2'))).rejects.toThrow(DestinationUnavailable);
    expect(JSON.parse(read('summary.json'))).toEqual(summaryOf('run-1'));
    jest.restoreAllMocks();
    await sink.writeSummary(summaryOf('run-2'));
    expect(JSON.parse(read('summary.json'))).toEqual(summaryOf('run-2'));
    expect(list('')).toEqual(['state.json', 'summary.json']);
  });
});

describe('two processes on one folder', () => {
  test('see what the other has written', async () => {
    const [one, other] = [await open(), await open()];
    await copy(one, users, 'run-1', 'a');
    await copy(other, clients, 'run-1', 'b');
    const step = stepsOf('run-2', users);
    await one.deliver(step({ status: 'STARTED' }));
    const second = step({ segments: [await stage(staging, 'users', rows('c'))] });
    await other.deliver(second);
    await one.deliver(second);
    expect(await idsHeld()).toEqual(['b', 'a', 'c']);
  });

  test('lose nothing to each other when they take steps of different streams at the same instant', async () => {
    const [one, other] = [await open(), await open()];
    const { rename } = disk;
    let runs = 0;
    let copying = false;
    // Whatever the first one is about to put in its place, the second one copies a whole stream meanwhile.
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
    expect(await idsHeld()).toEqual([`c${runs}`, 'a', 'b']);
    expect(Object.keys(await (await open()).loadState())).toEqual(['clients', 'users']);
    expect(JSON.parse(read('state.json'))).toHaveLength(2);
  });

  test('are told apart by their runs: the older one changes nothing more', async () => {
    const [older, newer] = [await open(), await open()];
    const step = stepsOf('run-1', users);
    await older.deliver(step({ status: 'STARTED' }));
    await copy(newer, users, 'run-2', 'b');
    const late = step({ segments: [await stage(staging, 'users', rows('a'))], state: { at: 'a' } });
    await expect(older.deliver(late)).rejects.toThrow(StaleDelivery);
    expect(await idsHeld()).toEqual(['b']);
    expect(await newer.loadState()).toEqual({ users: { at: 'end' } });
  });

  test.each(['before', 'after'])(
    'are told apart also when the newer run comes just %s the older one puts a file in its place',
    async (instant) => {
      const [older, newer] = [await open(), await open()];
      const step = stepsOf('run-1', users);
      await older.deliver(step({ status: 'STARTED' }));
      const { rename } = disk;
      jest.spyOn(disk, 'rename').mockImplementationOnce(async (from, to) => {
        if (instant === 'after') await rename(from, to);
        await copy(newer, users, 'run-2', 'b');
        if (instant === 'before') await rename(from, to);
      });
      const late = step({ segments: [await stage(staging, 'users', rows('a'))], state: { at: 'a' } });
      await expect(older.deliver(late)).rejects.toThrow(instant === 'after' ? StaleDelivery : DestinationUnavailable);
      await expect(older.deliver(late)).rejects.toThrow(StaleDelivery);
      expect(await idsHeld()).toEqual(['b']);
      await open();
      expect(list('users')).toEqual(['000002-000001.jsonl']);
    },
  );
});

describe('reading a files destination', () => {
  test('gives the bodies of the records that count', async () => {
    await copy(await open(), clients, 'run-1', 'a');
    cpSync(join(directory, 'clients/000001-000001.jsonl'), join(directory, 'clients/000001-000009.jsonl'));
    const records = [];
    for await (const record of readFilesDestination(directory)) records.push(record);
    expect(records).toEqual([
      { stream: 'clients', namespace: 'acme', emitted_at: 1_700_000_000_000, data: { id: 'a' } },
    ]);
  });

  test('fails when a file that counts is gone or cut', async () => {
    await copy(await open(), users, 'run-1', 'a');
    const file = join(directory, 'users/000001-000001.jsonl');
    truncateSync(file, 5);
    await expect(idsHeld()).rejects.toThrow(/000001-000001\.jsonl has 5 bytes where the manifest says \d+/);
    rmSync(file);
    await expect(idsHeld()).rejects.toThrow(DestinationUnreadable);
  });

  test('gives nothing where nothing was written', async () => {
    expect(await idsHeld()).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });
});
