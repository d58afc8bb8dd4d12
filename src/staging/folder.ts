import { access, constants, mkdir, open, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isMissing } from './disk-trouble';

/** Makes the names in a folder durable: a new or renamed file survives a power cut only after this. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder, and those that lead to it, durably; does nothing when it is there. */
export async function createFolder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true });
  if (made === undefined) return;
  let folder = resolve(path);
  while (folder !== resolve(made)) {
    folder = dirname(folder);
    await syncFolder(folder);
  }
  await syncFolder(dirname(folder));
}

/**
 * Looks whether a folder can be written, or made where it is missing, without changing anything.
 * @throws the system's error when it can't
 */
export async function checkFolder(path: string): Promise<{ exists: boolean; freeBytes: number }> {
  const wanted = resolve(path);
  let folder = wanted;
  for (;;) {
    try {
      await access(`${folder}/.`, constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(folder);
      return { exists: folder === wanted, freeBytes: bavail * bsize };
    } catch (error) {
      if (!isMissing(error) || folder === dirname(folder)) throw error;
      folder = dirname(folder);
    }
  }
}
