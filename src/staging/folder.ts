import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

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
export async function makeFolder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true });
  if (made === undefined) return;
  let folder = resolve(path);
  while (folder !== resolve(made)) {
    folder = dirname(folder);
    await syncFolder(folder);
  }
  await syncFolder(dirname(folder));
}
