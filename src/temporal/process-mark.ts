import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that a later one can recognise: ids are used again, an id with its start time is not. */
export interface ProcessMark {
  pid: number;
  /** When it started, in the operating system's own notation; only ever compared. */
  startTime: string;
}

/** The mark of a running process, or undefined when there is none of that id. */
export function markProcess(pid: number): ProcessMark | undefined {
  const startTime = process.platform === 'linux' ? readLinuxStartTime(pid) : readPsStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** True while the very process of the mark runs. */
export function isProcessRunning(mark: ProcessMark): boolean {
  return markProcess(mark.pid)?.startTime === mark.startTime;
}

/** proc(5): the fields after the command's closing bracket start with the third, the state; the start time is the 22nd. */
function readLinuxStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function readPsStartTime(pid: number): string | undefined {
  try {
    const ps = ['-o', 'lstart=', '-p', String(pid)];
    return execFileSync('ps', ps, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined;
  } catch {
    return undefined;
  }
}
