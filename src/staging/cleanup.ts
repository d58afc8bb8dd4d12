import type { Dirent } from 'node:fs';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../durable-fs';
import type { Segment } from './segment';
import { encodePathPart, hasSegmentPath, isSegmentName } from './segment-io';

/** Deletes the files of segments. Missing files are ignored. */
export async function removeSegments(root: string, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments.filter(hasSegmentPath)) await rm(join(root, segment.file), { force: true });
}

/** Deletes all segments of a run. */
export function removeRun(root: string, run: string): Promise<void> {
  return removeFolder(join(root, encodePathPart(run)));
}

/**
 * Deletes the runs not written to for `olderThanMs` before `now` (epoch ms). Keeps folders with files other than segments,
 * because a user may have set the root to a folder that is used for something else.
 * @returns the names of the deleted folders
 */
export async function removeStaleRuns(root: string, olderThanMs: number, now: number): Promise<string[]> {
  const removed: string[] = [];
  for (const entry of await listEntries(root)) {
    const folder = join(root, entry.name);
    if (!entry.isDirectory()) continue;
    const names = (await listEntries(folder)).map(({ name }) => name);
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
  const names = (await listEntries(folder)).map(({ name }) => name);
  for (const name of names.filter(isSegmentName)) await rm(join(folder, name), { force: true });
  try {
    await rmdir(folder);
  } catch (error) {
    if (!isMissing(error) && (error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

async function listEntries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Epoch ms; 0 for a file that another process has just deleted. */
async function readLastWriteTime(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}
