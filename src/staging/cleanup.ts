import type { Dirent } from 'node:fs';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../durable-fs';
import type { Segment } from './segment';
import { encodePathPart, hasSegmentPath, isSegmentName } from './segment-io';

/** Deletes the files of segments; those that are gone already are fine. */
export async function removeSegments(root: string, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments.filter(hasSegmentPath)) await rm(join(root, segment.file), { force: true });
}

/** Deletes what a run has staged. */
export function removeRun(root: string, run: string): Promise<void> {
  return removeFolder(join(root, encodePathPart(run)));
}

/**
 * Deletes the runs in which nothing was written for `olderThanMs` milliseconds before `now` (epoch ms). Folders that
 * hold anything but segments are not staging's and stay: the root may have been set to a folder in use.
 * @returns the folders deleted
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

/** Deletes the segments in a folder, and the folder unless something else is in it. */
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

/** Epoch ms; 0 for what another process has deleted meanwhile. */
async function readLastWriteTime(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}
