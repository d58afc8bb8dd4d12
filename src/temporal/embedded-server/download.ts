import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answersVersion,
  getCachedBinaryPath,
  CLI_VERSION,
  locateTemporal,
  TemporalMissing,
  type BinaryEnvironment,
} from './binary';

/** The program that has the SDK download; a process of its own, since a download in the SDK cannot be cancelled. */
const PROGRAM = join(__dirname, 'download-program.js');

/** What the program needs of the environment: the caller's proxy and certificates, and none of its secrets. */
const PASSED_ON = /^(PATH|HOME|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY)$/;

/** Loading the SDK takes half a second, and longer on a busy machine. */
const LOAD_DEADLINE_MS = 30_000;
/** How long the download may stand still before it is given up. */
const STALL_DEADLINE_MS = 5_000;
const POLL_MS = 50;

/** The variables of the process, by name. */
export type DownloadEnvironment = BinaryEnvironment & Readonly<Record<string, string | undefined>>;

/**
 * Path of the `temporal` binary to use: one that is there (see `locateTemporal`), else the official release, downloaded
 * into the cache. `report` receives a line before the download.
 * @throws TemporalMissing when there is none and the download fails
 */
export async function provideTemporal(env: DownloadEnvironment, report?: (text: string) => void): Promise<string> {
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
 * Downloads the official release by the Temporal SDK's own mechanism to the cache, and answers its path. The file appears
 * there only when it is whole and runs.
 * @throws Error with the reason; when the server does not answer or the download stalls, after 5 seconds
 */
export async function downloadTemporal(env: DownloadEnvironment): Promise<string> {
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

/** Ends once `file` is whole. */
async function runProgram(folder: string, file: string, env: DownloadEnvironment): Promise<void> {
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

interface WatchedProgram {
  /** It has loaded the SDK and asks for the release now. */
  loaded: boolean;
  ended: boolean;
  problem?: string;
}

function watchProgram(child: ChildProcess): WatchedProgram {
  const watched: WatchedProgram = { loaded: false, ended: false };
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
