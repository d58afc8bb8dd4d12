import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { processVariables } from '../config/environment';
import { locateTemporal } from '../temporal/binary';
import { connect, type TemporalConnection } from '../temporal/connection';
import { startEmbeddedServer, type EmbeddedServer } from '../temporal/embedded';
import { readProfile } from '../temporal/profile';

/** A Temporal server to work with. */
export interface Session {
  connection: TemporalConnection;
  /** Address of the web UI, when the server is ours and has one. */
  uiUrl?: string;
  /** True when the server is ours, and ends with this process. */
  embedded: boolean;
  /** Settles when a server of ours has ended by itself, with the reason. */
  lost: Promise<Error>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Never use another server than an own one. */
  embedOnly?: boolean;
  /** Folder that keeps an embedded server's workflows; absent: they live in memory, as long as the process. */
  stateDir?: string;
  /** Folder of the embedded server's log. */
  logDir: string;
  /** Port of an embedded server's web UI; absent: none. */
  uiPort?: number;
}

const never = new Promise<never>(() => undefined);

/** Connects to the server that the environment names; with none, starts one for this process alone. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const variables = processVariables();
  const target = options.embedOnly ? undefined : readProfile(variables);
  if (target) {
    const connection = await connect(target);
    return { connection, embedded: false, lost: never, close: () => connection.close() };
  }
  const server = await startEmbeddedServer({
    binary: locateTemporal(variables),
    logFile: join(options.logDir, `temporal-${options.stateDir ? 'server' : randomUUID().slice(0, 8)}.log`),
    ...(options.stateDir === undefined ? {} : { dbFile: join(options.stateDir, 'temporal.db') }),
    ...(options.uiPort === undefined ? {} : { uiPort: options.uiPort }),
  });
  return embeddedSession(server);
}

async function embeddedSession(server: EmbeddedServer): Promise<Session> {
  const { address, namespace, uiUrl } = server;
  try {
    const connection = await connect({ address, namespace });
    return {
      connection,
      ...(uiUrl === undefined ? {} : { uiUrl }),
      embedded: true,
      lost: server.exited.then((reason) => reason ?? never),
      async close() {
        await connection.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
