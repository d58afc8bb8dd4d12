// Python for the checks that need other people's Python: an interpreter of this machine, and virtual environments in the
// project's cache.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { takeLock } from './lock.mjs';

/** The pins hold for these: Airbyte's Auth0 connector runs on no later one, PyAirbyte on no earlier one. */
const VERSIONS = ['3.11', '3.10'];
const INSTALL_MS = 900_000;
const PIP = ['-m', 'pip', '--disable-pip-version-check'];

/** The first Python on the PATH that will do, as `{command, version}`. Throws an error that says what to install. */
export function findPython() {
  for (const command of [...VERSIONS.map((version) => `python${version}`), 'python3', 'python']) {
    const probe = 'import ensurepip, sys, venv; print("%d.%d" % sys.version_info[:2])';
    const { stdout } = spawnSync(command, ['-c', probe], { encoding: 'utf8', timeout: 30_000 });
    const version = stdout?.trim();
    if (VERSIONS.includes(version)) return { command, version };
  }
  throw new Error(
    'Python 3.11 or 3.10 with its venv module is needed and not on the PATH; install it (Debian: python3.11 and python3.11-venv) and run this again.',
  );
}

/**
 * The interpreter of a virtual environment that holds what the requirements file pins, and nothing else. Made once for
 * all clones; the mark that it is whole is written last, so that one left half-made is made anew.
 */
export async function providePythonEnvironment(python, requirements, say) {
  const target = join(cacheFolder(), `airbyte-venv-${hashOf(python.version, ...readPins(requirements))}`);
  const interpreter = join(target, 'bin', 'python');
  const mark = join(target, 'complete');
  if (existsSync(mark)) return interpreter;
  mkdirSync(dirname(target), { recursive: true });
  const lock = `${target}.lock`;
  await takeLock(lock, say);
  try {
    if (existsSync(mark)) return interpreter;
    say(`installing what ${requirements} pins, once for all clones; this takes some minutes`);
    rmSync(target, { recursive: true, force: true });
    run(python.command, ['-m', 'venv', target]);
    run(interpreter, [...PIP, 'install', '--quiet', '--no-deps', '--requirement', requirements]);
    run(interpreter, [...PIP, 'check']);
    writeFileSync(mark, '');
    return interpreter;
  } finally {
    if (!existsSync(mark)) rmSync(target, { recursive: true, force: true });
    rmSync(lock, { force: true });
  }
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2], timeout: INSTALL_MS });
  if (status !== 0) throw new Error(`\`${command} ${args.join(' ')}\` failed${error ? `: ${error.message}` : ''}`);
}

/** Without comments, whose change needs no other environment. */
function readPins(requirements) {
  const lines = readFileSync(requirements, 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

function hashOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}

function cacheFolder() {
  const named = process.env.XDG_CACHE_HOME;
  return join(named && isAbsolute(named) ? named : join(process.env.HOME || homedir(), '.cache'), 'rollcall');
}
