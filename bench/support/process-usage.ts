import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The memory and processor time of a process. */
export interface Usage {
  /** Resident memory, bytes. */
  resident: number;
  /** Processor time since its start. */
  cpuSeconds: number;
}

interface ProcessState extends Usage {
  parent: number;
}

/** The usage of a process, and of all its descendants together. Everything is 0 after the process has ended. */
export function readUsage(root: number): { own: Usage; children: Usage } {
  const processes = process.platform === 'linux' ? readProc() : readPs();
  const below = (parent: number): Usage =>
    [...processes]
      .filter(([, each]) => each.parent === parent)
      .reduce((sum, [pid, each]) => add(add(sum, each), below(pid)), nothing);
  const { resident, cpuSeconds } = processes.get(root) ?? nothing;
  return { own: { resident, cpuSeconds }, children: below(root) };
}

const nothing: Usage = { resident: 0, cpuSeconds: 0 };

function add(one: Usage, other: Usage): Usage {
  return { resident: one.resident + other.resident, cpuSeconds: one.cpuSeconds + other.cpuSeconds };
}

/** Linux reports processor time in hundredths of a second on every machine. */
const ticksPerSecond = 100;

function readProc(): Map<number, ProcessState> {
  const processes = new Map<number, ProcessState>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const valueOf = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The command in parentheses may contain anything. utime and stime are fields 14 and 15 of the whole line.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
      processes.set(Number(name), { parent: valueOf('PPid'), resident: valueOf('VmRSS') * 1_024, cpuSeconds });
    } catch {
      // The process has ended.
    }
  }
  return processes;
}

function readPs(): Map<number, ProcessState> {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' }).trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [pid, parent, kilobytes, time = ''] = line.trim().split(/\s+/);
      // [[dd-]hh:]mm:ss[.cc]
      const cpuSeconds = time.split(/[:-]/).reduceRight(
        ({ sum, unit, units }, part) => ({
          sum: sum + Number(part) * unit,
          unit: unit * (units[0] ?? 1),
          units: units.slice(1),
        }),
        { sum: 0, unit: 1, units: [60, 60, 24] },
      ).sum;
      return [Number(pid), { parent: Number(parent), resident: Number(kilobytes) * 1_024, cpuSeconds }];
    }),
  );
}
