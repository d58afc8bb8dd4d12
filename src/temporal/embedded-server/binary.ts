import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, isAbsolute, join } from 'node:path';
import { RollcallError } from '../../errors';

/** The environment variables that decide where a `temporal` binary is found, under their own names. */
export interface BinaryEnvironment {
  /** Path of the binary; no other is looked for. */
  TEMPORAL_CLI_PATH?: string | undefined;
  PATH?: string | undefined;
  XDG_CACHE_HOME?: string | undefined;
  HOME?: string | undefined;
}

/**
 * The release that is downloaded, and the newest that `go install` can build: later ones have replace directives in their
 * go.mod.
 */
export const CLI_VERSION = '1.5.1';

/** No `temporal` binary was found. */
export class TemporalMissing extends RollcallError {
  readonly failureType = 'config_error';
  constructor(readonly reason: string) {
    super(
      `${reason}. A local Temporal server requires the \`temporal\` binary.`,
      'To get it: (1) install the Temporal CLI (https://docs.temporal.io/cli) and add it to your PATH; ' +
        '(2) set TEMPORAL_CLI_PATH to a `temporal` binary; or ' +
        `(3) install Go 1.25 or later and run \`npm run setup\` in a clone of Rollcall, which builds Temporal CLI v${CLI_VERSION}. ` +
        'To use an existing Temporal server instead, set TEMPORAL_ADDRESS.',
    );
  }
}

/** Where the downloaded or built binary is kept; all clones of the project share it. */
export function getCachedBinaryPath(env: BinaryEnvironment): string {
  const { XDG_CACHE_HOME: named } = env;
  const cache = named && isAbsolute(named) ? named : join(env.HOME || homedir(), '.cache');
  return join(cache, 'rollcall', `temporal-v${CLI_VERSION}`, 'temporal');
}

/**
 * Path of the `temporal` binary to use, first of: TEMPORAL_CLI_PATH, PATH, the project's cache.
 * @throws TemporalMissing when there is none, or TEMPORAL_CLI_PATH names a file that cannot be run
 */
export function locateTemporal(env: BinaryEnvironment): string {
  if (env.TEMPORAL_CLI_PATH) {
    if (isExecutable(env.TEMPORAL_CLI_PATH)) return env.TEMPORAL_CLI_PATH;
    throw new TemporalMissing(`TEMPORAL_CLI_PATH (${env.TEMPORAL_CLI_PATH}) is not an executable file`);
  }
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  const onPath = folders.map((folder) => join(folder, 'temporal')).filter(isExecutable);
  const found = onPath.find((path) => !isShim(path) || answersVersion(path, env));
  if (found !== undefined) return found;
  const cached = getCachedBinaryPath(env);
  if (isExecutable(cached)) return cached;
  throw new TemporalMissing('No `temporal` binary was found on PATH or in the cache');
}

/** The variables that a version manager's shim needs to find the selected version. */
export function pickShimVariables({ PATH, HOME }: BinaryEnvironment): NodeJS.ProcessEnv {
  return { ...(PATH && { PATH }), ...(HOME && { HOME }) };
}

/** True when the file runs and reports its version. Takes about 0.1 s. */
export function answersVersion(path: string, env: BinaryEnvironment): boolean {
  const options = { env: pickShimVariables(env), stdio: 'ignore', timeout: 10_000 } as const;
  return spawnSync(path, ['--version'], options).status === 0;
}

/**
 * True for a script and for a link to a program of another name. Version managers (asdf, mise) install these for each
 * tool that they know, also when no version of it is selected.
 */
function isShim(path: string): boolean {
  if (basename(realpathSync(path)) !== 'temporal') return true;
  const start = Buffer.alloc(2);
  const file = openSync(path, 'r');
  try {
    readSync(file, start);
  } finally {
    closeSync(file);
  }
  return start.toString() === '#!';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
