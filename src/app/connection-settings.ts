import type { ShellContext } from '../config/environment';
import type { Connection, Destination } from '../config/project';
import { createConnectionResolver, type OnProblem } from '../config/project-reader';
import { resolveDestination, resolveReadOptions, resolveSecrets } from '../config/references';
import type { SourceConfig } from '../config/source';
import { createFilesSink } from '../sinks/files/sink';
import { createPostgresSink } from '../sinks/postgres/sink';
import type { Sink } from '../sinks/sink';
import type { Staging } from '../staging/staging';

/** The settings of the connections that a worker serves. They are read at each use, so changes need no restart. */
export interface ConnectionSettings {
  /** How to reach and read a tenant, with its credentials. */
  resolveSource(connection: string): Promise<SourceConfig>;
  openDestinations(staging: Staging): Destinations;
}

export interface ProjectSettings extends ConnectionSettings {
  /** What the start of a sync depends on, without credentials. */
  readSyncSettings(
    connection: string,
  ): Promise<{ connection: Connection; source: Pick<SourceConfig, 'startDate' | 'readOptions'> }>;
}

export interface Destinations {
  /** The destination of a connection: the same object as long as its resolved settings are the same. */
  getSink(connection: string): Promise<Sink>;
  close(): Promise<void>;
}

export interface ProjectSettingsOptions {
  shell: ShellContext;
  /** Reads a connection of the project file. */
  loadConnection(name: string): Promise<Connection>;
  /** Receives problems with references; the last valid value remains in use. */
  onProblem: OnProblem;
}

/** Settings from connections of a project file. */
export function createProjectSettings({ shell, loadConnection, onProblem }: ProjectSettingsOptions): ProjectSettings {
  const source = createConnectionResolver((connection) => resolveSecrets(connection, shell), onProblem);
  const destination = createConnectionResolver((connection) => resolveDestination(connection, shell), onProblem);
  return {
    resolveSource: async (name) => source(await loadConnection(name)),
    openDestinations: (staging) =>
      openProjectDestinations(async (name) => destination(await loadConnection(name)), staging),
    async readSyncSettings(name) {
      const connection = await loadConnection(name);
      return { connection, source: await resolveReadOptions(connection, shell) };
    },
  };
}

/** Opens each destination once. */
function openProjectDestinations(
  resolve: (connection: string) => Promise<Destination>,
  staging: Staging,
): Destinations {
  const sinks = new Map<string, Promise<Sink>>();
  return {
    async getSink(name) {
      const destination = await resolve(name);
      const key = JSON.stringify(destination);
      const sink = sinks.get(key) ?? openSink(destination, staging);
      sinks.set(key, sink);
      // The next delivery opens it again.
      sink.catch(() => sinks.delete(key));
      return sink;
    },
    async close() {
      await Promise.all([...sinks.values()].map(async (sink) => (await sink).close()));
    },
  };
}

async function openSink(destination: Destination, staging: Staging): Promise<Sink> {
  return destination.kind === 'files'
    ? createFilesSink({ directory: destination.folder, staging })
    : createPostgresSink({ ...destination, staging });
}
