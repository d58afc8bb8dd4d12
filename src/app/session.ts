import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../async';
import { ConfigError, RollcallError } from '../errors';
import { defined } from '../json';
import type { connect as connectFunction, TemporalConnection } from '../temporal/connection';
import { pickShimVariables, provideTemporal } from '../temporal/embedded-server/binary';
import {
  embeddedNamespace,
  type EmbeddedServer,
  startEmbeddedServer,
} from '../temporal/embedded-server/embedded-server';
import { findServer } from '../temporal/embedded-server/file-lease';
import { readProfile, type TemporalTarget } from '../temporal/profile';
import type { LogReceiver } from '../temporal/runtime';
import type { CommandContext } from './command-context';
import { getStateDir } from './project-folder';

/** The server or the worker of a sync ended before the sync. */
export class SyncInterrupted extends RollcallError {
  readonly failureType = 'system_error';
}

/** A connected Temporal server. */
export interface Session {
  connection: TemporalConnection;
  /** `host:port` */
  address: string;
  /** Web UI of a local server. */
  uiUrl?: string;
  /** True when this process started the server and stops it. */
  embedded: boolean;
  /** Resolves with the reason when a local server ends by itself. */
  serverExited: Promise<Error>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Start a server even if the environment selects one. */
  forceEmbedded?: boolean;
  /** Folder of a local server's workflows. Absent: they are kept in memory. */
  stateDir?: string;
  /** Folder of a local server's log. */
  logDir: string;
  /** Port of a local server's web UI. Absent: no UI. */
  uiPort?: number;
}

/** Default port of Temporal's UI. */
export const uiPort = 8233;

const never = new Promise<never>(() => undefined);

/** Connects to the server that the environment selects; without one, starts a server for this process. */
export async function openSession(options: SessionOptions, context: CommandContext): Promise<Session> {
  const { stateDir } = options;
  const onLogEntry = context.log.temporal;
  const target = options.forceEmbedded ? undefined : readProfile(context.env);
  if (target) return connectSession(target, onLogEntry);
  const starting = startEmbeddedServer({
    binary: await provideTemporal(context.env, context.log.info),
    env: pickShimVariables(context.env),
    logFile: join(options.logDir, `temporal-${stateDir ? 'server' : randomUUID().slice(0, 8)}.log`),
    ...defined({ databaseFile: stateDir && getDatabasePath(stateDir), uiPort: options.uiPort }),
  });
  // Reported below, if the modules can be loaded.
  starting.catch(() => undefined);
  // Takes longer than the server's start.
  await loadTemporal(onLogEntry);
  return openEmbeddedSession(await starting, onLogEntry);
}

/**
 * Connects to the server of a project's running syncs: the one that the environment selects, or the local one of a
 * running `rollcall sync`.
 * @throws ConfigError when there is none
 */
export async function joinSession(projectFolder: string, context: CommandContext): Promise<Session> {
  const stateDir = getStateDir(projectFolder);
  if (readProfile(context.env)) return openSession({ logDir: stateDir }, context);
  const database = getDatabasePath(stateDir);
  const running = findServer(database);
  if (!running) {
    throw new ConfigError(
      `no Temporal server is configured, and no sync is running in ${projectFolder}`,
      'TEMPORAL_ADDRESS',
      'Set TEMPORAL_ADDRESS to the server that runs the sync, or start a sync here with `rollcall sync`.',
    );
  }
  const { address, uiUrl } = running;
  const session = await connectSession({ address, namespace: embeddedNamespace }, context.log.temporal);
  const closed = new AbortController();
  return {
    ...session,
    ...defined({ uiUrl }),
    serverExited: waitForServerExit(database, context.intervals.serverExitMs, closed.signal),
    async close() {
      closed.abort();
      await session.close();
    },
  };
}

async function waitForServerExit(database: string, intervalMs: number, signal: AbortSignal): Promise<Error> {
  while (findServer(database)) {
    await sleep(intervalMs, signal).catch(() => undefined);
    if (signal.aborted) return never;
  }
  const what = 'the command that ran the sync has ended, and its local Temporal server with it.';
  return new SyncInterrupted(what, 'Run `rollcall sync` again to continue.');
}

/**
 * Like `joinSession`, to read past syncs: starts a local server on the project's database when none is running. Undefined
 * when no server is configured and no sync ever ran in the folder.
 */
export async function openHistorySession(projectFolder: string, context: CommandContext): Promise<Session | undefined> {
  const stateDir = getStateDir(projectFolder);
  const database = getDatabasePath(stateDir);
  if (readProfile(context.env) ?? findServer(database)) return joinSession(projectFolder, context);
  return existsSync(database) ? openSession({ stateDir, logDir: stateDir }, context) : undefined;
}

function getDatabasePath(stateDir: string): string {
  return join(stateDir, 'temporal.db');
}

/** The runtime must be installed before any other use of Temporal. */
async function loadTemporal(
  onLogEntry: LogReceiver,
): Promise<{ connect: typeof connectFunction; removeReceiver(): void }> {
  const { installRuntime } = await import('../temporal/runtime.js');
  const removeReceiver = installRuntime({ log: onLogEntry });
  const { connect } = await import('../temporal/connection.js');
  return { connect, removeReceiver };
}

async function connectSession(target: TemporalTarget, onLogEntry: LogReceiver, signal?: AbortSignal): Promise<Session> {
  const { connect, removeReceiver } = await loadTemporal(onLogEntry);
  const connection = await connect(target, defined({ signal }));
  return {
    connection,
    address: target.address,
    embedded: false,
    serverExited: never,
    async close() {
      await connection.close();
      removeReceiver();
    },
  };
}

async function openEmbeddedSession(server: EmbeddedServer, onLogEntry: LogReceiver): Promise<Session> {
  const exited = new AbortController();
  void server.exited.then((reason) => exited.abort(reason));
  try {
    const { address, namespace } = server;
    const session = await connectSession({ address, namespace }, onLogEntry, exited.signal);
    return {
      ...session,
      ...defined({ uiUrl: server.uiUrl }),
      embedded: true,
      serverExited: server.exited.then((reason) => reason ?? never),
      async close() {
        // A worker that did not stop in time keeps the connection open; both end with the server.
        await session.close().catch(() => undefined);
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
