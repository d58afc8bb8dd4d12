import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface ProcessState {
  parent: number;
  /** Resident memory, bytes. */
  resident: number;
}

/** Resident memory of a process, and of all that it has started, in bytes. Both are 0 once the process has ended. */
export function residentMemory(root: number): { own: number; children: number } {
  const processes = process.platform === 'linux' ? readProc() : readPs();
  const below = (parent: number): number =>
    [...processes]
      .filter(([, each]) => each.parent === parent)
      .reduce((sum, [pid, { resident }]) => sum + resident + below(pid), 0);
  return { own: processes.get(root)?.resident ?? 0, children: below(root) };
}

function readProc(): Map<number, ProcessState> {
  const processes = new Map<number, ProcessState>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const valueOf = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      processes.set(Number(name), { parent: valueOf('PPid'), resident: valueOf('VmRSS') * 1_024 });
    } catch {
      // It has ended meanwhile.
    }
  }
  return processes;
}

function readPs(): Map<number, ProcessState> {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [pid = 0, parent = 0, kilobytes = 0] = line.trim().split(/\s+/).map(Number);
      return [pid, { parent, resident: kilobytes * 1_024 }];
    }),
  );
}
