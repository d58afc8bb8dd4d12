import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, openSync, closeSync, renameSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A folder on a disk of its own, which can be made useless for a while. */
export interface Disk {
  /** Where the program under test finds it. */
  folder: string;
  /** By what means a blow is made, as it is said to people. */
  strike(how: 'denied' | 'full', processes: readonly number[]): string;
  heal(processes: readonly number[]): void;
  remove(): void;
}

const isRoot = process.getuid?.() === 0;
const size = '32m';

/**
 * The folder is a link to one on the disk, so that it can be pointed elsewhere and back without an instant in which it
 * is missing. What works depends on who runs this:
 * - denied: without root the folder loses its permissions (EACCES). Root may do everything, so the link leads to a
 *   device for it (ENOTDIR).
 * - full: where a file system can be mounted, the disk is a small one, and filled up (ENOSPC). Otherwise the processes may
 *   not let a file grow any more (RLIMIT_FSIZE: EFBIG).
 *
 * @param isVictim whether it will be struck at all; a disk that will not takes no file system
 */
export function createDisk(folder: string, isVictim: boolean): Disk {
  const disk = `${folder}-disk`;
  const real = join(disk, 'content');
  const ballast = join(disk, 'ballast');
  mkdirSync(disk);
  const mounted = isVictim && isRoot && run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'rollcall-test', disk]);
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
    strike(how, processes) {
      if (how === 'denied') {
        if (isRoot) pointTo('/dev/null');
        else chmodSync(real, 0);
        return isRoot ? 'ENOTDIR' : 'EACCES';
      }
      if (mounted) fill(ballast);
      else limit(processes, '0');
      return mounted ? 'ENOSPC' : 'EFBIG';
    },
    heal(processes) {
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

/** Writes until nothing more goes in. */
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
