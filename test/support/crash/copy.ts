import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StreamKeys, truthStreams, type TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { readFilesDestination } from '../files-reader';
import { type DataFile, listDataFiles, readManifests } from '../../../src/sinks/files/manifest';
import { getStream } from '../../../src/streams/registry';
import { query, readRecords } from '../postgres/rows';
import type { World } from './world';

export interface Copied {
  record: JsonObject;
  /** Number of the run that brought it; in a table, where each record is once whatever brought it, 0. */
  run: number;
}

/** Records of each stream, in the order of their delivery. */
export type Copy = Record<TruthStream, Copied[]>;

/** What the destination holds, as its own readers see it: by the manifests, or by SQL. */
export async function readCopy({ plan, disks, postgres, schema }: World): Promise<Copy> {
  const copy = Object.fromEntries(truthStreams.map((stream) => [stream, []])) as unknown as Copy;
  if (plan.destination === 'files') {
    const manifests = await readManifests(disks.destination.folder);
    const runs = new Map(manifests.map(({ stream, current: { files } }) => [stream, files.flatMap(runsIn).values()]));
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

/** The run of each of a file's records: files are named `<run>-<step>.jsonl`. */
function runsIn({ name, records }: DataFile): number[] {
  return Array<number>(records).fill(Number.parseInt(name, 10));
}

/** The key of a record, as the tenant's own account has it. */
export function keyOf(stream: TruthStream, record: JsonObject): string {
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
 * Counts what a copy lacks of what was there throughout, has beyond what ever was, and has more than once from one run. A
 * command that was killed may be given again when its run is over: then another run begins, which reads users again that
 * changed a short time before, and those twice that change while it reads them, in both versions.
 */
export function differencesOf(copy: Copy, throughout: StreamKeys, ever: StreamKeys): Record<TruthStream, Differences> {
  const entries = truthStreams.map((stream): [TruthStream, Differences] => {
    const first = Math.min(...copy[stream].map(({ run }) => run));
    const keys = copy[stream].map(({ record }) => keyOf(stream, record));
    const versions = copy[stream].map(({ record, run }) =>
      JSON.stringify([run, keyOf(stream, record), ...(run > first ? [record['updated_at']] : [])]),
    );
    const held = new Set(keys);
    return [
      stream,
      {
        lost: [...throughout[stream]].filter((key) => !held.has(key)).length,
        invented: [...held].filter((key) => !ever[stream].has(key)).length,
        twice: keys.length - new Set(versions).size,
      },
    ];
  });
  return Object.fromEntries(entries) as Record<TruthStream, Differences>;
}

/** The cursor that the destination holds of users. */
export async function usersCursor({ plan, disks, postgres, schema }: World): Promise<string | undefined> {
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

/** Files of a files destination that no manifest counts, and so nobody reads. */
export async function filesBeside(folder: string): Promise<string[]> {
  const manifests = await readManifests(folder);
  const counted = new Set(manifests.flatMap((each) => listDataFiles(each).map(({ name }) => join(each.stream, name))));
  return filesIn(folder).filter(
    (name) => !counted.has(name) && !/(?:^|\/)(?:manifest|state|summary)\.json$/.test(name),
  );
}

/** Paths of all files below a folder, relative to it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
