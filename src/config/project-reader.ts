import { ConfigError } from '../errors';
import type { Connection, KnownStreams, Project } from './project';
import { loadProject } from './project';

/** Receives the problem of a file or reference whose last valid version remains in use; repeated problems once. */
export type OnProblem = (message: string) => void;

/**
 * Creates a function that reads a project file at each call. While the file is invalid, for example half written, the
 * function returns the last valid project.
 * @throws ConfigError when there is none yet
 */
export function createProjectReader(file: string, known: KnownStreams, onProblem: OnProblem): () => Promise<Project> {
  let current: Project | undefined;
  const report = reportOnce(onProblem);
  return async () => {
    try {
      current = await loadProject(file, known, current);
      report(undefined);
    } catch (error) {
      if (current === undefined || !(error instanceof ConfigError)) throw error;
      report(error.message);
    }
    return current;
  };
}

/**
 * Creates a function that resolves the references of a connection at each call. While a referenced file is missing or
 * empty, for example half written, the function returns the last valid values, if the settings are the same.
 */
export function createConnectionResolver<Resolved>(
  resolve: (connection: Connection) => Promise<Resolved>,
  onProblem: OnProblem,
): (connection: Connection) => Promise<Resolved> {
  const last = new Map<string, { settings: string; resolved: Resolved }>();
  const report = reportOnce(onProblem);
  return async (connection) => {
    const settings = JSON.stringify(connection);
    try {
      const resolved = await resolve(connection);
      last.set(connection.name, { settings, resolved });
      report(undefined);
      return resolved;
    } catch (error) {
      const before = last.get(connection.name);
      if (before?.settings !== settings || !(error instanceof ConfigError)) throw error;
      report(error.message);
      return before.resolved;
    }
  };
}

function reportOnce(onProblem: OnProblem): (message: string | undefined) => void {
  let reported: string | undefined;
  return (message) => {
    if (message !== undefined && message !== reported) onProblem(`${message} Using the last valid version until then.`);
    reported = message;
  };
}
