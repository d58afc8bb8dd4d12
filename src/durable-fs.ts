import { basename, dirname, join, resolve } from 'node:path';
import { access, constants, type FileHandle, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { randomUUID } from 'node:crypto';

/** A problem with a folder, in words for the user. */
export interface DiskProblem {
  /** Completes "the folder X cannot be used: …". */
  what: string;
  nextStep: string;
}

const permissionDenied: DiskProblem = {
  what: 'permission denied',
  nextStep: 'Grant this user write permission, or use another folder.',
};
const diskFull: DiskProblem = { what: 'the disk is full', nextStep: 'Free disk space, or use another folder.' };
const fileInsteadOfFolder: DiskProblem = {
  what: 'a file exists where a folder is required',
  nextStep: 'Move the file, or use another folder.',
};

const diskProblems: Readonly<Record<string, DiskProblem>> = {
  EACCES: permissionDenied,
  EPERM: permissionDenied,
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  ENOTDIR: fileInsteadOfFolder,
  EEXIST: fileInsteadOfFolder,
  EROFS: { what: 'the disk is read-only', nextStep: 'Mount it writable, or use another folder.' },
  ENAMETOOLONG: { what: 'a file name would be too long', nextStep: 'Use a shorter path or shorter names.' },
  EMFILE: { what: 'too many open files', nextStep: 'Increase the limit on open files (ulimit -n).' },
};

/** Explains an error of the file system; undefined for any other error. */
export function explainDiskError(error: unknown): DiskProblem | undefined {
  if (typeof error !== 'object' || error === null || !('syscall' in error)) return undefined;
  const { code = 'an unknown error' } = error as NodeJS.ErrnoException;
  return diskProblems[code] ?? { what: `the system reported ${code}`, nextStep: 'Check the folder and its disk.' };
}

/** Runs work on a disk. An error of the file system is replaced by the one that `toError` returns. */
export async function translateErrors<Result>(
  work: () => Promise<Result>,
  toError: (problem: DiskProblem, options: ErrorOptions) => Error,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const problem = explainDiskError(error);
    throw problem ? toError(problem, { cause: error }) : error;
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

/** Makes the names in a folder durable. A new or renamed file survives a power failure only after this. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
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
  let folder = requested;
  for (;;) {
    try {
      await access(`${folder}/.`, constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(folder);
      return { exists: folder === requested, freeBytes: bavail * bsize };
    } catch (error) {
      if (!isMissing(error) || folder === dirname(folder)) throw error;
      folder = dirname(folder);
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
    const stats = await writeNewFile(temporary, write);
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return stats;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the cause
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

/** Deletes the temporary files that interrupted writers of these files left in the folder. */
export async function removeTemporaryFiles(folder: string, names: readonly string[]): Promise<void> {
  const temporary = (await readdir(folder)).filter((entry) => entry.endsWith('.tmp'));
  for (const entry of temporary) {
    if (names.some((name) => entry.startsWith(`.${name}.`))) await rm(join(folder, entry), { force: true });
  }
}
