/** What went wrong with a folder, in words for the person who runs the process. */
export interface DiskProblem {
  /** Completes "the folder X cannot be used: …". */
  what: string;
  nextStep: string;
}

const permissionDenied: DiskProblem = {
  what: 'this user may not write there',
  nextStep: 'Grant this user the right to write there, or name another folder.',
};
const diskFull: DiskProblem = { what: 'its disk is full', nextStep: 'Free space there, or name another folder.' };
const fileInsteadOfFolder: DiskProblem = {
  what: 'a file stands where a folder has to be',
  nextStep: 'Move that file away, or name another folder.',
};

const diskProblems: Readonly<Record<string, DiskProblem>> = {
  EACCES: permissionDenied,
  EPERM: permissionDenied,
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  ENOTDIR: fileInsteadOfFolder,
  EEXIST: fileInsteadOfFolder,
  EROFS: { what: 'its disk is read-only', nextStep: 'Mount it for writing, or name another folder.' },
  ENAMETOOLONG: { what: 'a name in it would be too long', nextStep: 'Use a shorter path or shorter names.' },
  EMFILE: { what: 'this process has too many files open', nextStep: 'Raise the limit on open files (ulimit -n).' },
};

/** Explains an error of `node:fs`; undefined when the error is none of the system's. */
export function explainDiskError(error: unknown): DiskProblem | undefined {
  if (typeof error !== 'object' || error === null || !('syscall' in error)) return undefined;
  const { code = 'an unknown error' } = error as NodeJS.ErrnoException;
  return diskProblems[code] ?? { what: `the system answers ${code}`, nextStep: 'Check the folder and its disk.' };
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
