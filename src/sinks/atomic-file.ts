import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../staging/folder';

/**
 * Puts a file in its place whole or not at all, whatever happens meanwhile, and makes it durable there. Processes that
 * write the same file at once don't mix: each has a temporary file of its own beside it, `.<name>.<uuid>.tmp`.
 * @returns what the file system says of the new file
 */
export async function writeFileAtomically(
  path: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<BigIntStats> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const stats = await writeNewFile(temporary, write);
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return stats;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error says more
    throw error;
  }
}

async function writeNewFile(path: string, write: (handle: FileHandle) => Promise<void>): Promise<BigIntStats> {
  const handle = await open(path, 'wx');
  try {
    await write(handle);
    await handle.sync();
    return await handle.stat({ bigint: true });
  } finally {
    await handle.close();
  }
}

/** Deletes what writers of these files, cut off by a crash, have left in the folder. */
export async function removeTemporaryFiles(folder: string, names: readonly string[]): Promise<void> {
  const left = (await readdir(folder)).filter((entry) => entry.endsWith('.tmp'));
  for (const entry of left) {
    if (names.some((name) => entry.startsWith(`.${name}.`))) await rm(join(folder, entry), { force: true });
  }
}
