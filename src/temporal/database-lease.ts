import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isRunning, markProcess, type ProcessMark } from './process-mark';

/** Another process runs a server on the same database file. */
export class EmbeddedServerBusy extends Error {
  override readonly name = 'EmbeddedServerBusy';
  constructor(
    database: string,
    readonly pid: number,
  ) {
    super(
      `the local Temporal server on ${database} belongs to process ${pid}, which is still running. ` +
        'Wait until it has ended, or set TEMPORAL_ADDRESS to a Temporal server that both can use.',
    );
  }
}

/** Where a local server listens. */
export interface LocalServer {
  /** `127.0.0.1:<port>` */
  address: string;
  uiUrl?: string;
}

/** What the pid file holds: the process that uses the database, and the leader of its server's process group. */
interface Holder {
  owner: ProcessMark;
  server?: ProcessMark;
  listens?: LocalServer;
}

/** The right to run a server on a database file. */
export interface DatabaseLease {
  /** Notes the server's process group, for a later process to end it should it outlive us, and where others find it. */
  record(leader: number, listens: LocalServer): void;
  release(): void;
}

/**
 * Takes the lease on a database file by its pid file, `<database>.pid`. Throws EmbeddedServerBusy while its holder lives;
 * a file that a dead process left is taken over, and a server that outlived its owner is killed.
 */
export function leaseDatabase(database: string): DatabaseLease {
  const file = `${database}.pid`;
  const owner = markProcess(process.pid) ?? { pid: process.pid, started: '' };
  const write = (target: string, holder: Holder): void => writeFileSync(target, JSON.stringify(holder));
  const draft = `${file}.${process.pid}`;
  write(draft, { owner });
  try {
    while (!linkNew(draft, file)) {
      const holder = read(file);
      if (holder && isRunning(holder.owner)) throw new EmbeddedServerBusy(database, holder.owner.pid);
      if (holder?.server && isRunning(holder.server)) killGroup(holder.server.pid);
      discard(file, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    record(leader, listens) {
      const server = markProcess(leader);
      write(draft, { owner, ...(server && { server }), listens });
      renameSync(draft, file);
    },
    release: () => rmSync(file, { force: true }),
  };
}

/** The server that another process runs on a database file, if one does. */
export function serverOn(database: string): LocalServer | undefined {
  const holder = read(`${database}.pid`);
  return holder && isRunning(holder.owner) ? holder.listens : undefined;
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Linking is atomic and brings the content along: no other process ever reads a half-written file. */
function linkNew(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the file of a dead holder, unless another process has just put its own in the place. */
function discard(file: string, dead: Holder | undefined): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (JSON.stringify(read(aside)) !== JSON.stringify(dead)) linkNew(aside, file);
  rmSync(aside, { force: true });
}

function read(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}
