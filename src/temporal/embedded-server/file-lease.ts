import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { RollcallError } from '../../errors';

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

/** Another process runs a server on the same database file. */
export class EmbeddedServerBusy extends RollcallError {
  readonly failureType = 'config_error';
  constructor(
    database: string,
    readonly pid: number,
  ) {
    super(
      `the local Temporal server with database ${database} is in use by process ${pid}.`,
      'Wait until that process ends, or set TEMPORAL_ADDRESS to a Temporal server for both.',
    );
  }
}

/** Where a local server listens. */
export interface EmbeddedServerAddress {
  /** `127.0.0.1:<port>` */
  address: string;
  uiUrl?: string;
}

/** What the pid file holds: the process that uses the database, and the leader of its server's process group. */
interface LeaseHolder {
  owner: ProcessMark;
  server?: ProcessMark;
  address?: EmbeddedServerAddress;
}

/** The right to run a server on a database file. */
export interface DatabaseLease {
  /** Notes the server's process group, for a later process to end it should it outlive us, and where others find it. */
  record(leader: number, listens: EmbeddedServerAddress): void;
  release(): void;
}

/**
 * Takes the lease on a database file by its pid file, `<database>.pid`. Throws EmbeddedServerBusy while its holder lives;
 * a file that a dead process left is taken over, and a server that outlived its owner is killed.
 */
export function acquireDatabaseLease(database: string): DatabaseLease {
  const file = `${database}.pid`;
  const owner = markProcess(process.pid) ?? { pid: process.pid, startTime: '' };
  const write = (target: string, holder: LeaseHolder): void => writeFileSync(target, JSON.stringify(holder));
  const draft = `${file}.${process.pid}`;
  write(draft, { owner });
  try {
    while (!linkIfAbsent(draft, file)) {
      const holder = readLeaseHolder(file);
      if (holder && isProcessRunning(holder.owner)) throw new EmbeddedServerBusy(database, holder.owner.pid);
      if (holder?.server && isProcessRunning(holder.server)) killGroup(holder.server.pid);
      removeStaleFile(file, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    record(leader, address) {
      const server = markProcess(leader);
      write(draft, { owner, ...(server && { server }), address });
      renameSync(draft, file);
    },
    release: () => rmSync(file, { force: true }),
  };
}

/** The server that another process runs on a database file, if one does. */
export function findServer(database: string): EmbeddedServerAddress | undefined {
  const holder = readLeaseHolder(`${database}.pid`);
  return holder && isProcessRunning(holder.owner) ? holder.address : undefined;
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (readErrorCode(error) !== 'ESRCH') throw error;
  }
}

/** Linking is atomic and brings the content along: no other process ever reads a half-written file. */
function linkIfAbsent(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (readErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the file of a dead holder, unless another process has just put its own in the place. */
function removeStaleFile(file: string, dead: LeaseHolder | undefined): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (readErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  if (JSON.stringify(readLeaseHolder(aside)) !== JSON.stringify(dead)) linkIfAbsent(aside, file);
  rmSync(aside, { force: true });
}

function readLeaseHolder(file: string): LeaseHolder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LeaseHolder;
  } catch {
    return undefined;
  }
}

function readErrorCode(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}
