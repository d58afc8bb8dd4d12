import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';
import { devNull, tmpdir } from 'node:os';
import { sleep } from '../../async';
import { RollcallError } from '../../errors';
import { searchAttributeTypes } from '../../workflows/names';
import { acquireDatabaseLease, type DatabaseLease, type EmbeddedServerAddress } from './file-lease';
import { type GuardedProcess, spawnGuarded } from './guarded-process';

/** Suffixes of a SQLite database and the files beside it. */
const databaseFileSuffixes = ['', '-journal', '-wal', '-shm'];

/**
 * A server creates the tables of a new database before it listens. When it is killed meanwhile, the file is unusable (`no
 * such table`) and empty. A mark file shows this, and the database is created again. Requires the lease.
 */
export function markLayoutStarted(database: string): { finish(): void } {
  const mark = `${database}.unfinished`;
  if (existsSync(mark)) for (const each of databaseFileSuffixes) rmSync(`${database}${each}`, { force: true });
  if (!existsSync(database)) writeFileSync(mark, '');
  return { finish: () => rmSync(mark, { force: true }) };
}

const loopback = '127.0.0.1';

/**
 * Below the ports that Linux (from 32768) and macOS (from 49152) assign to outgoing connections. A client that keeps trying
 * a stopped server could be assigned the server's own port and connect to itself.
 */
const lowestPort = 20_000;
const highestPort = 32_767;

/** A free TCP port of the loopback interface. It is not reserved: the caller must be ready to try another. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowestPort, highestPort + 1);
    if (await isPortFree(port)) return port;
  }
}

/** Waits until the port is free. Returns false after `timeoutMs`. */
export async function waitUntilPortFree(port: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isPortFree(port))) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Resolves within one turn of the event loop. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, loopback, () => {
      // The call closes the socket. Its callback would cost a turn of an event loop that may be busy loading modules.
      probe.close();
      resolve(true);
    });
  });
}

/** Whether a process accepts connections on a port of the loopback interface. */
export function isPortListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, loopback);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

export interface EmbeddedServerOptions {
  /** Path of a `temporal` binary (see binary.ts). */
  binary: string;
  /** All environment variables of the server. A version manager's shim needs PATH and HOME. Default: none. */
  env?: NodeJS.ProcessEnv;
  /** Receives the server's output. Overwritten at each start. */
  logFile: string;
  /** SQLite file that keeps workflows across restarts. Absent: in memory. */
  databaseFile?: string;
  /** Port of the server, to restart one at the address that its workers use. Default: any free port. */
  port?: number;
  /** Preferred port of the web UI; 0: any free port. Absent: no UI. */
  uiPort?: number;
}

/** A server that accepts connections. It may refuse the first calls; `connect` retries them. */
export interface EmbeddedServer extends EmbeddedServerAddress {
  namespace: string;
  /** Resolves when the server has ended: with undefined after `stop`, otherwise with the reason. */
  exited: Promise<EmbeddedServerFailed | undefined>;
  stop(): Promise<void>;
}

/** The server could not start, or exited unexpectedly. */
export class EmbeddedServerFailed extends RollcallError {
  readonly failureType = 'system_error';
  constructor(what: string, logFile: string, output: string) {
    const excerpt = output === '' ? '' : ` Last lines of ${logFile}:\n${output}`;
    super(`the local Temporal server ${what}.${excerpt}`);
  }
}

/**
 * A development server is slow by default: with 20 polls a second a task takes 50 ms, and timers are rounded up to a second.
 * Measured with these settings: 13 ms instead of 100 for an activity. Durations must be JSON strings. The version check would
 * call a host on the internet.
 */
const dynamicConfig = [
  'history.transferProcessorMaxPollRPS=2000',
  'history.timerProcessorMaxPollRPS=2000',
  'history.timerProcessorMaxTimeShift="10ms"',
  'frontend.enableServerVersionCheck=false',
];

/** The types in the form of the server's flag. */
const searchAttributeFlagTypes = { KEYWORD: 'Keyword', INT: 'Int' } as const;

/** The namespace of every embedded server. */
export const embeddedNamespace = 'default';

const startTimeoutMs = 10_000;
const pollMs = 20;
const maxStartAttempts = 5;
const portTimeoutMs = 1_000;

