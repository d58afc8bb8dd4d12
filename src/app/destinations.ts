import type { Destination } from '../config/project';
import { createFilesSink } from '../sinks/files/sink';
import { createPostgresSink } from '../sinks/postgres/sink';
import type { Sink } from '../sinks/sink';
import type { Staging } from '../staging/staging';

/** The destinations that a process writes to. */
export interface Destinations {
  /** That of a connection; the same object as long as its settings, and what they refer to, are the same. */
  getSink(connection: string): Promise<Sink>;
  close(): Promise<void>;
}

/** @param resolveDestination the destination of a connection, resolved anew at every use */
export function openDestinations(
  resolveDestination: (connection: string) => Promise<Destination>,
  staging: Staging,
): Destinations {
  const sinks = new Map<string, Promise<Sink>>();
  return {
    async getSink(name) {
      const destination = await resolveDestination(name);
      const key = JSON.stringify(destination);
      const sink = sinks.get(key) ?? openSink(destination, staging);
      sinks.set(key, sink);
      // A destination that could not be opened is tried anew at the next step.
      sink.catch(() => sinks.delete(key));
      return sink;
    },
    async close() {
      await Promise.all([...sinks.values()].map(async (sink) => (await sink).close()));
    },
  };
}

async function openSink(destination: Destination, staging: Staging): Promise<Sink> {
  if (destination.kind === 'files') return createFilesSink({ directory: destination.folder, staging });
  return createPostgresSink({ ...destination, staging });
}
