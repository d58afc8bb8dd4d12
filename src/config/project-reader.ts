import { ConfigError } from '../errors';
import type { Connection, KnownStreams, Project } from './project';
import { loadProject } from './project';

/** Told what is wrong with a file or a reference that is done without for now; once for the same trouble in a row. */
export type OnProblem = (message: string) => void;

/**
 * Reads a project's file anew at each call. While it cannot be used, half written as it may be, it is what it was before.
 * @throws ConfigError when it could not be used yet
 */
export function createProjectReader(file: string, known: KnownStreams, onProblem: OnProblem): () => Promise<Project> {
  let held: Project | undefined;
  const tell = reportOnce(onProblem);
  return async () => {
    try {
      held = await loadProject(file, known, held);
      tell(undefined);
    } catch (error) {
      if (held === undefined || !(error instanceof ConfigError)) throw error;
      tell(error.message);
    }
    return held;
  };
}

/**
 * Resolves connections' references anew at each call. While a file that a reference names is missing or empty, half written
 * as it may be, what it said before holds, as long as the connection's settings are the same.
 */
export function createConnectionResolver<Resolved>(
  resolve: (connection: Connection) => Promise<Resolved>,
  onProblem: OnProblem,
): (connection: Connection) => Promise<Resolved> {
  const held = new Map<string, { settings: string; resolved: Resolved }>();
  const tell = reportOnce(onProblem);
  return async (connection) => {
    const settings = JSON.stringify(connection);
    try {
      const resolved = await resolve(connection);
      held.set(connection.name, { settings, resolved });
      tell(undefined);
      return resolved;
    } catch (error) {
      const before = held.get(connection.name);
      if (before?.settings !== settings || !(error instanceof ConfigError)) throw error;
      tell(error.message);
      return before.resolved;
    }
  };
}

function reportOnce(onProblem: OnProblem): (message: string | undefined) => void {
  let told: string | undefined;
  return (message) => {
    if (message !== undefined && message !== told) onProblem(`${message} Using the last valid version until then.`);
    told = message;
  };
}
