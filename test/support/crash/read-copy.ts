import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StreamKeys, truthStreams, type TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { readFilesDestination } from '../files-reader';
import { type DataFile, listDataFiles, readManifests } from '../../../src/sinks/files/manifest';
import { getStream } from '../../../src/streams/registry';
import { query, readRecords } from '../postgres/rows';
import type { CrashEnvironment } from './environment';

export interface CopiedRecord {
  record: JsonObject;
  /** Number of the run that delivered it; 0 in a table, which does not record it. */
  run: number;
}

/** Records of each stream, in the order of their delivery. */
export type Copy = Record<TruthStream, CopiedRecord[]>;

/** Reads the destination as its users do: by the manifests, or with SQL. */
export async function readCopy({ plan, disks, postgres, schema }: CrashEnvironment): Promise<Copy> {
  const copy = Object.fromEntries(truthStreams.map((stream) => [stream, []])) as unknown as Copy;
  if (plan.destination === 'files') {
    const manifests = await readManifests(disks.destination.folder);
    const runs = new Map(manifests.map(({ stream, current: { files } }) => [stream, files.flatMap(listRuns).values()]));
    for await (const { stream, data } of readFilesDestination(disks.destination.folder)) {
      copy[stream as TruthStream].push({ record: data, run: runs.get(stream)?.next().value ?? -1 });
    }
    return copy;
  }
  for (const stream of truthStreams) {
    copy[stream] = (await readRecords(postgres.url, schema, stream)).map((record) => ({ record, run: 0 }));
  }
  return copy;
}

/** The run of each record of a file: files are named `<run>-<delivery>.jsonl`. */
function listRuns({ name, records }: DataFile): number[] {
  return Array<number>(records).fill(Number.parseInt(name, 10));
}

/** The key of a record, in the format of the emulator's truth. */
export function formatKey(stream: TruthStream, record: JsonObject): string {
  return getStream(stream)
    .primaryKey.flat()
    .map((field) => String(record[field]))
    .join(',');
}

export interface Differences {
  lost: number;
  invented: number;
  twice: number;
}

/**
 * Counts the records that a copy lacks although they always existed, has although they never existed, and has more than once
 * from one run. A command that was killed can run again after its run has ended: then another run starts, which reads again the
 * users that changed shortly before, and reads twice, in both versions, those that change during the run.
 */
export function countDifferences(copy: Copy, always: StreamKeys, ever: StreamKeys): Record<TruthStream, Differences> {
  const entries = truthStreams.map((stream): [TruthStream, Differences] => {
    const first = Math.min(...copy[stream].map(({ run }) => run));
    const keys = copy[stream].map(({ record }) => formatKey(stream, record));
    const versions = copy[stream].map(({ record, run }) =>
      JSON.stringify([run, formatKey(stream, record), ...(run > first ? [record['updated_at']] : [])]),
    );
    const copied = new Set(keys);
    return [
      stream,
      {
        lost: [...always[stream]].filter((key) => !copied.has(key)).length,
        invented: [...copied].filter((key) => !ever[stream].has(key)).length,
        twice: keys.length - new Set(versions).size,
      },
    ];
  });
  return Object.fromEntries(entries) as Record<TruthStream, Differences>;
}

/** The cursor of users in the destination. */
export async function readUsersCursor({
  plan,
  disks,
  postgres,
  schema,
}: CrashEnvironment): Promise<string | undefined> {
  let state: JsonObject | undefined;
  if (plan.destination === 'files') {
    const messages = JSON.parse(readFileSync(join(disks.destination.folder, 'state.json'), 'utf8')) as {
      stream: { stream_descriptor: { name: string }; stream_state: JsonObject };
    }[];
    state = messages.find(({ stream }) => stream.stream_descriptor.name === 'users')?.stream.stream_state;
  } else {
    const sql = `SELECT state FROM ${schema}._rollcall_streams WHERE stream = 'users'`;
    state = (await query<{ state: JsonObject }>(postgres.url, sql))[0]?.state;
  }
  return state?.['updated_at'] as string | undefined;
}

/** Files of a files destination that no manifest lists. */
export async function listUnknownFiles(folder: string): Promise<string[]> {
  const manifests = await readManifests(folder);
  const listed = new Set(manifests.flatMap((each) => listDataFiles(each).map(({ name }) => join(each.stream, name))));
  return listFiles(folder).filter(
    (name) => !listed.has(name) && !/(?:^|\/)(?:manifest|state|summary)\.json$/.test(name),
  );
}

/** Paths of all files below a folder, relative to it. */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
