import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';
import { devNull, tmpdir } from 'node:os';
import { RollcallError } from '../../errors';
import { searchAttributeTypes } from '../../workflows/names';
import { acquireDatabaseLease, type DatabaseLease, type EmbeddedServerAddress } from './file-lease';
import { type GuardedProcess, spawnGuarded } from './guarded-process';

/** What SQLite keeps beside a database. */
const databaseFileSuffixes = ['', '-journal', '-wal', '-shm'];

/**
 * A server lays out a new database before it listens. One that is killed meanwhile leaves a file that no server can use
 * (`no such table`), and that holds nothing yet: a mark beside it tells, and it is made anew. The caller holds the lease.
 */
export function markLayoutStarted(database: string): { finish(): void } {
  const mark = `${database}.unfinished`;
  if (existsSync(mark)) for (const each of databaseFileSuffixes) rmSync(`${database}${each}`, { force: true });
  if (!existsSync(database)) writeFileSync(mark, '');
  return { finish: () => rmSync(mark, { force: true }) };
}

const LOOPBACK = '127.0.0.1';

/**
 * Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections. Among those, a client that
 * keeps trying a server that is away can be given the server's own port, and is then connected to itself.
 */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_767;

/**
 * A TCP port of the loopback interface that nobody listens on. It is free now, not reserved: whoever uses it must be
 * ready to try another.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT + 1);
    if (await isPortFree(port)) return port;
  }
}

/** Waits until nobody listens on the port, at most `milliseconds`; answers whether it is free. */
export async function waitUntilPortFree(port: number, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!(await isPortFree(port))) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Settles within one turn of the event loop. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, LOOPBACK, () => {
      // The call closes the socket; its callback would cost a turn of a loop that may be busy loading modules.
      probe.close();
      resolve(true);
    });
  });
}

/** True when something accepts connections on a port of the loopback interface. */
export function isPortListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
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
  /** The server's whole environment; a version manager's shim needs PATH and HOME. Default: empty. */
  env?: NodeJS.ProcessEnv;
  /** Where the server's own output goes; written anew at each start. */
  logFile: string;
  /** SQLite file that keeps workflows over restarts. Absent: in memory, gone when the server ends. */
  databaseFile?: string;
  /** Port of the server; to bring one back where its workers look for it. Default: any free one. */
  port?: number;
  /** Serve the web UI, on this port when it is free and on another otherwise; 0 for any. Absent: no UI. */
  uiPort?: number;
}

/** It accepts connections; the first calls may still be refused, which `connect` waits out. */
export interface EmbeddedServer extends EmbeddedServerAddress {
  namespace: string;
  /** Settles when the server has ended: with the reason when nobody asked for it, with undefined after `stop`. */
  exited: Promise<EmbeddedServerFailed | undefined>;
  stop(): Promise<void>;
}

/** The server could not be started, or ended by itself. */
export class EmbeddedServerFailed extends RollcallError {
  readonly failureType = 'system_error';
  constructor(what: string, logFile: string, output: string) {
    const words = output === '' ? '' : ` Last lines of ${logFile}:\n${output}`;
    super(`the local Temporal server ${what}.${words}`);
  }
}

/**
 * A development server is slow by default: 20 polls a second make a step take 50 ms, and timers are rounded up to a
 * second. Measured with these: 13 ms instead of 100 for an activity. Durations must be JSON strings. The version check
 * would call a host on the internet.
 */
const DYNAMIC_CONFIG = [
  'history.transferProcessorMaxPollRPS=2000',
  'history.timerProcessorMaxPollRPS=2000',
  'history.timerProcessorMaxTimeShift="10ms"',
  'frontend.enableServerVersionCheck=false',
];

/** As the server's flag writes types. */
const SEARCH_ATTRIBUTE_TYPES = { KEYWORD: 'Keyword', INT: 'Int' } as const;

/** The namespace of every embedded server. */
export const embeddedNamespace = 'default';

const START_DEADLINE_MS = 10_000;
const POLL_MS = 20;
const START_ATTEMPTS = 5;
const PORT_TIMEOUT_MS = 1_000;

/**
 * Starts `temporal server start-dev`, which takes 0.1 s, and answers when it accepts connections. The server never
 * outlives this process. It is spawned within the first turn of the event loop, so a caller can load modules meanwhile.
 *
 * Throws EmbeddedServerBusy when another process has a server on `dbFile`, EmbeddedServerFailed when it does not start.
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
      // A server that was killed a moment ago may hold its port a little longer.
      if (options.port !== undefined && !(await waitUntilPortFree(port, PORT_TIMEOUT_MS))) {
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
      const taken = output.includes('address already in use') && options.port === undefined;
      if (!taken || attempt === START_ATTEMPTS) throw new EmbeddedServerFailed(problem, options.logFile, output);
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
 * The server binds the port of its UI after all else, and ends when it is taken by then: of servers that start at the same
 * time one claims it.
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
    // Another process has it, or another user's files stand in the way.
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
        // Under HOME the command looks for settings of the user, which may name a database or a port.
        ...['--env-file', devNull],
        ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
        ...(options.databaseFile === undefined ? [] : ['--db-filename', options.databaseFile]),
        ...Object.entries(searchAttributeTypes).flatMap(([name, type]) => [
          '--search-attribute',
          `${name}=${SEARCH_ATTRIBUTE_TYPES[type]}`,
        ]),
        ...DYNAMIC_CONFIG.flatMap((setting) => ['--dynamic-config-value', setting]),
      ],
      output,
      options.env,
    );
  } finally {
    closeSync(output);
  }
}

/** What went wrong, or undefined once the port answers. */
async function waitForPort(process: GuardedProcess, port: number): Promise<string | undefined> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (process.isRunning()) {
    if (await isPortListening(port)) return undefined;
    if (performance.now() > deadline) {
      await process.kill();
      return `did not accept connections within ${START_DEADLINE_MS / 1000} s`;
    }
    await sleep(POLL_MS);
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
     * SIGKILL also for a database file: it takes 10 ms where SIGTERM takes 1.1 s, and SQLite's journal makes a killed
     * process lose nothing that was committed; Temporal answers only for what is.
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
