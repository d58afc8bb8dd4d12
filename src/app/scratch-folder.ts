import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** With the host's name: containers can share a temporary folder while their process ids mean different processes. */
const scratchPrefix = `rollcall-read-${hostname()}-`;

const openScratchFolders = new Set<string>();

/**
 * Makes a folder in the temporary folder for as long as this process lives. It holds records until they are written, so
 * it must not stay behind: it goes when the process exits, and those of processes that were killed go now.
 */
export async function createScratchFolder(): Promise<string> {
  await removeAbandonedFolders();
  const folder = await mkdtemp(join(tmpdir(), `${scratchPrefix}${process.pid}-`));
  if (openScratchFolders.size === 0) process.once('exit', removeScratchFolders);
  openScratchFolders.add(folder);
  return folder;
}

/** Waits for nothing, so that a process that is about to die by a signal can call it too. */
export function removeScratchFolders(): void {
  for (const folder of openScratchFolders) rmSync(folder, { recursive: true, force: true });
}

async function removeAbandonedFolders(): Promise<void> {
  const names = await readdir(tmpdir());
  const abandoned = names.filter(
    (name) => name.startsWith(scratchPrefix) && isFolderAbandoned(name.slice(scratchPrefix.length)),
  );
  // What cannot be removed, another user's folder for one, is no reason to fail.
  await Promise.allSettled(abandoned.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}

/** @param rest the folder's name after the prefix: `<pid>-<random>` */
function isFolderAbandoned(rest: string): boolean {
  const pid = Number(/^(\d+)-/.exec(rest)?.[1]);
  if (Number.isNaN(pid)) return false;
  // This process has none yet: a folder under its id is of an earlier one.
  if (pid === process.pid) return !openScratchFolders.size;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
