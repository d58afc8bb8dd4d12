import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory, where syncing a file takes no time; the usual temporary folder where there is none. */
export const memoryFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A new folder, removed after the tests of the file or of the `describe` block. */
export function scratchFolder(): string {
  return scratchFolders()();
}

/** Returns a function that creates folders, all removed after the tests of the file or of the `describe` block. */
export function scratchFolders(parent = tmpdir()): () => string {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return () => {
    const folder = mkdtempSync(join(parent, 'rollcall-test-'));
    folders.push(folder);
    return folder;
  };
}
