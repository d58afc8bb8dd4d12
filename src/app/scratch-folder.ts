import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Contains the host's name: containers can share a temporary folder while their process ids mean different processes. */
const scratchPrefix = `rollcall-read-${hostname()}-`;

/** A folder for the records of one `read`. */
export interface ScratchFolder {
  path: string;
  /** Synchronous, so that a process can call it before it dies by a signal. */
  remove(): void;
}

/**
 * Makes a folder in the system's temporary folder. It contains records until they are written, so the caller must remove
 * it. Folders of killed processes are removed here.
 */
export async function createScratchFolder(): Promise<ScratchFolder> {
  await removeAbandonedFolders();
  const path = await mkdtemp(join(tmpdir(), `${scratchPrefix}${process.pid}-`));
  // Retries: a write that is in progress can create a file in a folder that is being removed.
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }) };
}

async function removeAbandonedFolders(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(scratchPrefix));
  // A folder that cannot be removed, such as another user's, does not prevent the read.
  await Promise.allSettled(
    names.map(async (name) => {
      const path = join(tmpdir(), name);
      if (await isAbandoned(path, Number(/^(\d+)-/.exec(name.slice(scratchPrefix.length))?.[1]))) {
        await rm(path, { recursive: true, force: true });
      }
    }),
  );
}

async function isAbandoned(path: string, pid: number): Promise<boolean> {
  if (Number.isNaN(pid)) return false;
  // An earlier process had the same id.
  if (pid === process.pid) return (await stat(path)).mtimeMs < performance.timeOrigin;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
