import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent, isMissing } from '../durable-fs';
import type { Json } from '../json';
import type { Segment } from './segment';
import {
  encodePathPart,
  hasSegmentPath,
  isSegmentName,
  openSegment,
  readLines,
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
  /** Deletes segments after their delivery. */
  remove(segments: readonly Segment[]): Promise<void>;
  /** Deletes all segments of a run. */
  removeRun(run: string): Promise<void>;
  /** Deletes runs not written to for `olderThanMs` before `now` (epoch ms). Returns the names of their folders. */
  removeStaleRuns(olderThanMs: number, now: number): Promise<string[]>;
}

/** @param root a folder, created with the first segment */
export function createStaging(root: string): Staging {
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
    remove: (segments) => translateStagingErrors(root, () => removeSegments(root, segments)),
    removeRun: (run) => translateStagingErrors(root, () => removeRun(root, run)),
    removeStaleRuns: (olderThanMs, now) => translateStagingErrors(root, () => removeStaleRuns(root, olderThanMs, now)),
  };
}

/** Deletes the files of segments. Missing files are ignored. */
async function removeSegments(root: string, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments.filter(hasSegmentPath)) await rm(join(root, segment.file), { force: true });
}

/** Deletes all segments of a run. */
function removeRun(root: string, run: string): Promise<void> {
  return removeFolder(join(root, encodePathPart(run)));
}

/**
 * Deletes the runs not written to for `olderThanMs` before `now` (epoch ms). Keeps folders with files other than segments,
 * because a user may have set the root to a folder that is used for something else.
 * @returns the names of the deleted folders
 */
async function removeStaleRuns(root: string, olderThanMs: number, now: number): Promise<string[]> {
  const removed: string[] = [];
  for (const entry of (await ifPresent(readdir(root, { withFileTypes: true }))) ?? []) {
    const folder = join(root, entry.name);
    if (!entry.isDirectory()) continue;
    const names = await listNames(folder);
    if (!names.every(isSegmentName)) continue;
    const times = await Promise.all([folder, ...names.map((name) => join(folder, name))].map(readLastWriteTime));
    if (Math.max(...times) > now - olderThanMs) continue;
    await removeFolder(folder);
    removed.push(entry.name);
  }
  return removed;
}

/** Deletes the segments in a folder, and then the folder when it is empty. */
async function removeFolder(folder: string): Promise<void> {
  for (const name of (await listNames(folder)).filter(isSegmentName)) await rm(join(folder, name), { force: true });
  try {
    await rmdir(folder);
  } catch (error) {
    if (!isMissing(error) && (error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

async function listNames(folder: string): Promise<string[]> {
  return (await ifPresent(readdir(folder))) ?? [];
}

/** Epoch ms; 0 for a file that another process has just deleted. */
async function readLastWriteTime(path: string): Promise<number> {
  return (await ifPresent(stat(path)))?.mtimeMs ?? 0;
}