/**
 * Starts `temporal server start-dev`, which takes 0.1 s, and resolves when it accepts connections. The server never outlives
 * this process. It is spawned within the first turn of the event loop, so the caller can load modules meanwhile.
 *
 * Throws EmbeddedServerBusy when another process has a server on `databaseFile`, EmbeddedServerFailed when it does not start.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  for (const file of [options.logFile, options.databaseFile]) {
    if (file !== undefined) mkdirSync(dirname(file), { recursive: true });
  }
  const lease = options.databaseFile === undefined ? undefined : acquireDatabaseLease(options.databaseFile);
  const ui = options.uiPort === undefined ? undefined : await chooseUiPort(options.uiPort);
  const release = (): void => {
    ui?.release();
    lease?.release();
  };
  try {
    const layout = options.databaseFile === undefined ? undefined : markLayoutStarted(options.databaseFile);
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port ?? (await findFreePort());
      // A server that was just killed may occupy its port for a moment.
      if (options.port !== undefined && !(await waitUntilPortFree(port, portTimeoutMs))) {
        throw new EmbeddedServerFailed(`cannot listen on port ${port}: it is in use`, options.logFile, '');
      }
      const process = spawnServer(options, port, ui?.port);
      const listens = buildServerAddress(port, ui?.port);
      if (process.pid !== undefined) lease?.record(process.pid, listens);
      const problem = await waitForPort(process, port);
      if (problem === undefined) {
        layout?.finish();
        return createServerHandle(options, process, listens, release);
      }
      const output = readLastLines(options.logFile);
      const isPortTaken = output.includes('address already in use') && options.port === undefined;
      if (!isPortTaken || attempt === maxStartAttempts)
        throw new EmbeddedServerFailed(problem, options.logFile, output);
    }
  } catch (error) {
    release();
    throw error;
  }
}

interface UiPort {
  port: number;
  release(): void;
}

/**
 * The server binds the UI's port last, and exits when the port is in use by then. So of several servers that start at the
 * same time, one claims the port.
 */
async function chooseUiPort(requested: number): Promise<UiPort> {
  const claim = requested === 0 ? undefined : claimPort(requested);
  if (claim && (await isPortFree(requested))) return { port: requested, release: () => claim.release() };
  claim?.release();
  return { port: await findFreePort(), release: () => undefined };
}

function claimPort(port: number): DatabaseLease | undefined {
  try {
    return acquireDatabaseLease(join(tmpdir(), `rollcall-ui-${port}`));
  } catch {
    // Another process has claimed it, or another user's file is in the way.
    return undefined;
  }
}

function buildServerAddress(port: number, uiPort: number | undefined): EmbeddedServerAddress {
  return {
    address: `127.0.0.1:${port}`,
    ...(uiPort !== undefined && { uiUrl: `http://127.0.0.1:${uiPort}` }),
  };
}

function spawnServer(options: EmbeddedServerOptions, port: number, uiPort: number | undefined): GuardedProcess {
  const output = openSync(options.logFile, 'w');
  try {
    return spawnGuarded(
      [
        options.binary,
        ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
        // Otherwise the command reads the user's settings below HOME, which may set a database or a port.
        ...['--env-file', devNull],
        ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
        ...(options.databaseFile === undefined ? [] : ['--db-filename', options.databaseFile]),
        ...Object.entries(searchAttributeTypes).flatMap(([name, type]) => [
          '--search-attribute',
          `${name}=${searchAttributeFlagTypes[type]}`,
        ]),
        ...dynamicConfig.flatMap((setting) => ['--dynamic-config-value', setting]),
      ],
      output,
      options.env,
    );
  } finally {
    closeSync(output);
  }
}

/** Resolves with undefined when the port accepts connections, or with the problem. */
async function waitForPort(process: GuardedProcess, port: number): Promise<string | undefined> {
  const deadline = performance.now() + startTimeoutMs;
  while (process.isRunning()) {
    if (await isPortListening(port)) return undefined;
    if (performance.now() > deadline) {
      await process.kill();
      return `did not accept connections within ${startTimeoutMs / 1000} s`;
    }
    await sleep(pollMs);
  }
  return `exited during startup with code ${await process.exited}`;
}

function createServerHandle(
  options: EmbeddedServerOptions,
  process: GuardedProcess,
  listens: EmbeddedServerAddress,
  release: () => void,
): EmbeddedServer {
  let stopping = false;
  const exited = process.exited.then((code) => {
    release();
    if (stopping) return undefined;
    return new EmbeddedServerFailed(
      `exited unexpectedly with code ${code}`,
      options.logFile,
      readLastLines(options.logFile),
    );
  });
  return {
    ...listens,
    namespace: embeddedNamespace,
    exited,
    /**
     * SIGKILL takes 10 ms, SIGTERM 1.1 s. It is safe for a database file: SQLite's journal keeps what is committed, and
     * Temporal acknowledges only that.
     */
    async stop() {
      stopping = true;
      await process.kill();
      await exited;
    },
  };
}

function readLastLines(file: string): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .slice(-8)
    .join('\n');
}
