import { basename, dirname, join, resolve } from 'node:path';
import { access, constants, type FileHandle, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { randomUUID } from 'node:crypto';

/** What is wrong with a folder (it completes "the folder X cannot be used: …"), and the next step. */
type DiskProblem = readonly [what: string, nextStep: string];

const permissionDenied: DiskProblem = ['permission denied', 'Grant this user write permission, or use another folder.'];
const diskFull: DiskProblem = ['the disk is full', 'Free disk space, or use another folder.'];
const fileInsteadOfFolder: DiskProblem = [
  'a file exists where a folder is required',
  'Move the file, or use another folder.',
];

const diskProblems: Readonly<Record<string, DiskProblem>> = {
  EACCES: permissionDenied,
  EPERM: permissionDenied,
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  ENOTDIR: fileInsteadOfFolder,
  EEXIST: fileInsteadOfFolder,
  EROFS: ['the disk is read-only', 'Mount it writable, or use another folder.'],
  ENAMETOOLONG: ['a file name would be too long', 'Use a shorter path or shorter names.'],
  EMFILE: ['too many open files', 'Increase the limit on open files (ulimit -n).'],
};

/** Runs work on a folder. An error of the file system becomes an `ErrorClass`; any other error stays. */
export async function translateErrors<Result>(
  folder: string,
  ErrorClass: new (folder: string, what: string, nextStep: string, options: ErrorOptions) => Error,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (typeof error !== 'object' || error === null || !('syscall' in error)) throw error;
    const { code = 'an unknown error' } = error as NodeJS.ErrnoException;
    const other: DiskProblem = [`the system reported ${code}`, 'Check the folder and its disk.'];
    throw new ErrorClass(folder, ...(diskProblems[code] ?? other), { cause: error });
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Settles as `work`, but resolves with undefined when the file or folder does not exist. */
export async function ifPresent<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function withOpenFile<Result>(
  path: string,
  flags: string,
  work: (handle: FileHandle) => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, flags);
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/** Makes the names in a folder durable. A new or renamed file survives a power failure only after this. */
export function syncFolder(folder: string): Promise<void> {
  return withOpenFile(folder, 'r', (handle) => handle.sync());
}

/** Creates a folder and its missing parents, durably. Does nothing when it exists. */
export async function createFolder(path: string): Promise<void> {
  const created = await mkdir(path, { recursive: true });
  if (created === undefined) return;
  let folder = resolve(path);
  while (folder !== resolve(created)) {
    folder = dirname(folder);
    await syncFolder(folder);
  }
  await syncFolder(dirname(folder));
}

/**
 * Checks whether a folder can be written, or created when it is missing, without changing anything.
 * @throws the error of the file system when it cannot
 */
export async function checkFolder(path: string): Promise<{ exists: boolean; freeBytes: number }> {
  const requested = resolve(path);
  for (let folder = requested; ; folder = dirname(folder)) {
    try {
      await access(`${folder}/.`, constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(folder);
      return { exists: folder === requested, freeBytes: bavail * bsize };
    } catch (error) {
      if (!isMissing(error) || folder === dirname(folder)) throw error;
    }
  }
}

/**
 * Replaces a file completely or not at all, and makes it durable. Each process writes a temporary file of its own beside
 * it, `.<name>.<uuid>.tmp`, so several can write the same file at once.
 * @returns the file's stat
 */
export async function writeFileAtomically(
  path: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<BigIntStats> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const stats = await withOpenFile(temporary, 'wx', async (handle) => {
      await write(handle);
      await handle.sync();
      return handle.stat({ bigint: true });
    });
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return stats;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the cause
    throw error;
  }
}

/** Deletes the temporary files that interrupted writers of these files left in the folder. */
export async function removeTemporaryFiles(folder: string, names: readonly string[]): Promise<void> {
  const temporary = (await readdir(folder)).filter((entry) => entry.endsWith('.tmp'));
  for (const entry of temporary) {
    if (names.some((name) => entry.startsWith(`.${name}.`))) await rm(join(folder, entry), { force: true });
  }
}
