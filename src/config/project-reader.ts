import { ConfigError } from '../errors';
import { type Connection, type KnownStreams, loadProject, type Project } from './project';

/** Receives the problem of a file or reference whose last valid version remains in use; repeated problems once. */
export type OnProblem = (message: string) => void;

/**
 * Creates a function that reads a project file at each call. While the file is invalid, for example half written, the
 * function returns the last valid project.
 * @throws ConfigError when there is none yet
 */
export function createProjectReader(file: string, known: KnownStreams, onProblem: OnProblem): () => Promise<Project> {
  const orLastValid = createFallback<Project>(onProblem);
  let current: Project | undefined;
  return async () => {
    current = await orLastValid(current, () => loadProject(file, known, current));
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
  const orLastValid = createFallback<Resolved>(onProblem);
  const last = new Map<string, { settings: string; resolved: Resolved }>();
  return async (connection) => {
    const settings = JSON.stringify(connection);
    const before = last.get(connection.name);
    const valid = before?.settings === settings ? before.resolved : undefined;
    const resolved = await orLastValid(valid, () => resolve(connection));
    last.set(connection.name, { settings, resolved });
    return resolved;
  };
}

/** Creates a function that reads a value, and returns the last valid one, if there is one, after a ConfigError. */
function createFallback<Value>(
  onProblem: OnProblem,
): (last: Value | undefined, read: () => Promise<Value>) => Promise<Value> {
  let reported: string | undefined;
  return async (last, read) => {
    try {
      const value = await read();
      reported = undefined;
      return value;
    } catch (error) {
      if (last === undefined || !(error instanceof ConfigError)) throw error;
      if (error.message !== reported) onProblem(`${error.message} Using the last valid version until then.`);
      reported = error.message;
      return last;
    }
  };
}
