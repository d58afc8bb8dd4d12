import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RollcallError } from '../../errors';

/** The variables of the process, by name. These decide where a `temporal` binary is found. */
interface BinaryEnvironment extends Readonly<Record<string, string | undefined>> {
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
function answersVersion(path: string, env: BinaryEnvironment): boolean {
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

/** Calls the SDK's download in a process of its own, since that cannot be cancelled. */
const PROGRAM = join(__dirname, 'download-program.js');

/** What the program needs of the environment: the caller's proxy and certificates, and none of its secrets. */
const PASSED_ON = /^(PATH|HOME|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY)$/;

/** Loading the SDK takes half a second, and longer on a busy machine. */
const LOAD_DEADLINE_MS = 30_000;
/** The download fails when it makes no progress for this time. */
const STALL_DEADLINE_MS = 5_000;
const POLL_MS = 50;

/**
 * Path of the `temporal` binary to use: an existing one (see `locateTemporal`), else the official release, downloaded into
 * the cache. `report` receives a line before the download.
 * @throws TemporalMissing when there is none and the download fails
 */
export async function provideTemporal(env: BinaryEnvironment, report?: (text: string) => void): Promise<string> {
  try {
    return locateTemporal(env);
  } catch (error) {
    if (!(error instanceof TemporalMissing) || env.TEMPORAL_CLI_PATH) throw error;
  }
  report?.(`Downloading Temporal CLI v${CLI_VERSION} from temporal.download, once for this machine.`);
  try {
    return await downloadTemporal(env);
  } catch (error) {
    const reason = `the download from temporal.download failed: ${(error as Error).message}`;
    throw new TemporalMissing(`No \`temporal\` binary was found on PATH or in the cache, and ${reason}`);
  }
}

/**
 * Downloads the official release to the cache by the Temporal SDK's own mechanism. Returns its path. The file appears there
 * only when it is complete and runs.
 * @throws Error with the reason; when the server does not answer or the download stalls, after 5 seconds
 */
async function downloadTemporal(env: BinaryEnvironment): Promise<string> {
  const target = getCachedBinaryPath(env);
  mkdirSync(dirname(dirname(target)), { recursive: true });
  const folder = mkdtempSync(`${dirname(target)}.downloading-`);
  try {
    // The name that the SDK gives it.
    const file = join(folder, `temporal-v${CLI_VERSION}`);
    await runProgram(folder, file, env);
    if (!answersVersion(file, env)) throw new Error('the downloaded file does not run');
    mkdirSync(dirname(target), { recursive: true });
    renameSync(file, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves once `file` is complete. */
async function runProgram(folder: string, file: string, env: BinaryEnvironment): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, folder, `v${CLI_VERSION}`], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: Object.fromEntries(Object.entries(env).filter(([name]) => PASSED_ON.test(name))),
  });
  const watched = watchProgram(child);
  let size = 0;
  let deadline = performance.now() + LOAD_DEADLINE_MS;
  let loaded = false;
  try {
    while (sizeOf(file) === undefined) {
      if (watched.ended) throw new Error(watched.problem ?? 'the process that downloads ended without a reason');
      const now = sizeOf(`${file}.downloading`) ?? 0;
      if (now !== size || watched.loaded !== loaded) deadline = performance.now() + STALL_DEADLINE_MS;
      size = now;
      loaded = watched.loaded;
      if (performance.now() > deadline) throw new Error(describeStall(loaded, size));
      await sleep(POLL_MS);
    }
  } finally {
    child.kill('SIGKILL');
  }
}

/** @returns loaded: it has loaded the SDK and requests the release */
function watchProgram(child: ChildProcess): { loaded: boolean; ended: boolean; problem?: string } {
  const watched: ReturnType<typeof watchProgram> = { loaded: false, ended: false };
  child.on('message', (message: { problem?: string }) => {
    watched.loaded = true;
    if (message.problem !== undefined) watched.problem = message.problem;
  });
  child.once('error', ({ message }) => Object.assign(watched, { ended: true, problem: message }));
  child.once('close', () => (watched.ended = true));
  return watched;
}

function describeStall(loaded: boolean, size: number): string {
  if (!loaded) return `the Temporal SDK did not load within ${LOAD_DEADLINE_MS / 1000} s`;
  const what =
    size === 0 ? 'it did not answer' : `it stopped after ${(size / 1e6).toFixed(0)} MB and sent nothing more`;
  return `${what} for ${STALL_DEADLINE_MS / 1000} s`;
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
