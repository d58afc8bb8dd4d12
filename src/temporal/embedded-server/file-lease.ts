import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { RollcallError } from '../../errors';

/** Identifies a process: ids are reused, an id with its start time is not. */
export interface ProcessMark {
  pid: number;
  /** In the operating system's own format; only compared. */
  startTime: string;
}

/** The mark of a running process; undefined when no process has the id. */
export function markProcess(pid: number): ProcessMark | undefined {
  const startTime = process.platform === 'linux' ? readLinuxStartTime(pid) : readPsStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Whether the process of the mark is running. */
export function isProcessRunning(mark: ProcessMark): boolean {
  return markProcess(mark.pid)?.startTime === mark.startTime;
}

/** proc(5): after the command's closing parenthesis come the third field, the state, and the following; the 22nd is the start time. */
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

/** Address of a local server. */
export interface EmbeddedServerAddress {
  /** `127.0.0.1:<port>` */
  address: string;
  uiUrl?: string;
}

/** Content of the pid file: the process that uses the database, and the leader of its server's process group. */
interface LeaseHolder {
  owner: ProcessMark;
  server?: ProcessMark;
  address?: EmbeddedServerAddress;
}

/** The right to run a server on a database file. */
export interface DatabaseLease {
  /** Records the server's process group, so a later process can end it, and the server's address for other processes. */
  record(leader: number, listens: EmbeddedServerAddress): void;
  release(): void;
}

/**
 * Acquires the lease on a database file by its pid file, `<database>.pid`. Throws EmbeddedServerBusy while its holder runs.
 * The file of a dead process is taken over, and a server that outlived its owner is killed.
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

/** The server that another process runs on a database file. */
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

/** Linking is atomic and includes the content, so no process reads a half-written file. */
function linkIfAbsent(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (readErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the file of a dead holder, unless another process has just replaced it. */
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
