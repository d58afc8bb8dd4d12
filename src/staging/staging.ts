import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent, isMissing } from '../durable-fs';
import type { Json } from '../json';
import type { Segment } from './segment';
import {
  encodePathPart,
  hasSegmentPath,
  openSegment,
  readLines,
  segmentNamePattern,
  type SegmentKey,
  type SegmentWriter,
  translateStagingErrors,
} from './segment-io';

/**
 * The folder where records wait between fetch and delivery. All workers of a task queue share it. Each attempt at a fetch
 * has its own files, so one that lost its lease cannot change the files of another.
 * Every method may throw StagingUnavailable (another attempt may succeed); reading may also throw StagingLost.
 */
export interface Staging {
  /** Opens the segment of an attempt. Drops what the same attempt wrote before. */
  open(key: SegmentKey): Promise<SegmentWriter>;
  /** Reads the lines of a segment in batches, without line ends. */
  readLines(segment: Segment): AsyncIterable<string[]>;
  /** Reads and parses all lines of a segment at once; for an index, which is small. */
  readValues(segment: Segment): Promise<Json[]>;
  /** Deletes segments after their delivery. Missing ones are ignored. */
  remove(segments: readonly Segment[]): Promise<void>;
  /** Deletes all segments of a run. */
  removeRun(run: string): Promise<void>;
  /**
   * Deletes the runs not written to for `olderThanMs` before `now` (epoch ms), and returns the names of their folders. Keeps
   * folders with other files than segments, because the root may be a folder that is used for something else.
   */
  removeStaleRuns(olderThanMs: number, now: number): Promise<string[]>;
}

/** @param root a folder, created with the first segment */
export function createStaging(root: string): Staging {
  const translate = <Result>(work: () => Promise<Result>): Promise<Result> => translateStagingErrors(root, work);
  return {
    open: (key) => openSegment(root, key),
    readLines: (segment) => readLines(root, segment),
    async readValues(segment) {
      const values: Json[] = [];
      for await (const lines of readLines(root, segment)) {
        for (const line of lines) values.push(JSON.parse(line) as Json);
      }
      return values;
    },
    remove: (segments) =>
      translate(async () => {
        for (const { file } of segments.filter(hasSegmentPath)) await rm(join(root, file), { force: true });
      }),
    removeRun: (run) => translate(() => removeFolder(join(root, encodePathPart(run)))),
    removeStaleRuns: (olderThanMs, now) =>
      translate(async () => {
        const removed: string[] = [];
        for (const entry of (await ifPresent(readdir(root, { withFileTypes: true }))) ?? []) {
          const folder = join(root, entry.name);
          if (!entry.isDirectory() || !(await isStale(folder, now - olderThanMs))) continue;
          await removeFolder(folder);
          removed.push(entry.name);
        }
        return removed;
      }),
  };
}

/** Whether a folder contains segments only, and nothing was written to it after `time`, epoch ms. */
async function isStale(folder: string, time: number): Promise<boolean> {
  const names = await listNames(folder);
  if (!names.every((name) => segmentNamePattern.test(name))) return false;
  const stats = await Promise.all(['', ...names].map((name) => ifPresent(stat(join(folder, name)))));
  // Another process may have just deleted one.
  return stats.every((each) => each === undefined || each.mtimeMs <= time);
}

/** Deletes the segments in a folder, and then the folder when it is empty. */
async function removeFolder(folder: string): Promise<void> {
  const segments = (await listNames(folder)).filter((name) => segmentNamePattern.test(name));
  for (const name of segments) await rm(join(folder, name), { force: true });
  try {
    await rmdir(folder);
  } catch (error) {
    if (!isMissing(error) && (error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

async function listNames(folder: string): Promise<string[]> {
  return (await ifPresent(readdir(folder))) ?? [];
}
