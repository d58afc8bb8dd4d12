import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogEntry } from '@temporalio/worker';
import { ConfigError } from '../errors';
import { type connect as connectFunction, readProfile, type TemporalConnection } from '../temporal/connection';
import { pickShimVariables } from '../temporal/embedded-server/binary';
import { provideTemporal } from '../temporal/embedded-server/download';
import {
  embeddedNamespace,
  type EmbeddedServer,
  startEmbeddedServer,
} from '../temporal/embedded-server/embedded-server';
import { findServer } from '../temporal/embedded-server/file-lease';
import type { CommandContext } from './command-context';
import { getStateDir } from './project-folder';

/** A Temporal server to work with. */
export interface Session {
  connection: TemporalConnection;
  /** Address of the web UI, when the server is ours and has one. */
  uiUrl?: string;
  /** True when the server is ours, and ends with this process. */
  embedded: boolean;
  /** Settles when a server of ours has ended by itself, with the reason. */
  serverExited: Promise<Error>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Never use another server than an own one. */
  forceEmbedded?: boolean;
  /** Folder that keeps an embedded server's workflows; absent: they live in memory, as long as the process. */
  stateDir?: string;
  /** Folder of the embedded server's log. */
  logDir: string;
  /** Receives warnings and errors of workers, workflows and activities. Default: the command's log. */
  onLogEntry?: (entry: LogEntry) => void;
  /** Receives a message before a `temporal` binary is downloaded. Default: the command's log. */
  onInfo?: (text: string) => void;
  /** Port of an embedded server's web UI; absent: none. */
  uiPort?: number;
}

/** Where people expect Temporal's UI. */
export const uiPort = 8233;

type ConnectFunction = typeof connectFunction;

/** How often it is looked whether a server that was joined is still there. */
const serverPollMs = 1_000;

const never = new Promise<never>(() => undefined);

/**
 * Connects to the server that the environment names; with none, starts one for this process alone. The server comes up
 * while Temporal's modules are loaded, which takes longer.
 */
export async function openSession(context: CommandContext, options: SessionOptions): Promise<Session> {
  const { onLogEntry = context.log.temporal, onInfo = context.log.info } = options;
  const target = options.forceEmbedded ? undefined : readProfile(context.env);
  if (target) {
    const connect = await loadTemporal(onLogEntry);
    const connection = await connect(target);
    return { connection, embedded: false, serverExited: never, close: () => connection.close() };
  }
  const starting = startEmbeddedServer({
    binary: await provideTemporal(context.env, onInfo),
    env: pickShimVariables(context.env),
    logFile: join(options.logDir, `temporal-${options.stateDir ? 'server' : randomUUID().slice(0, 8)}.log`),
    ...(options.stateDir === undefined ? {} : { databaseFile: getDatabasePath(options.stateDir) }),
    ...(options.uiPort === undefined ? {} : { uiPort: options.uiPort }),
  });
  // Whatever ends the loading below, a failed start is reported by the line after it.
  starting.catch(() => undefined);
  const connect = await loadTemporal(onLogEntry);
  return openEmbeddedSession(await starting, connect);
}

/**
 * Connects to the server that a project's syncs are running on: the one that the environment names, or the one that a sync
 * in the project's folder has started.
 * @throws ConfigError when there is neither
 */
export async function joinSession(context: CommandContext, projectFolder: string): Promise<Session> {
  const stateDir = getStateDir(projectFolder);
  if (readProfile(context.env)) return openSession(context, { logDir: stateDir });
  const running = findServer(getDatabasePath(stateDir));
  if (!running) {
    throw new ConfigError(
      `no Temporal server is configured, and no sync is running in ${projectFolder}`,
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to the server that runs the sync, or start a sync here with `rollcall sync`.',
    );
  }
  const connect = await loadTemporal(context.log.temporal);
  const connection = await connect({ address: running.address, namespace: embeddedNamespace });
  const { uiUrl } = running;
  const over = new AbortController();
  return {
    connection,
    ...(uiUrl && { uiUrl }),
    embedded: false,
    serverExited: waitForServerExit(getDatabasePath(stateDir), over.signal),
    async close() {
      over.abort();
      await connection.close();
    },
  };
}

/** Settles when the process that runs a server on the database has ended. */
async function waitForServerExit(database: string, signal: AbortSignal): Promise<Error> {
  while (findServer(database)) {
    await sleep(serverPollMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return never;
  }
  return new Error('the command that ran the sync has ended, and its Temporal server with it');
}

/**
 * As `joinSession`, for verbs that look at what has been: where no server runs, one is started on what the syncs in the
 * project's folder have left, if any was run there.
 */
export async function openHistorySession(context: CommandContext, projectFolder: string): Promise<Session> {
  const stateDir = getStateDir(projectFolder);
  const database = getDatabasePath(stateDir);
  const left = !readProfile(context.env) && findServer(database) === undefined && existsSync(database);
  return left ? openSession(context, { stateDir, logDir: stateDir }) : joinSession(context, projectFolder);
}

/** As `lookSession`; undefined where there is no server to be asked, since none is named and nothing was ever run here. */
export async function tryOpenHistorySession(
  context: CommandContext,
  projectFolder: string,
): Promise<Session | undefined> {
  const database = getDatabasePath(getStateDir(projectFolder));
  const isAny = readProfile(context.env) ?? findServer(database) ?? existsSync(database);
  return isAny ? openHistorySession(context, projectFolder) : undefined;
}

function getDatabasePath(stateDir: string): string {
  return join(stateDir, 'temporal.db');
}

/** The runtime has to be told where to log before anything else of Temporal runs. */
async function loadTemporal(onLogEntry: (entry: LogEntry) => void): Promise<ConnectFunction> {
  const { installRuntime } = await import('../temporal/runtime.js');
  installRuntime({ log: onLogEntry });
  return (await import('../temporal/connection.js')).connect;
}

async function openEmbeddedSession(server: EmbeddedServer, connect: ConnectFunction): Promise<Session> {
  const { address, namespace, uiUrl } = server;
  const ended = new AbortController();
  void server.exited.then((reason) => ended.abort(reason));
  try {
    const connection = await connect({ address, namespace }, { signal: ended.signal });
    return {
      connection,
      ...(uiUrl === undefined ? {} : { uiUrl }),
      embedded: true,
      serverExited: server.exited.then((reason) => reason ?? never),
      async close() {
        // A worker that did not stop in time holds the connection; it ends with the server and the process.
        await connection.close().catch(() => undefined);
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
