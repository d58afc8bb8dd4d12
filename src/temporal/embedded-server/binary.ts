import { accessSync, constants, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { RollcallError } from '../../errors';

/** The environment variables that say where a `temporal` binary may be; the same names as in the process. */
export interface BinaryEnvironment {
  /** Names one binary; no other is then looked for. */
  TEMPORAL_CLI_PATH?: string | undefined;
  PATH?: string | undefined;
  XDG_CACHE_HOME?: string | undefined;
  HOME?: string | undefined;
  TMPDIR?: string | undefined;
}

/** Newest Temporal CLI that `go install` can build: later ones have replace directives in their go.mod. */
export const CLI_VERSION = '1.5.1';

/** The SDK's test environment keeps its download under a name with the SDK's version. */
const SDK_VERSION = '1.24.0';

/** No `temporal` binary was found. */
export class TemporalMissing extends RollcallError {
  override readonly name = 'TemporalMissing';
  readonly failureType = 'config_error';
  constructor(reason: string) {
    super(
      `${reason}. A local Temporal server requires the \`temporal\` binary.`,
      'To get it: (1) install the Temporal CLI (https://docs.temporal.io/cli) and add it to your PATH; ' +
        '(2) set TEMPORAL_CLI_PATH to a `temporal` binary; or ' +
        `(3) install Go 1.25 or later and run \`npm run setup\`, which builds Temporal CLI v${CLI_VERSION}. ` +
        'To use an existing Temporal server instead, set TEMPORAL_ADDRESS.',
    );
  }
}

/** Where set-up puts the binary it builds; shared by all clones of the project. */
export function getCachedBinaryPath(env: BinaryEnvironment): string {
  const { XDG_CACHE_HOME: named } = env;
  const cache = named && isAbsolute(named) ? named : join(env.HOME || homedir(), '.cache');
  return join(cache, 'rollcall', `temporal-v${CLI_VERSION}`, 'temporal');
}

/**
 * Path of the `temporal` binary to use, first of: TEMPORAL_CLI_PATH, PATH, the project's cache, the SDK's download.
 * Throws TemporalMissing, also when TEMPORAL_CLI_PATH names something that cannot be run.
 */
export function locateTemporal(env: BinaryEnvironment): string {
  if (env.TEMPORAL_CLI_PATH) {
    if (isExecutable(env.TEMPORAL_CLI_PATH)) return env.TEMPORAL_CLI_PATH;
    throw new TemporalMissing(`TEMPORAL_CLI_PATH (${env.TEMPORAL_CLI_PATH}) is not an executable file`);
  }
  const onPath = (env.PATH ?? '').split(delimiter).filter(Boolean);
  const found = [...onPath.map((folder) => join(folder, 'temporal')), getCachedBinaryPath(env)].find(isExecutable);
  if (found !== undefined) return found;
  const download = join(env.TMPDIR || tmpdir(), `temporal-sdk-typescript-${SDK_VERSION}`);
  // Anybody can write a file of that name into a shared temporary folder.
  if (isExecutable(download) && statSync(download).uid === process.getuid?.()) return download;
  throw new TemporalMissing('no `temporal` binary was found');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
