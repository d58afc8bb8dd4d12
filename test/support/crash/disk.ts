import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, openSync, closeSync, renameSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A folder on a separate disk, which can be broken and repaired. */
export interface Disk {
  /** Its path for the program under test. */
  folder: string;
  /** Returns the error code that programs get. */
  break(how: 'denied' | 'full', processes: readonly number[]): string;
  repair(processes: readonly number[]): void;
  remove(): void;
}

const isRoot = process.getuid?.() === 0;
const size = '32m';

/**
 * The folder is a symbolic link to a folder on the disk, so it can be redirected without a moment in which it is missing. The
 * fault depends on the user:
 * - denied: without root, the folder loses its permissions (EACCES). Root ignores them, so the link points to a device (ENOTDIR).
 * - full: where a file system can be mounted, the disk is a small one, and is filled (ENOSPC). Otherwise the processes get a
 *   limit on the size of files (RLIMIT_FSIZE: EFBIG).
 *
 * @param isTarget whether it can be broken; other disks need no file system
 */
export function createDisk(folder: string, isTarget: boolean): Disk {
  const disk = `${folder}-disk`;
  const real = join(disk, 'content');
  const ballast = join(disk, 'ballast');
  mkdirSync(disk);
  const mounted = isTarget && isRoot && run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'rollcall-test', disk]);
  mkdirSync(real);
  symlinkSync(real, folder);

  function pointTo(target: string): void {
    const draft = join(dirname(folder), `${Math.random().toString(36).slice(2)}.link`);
    symlinkSync(target, draft);
    renameSync(draft, folder);
  }

  function limit(processes: readonly number[], bytes: string): void {
    for (const pid of processes) run('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  }

  return {
    folder,
    break(how, processes) {
      if (how === 'denied') {
        if (isRoot) pointTo('/dev/null');
        else chmodSync(real, 0);
        return isRoot ? 'ENOTDIR' : 'EACCES';
      }
      if (mounted) fill(ballast);
      else limit(processes, '0');
      return mounted ? 'ENOSPC' : 'EFBIG';
    },
    repair(processes) {
      if (isRoot) pointTo(real);
      else chmodSync(real, 0o755);
      rmSync(ballast, { force: true });
      if (!mounted) limit(processes, 'unlimited');
    },
    remove() {
      if (mounted) run('umount', ['--lazy', disk]);
    },
  };
}

/** Writes until the disk is full. */
function fill(file: string): void {
  const handle = openSync(file, 'w');
  try {
    for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 16)) {
      try {
        for (;;) writeSync(handle, Buffer.alloc(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(handle);
  }
}

function run(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
