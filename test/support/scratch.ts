import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory, where syncing a file takes no time; the usual temporary folder where there is none. */
export const memoryFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Returns a function that creates folders, which are deleted after the last test of the file. */
export function scratchFolders(parent = tmpdir()): () => string {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const folder = mkdtempSync(join(parent, 'rollcall-'));
    folders.push(folder);
    return folder;
  };
}
