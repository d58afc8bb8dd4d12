// Brings a `temporal` binary into the project's cache: downloads the official release, or else builds it with Go.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { takeLock } from './lock.mjs';

const require = createRequire(import.meta.url);
const loadBinary = () => require('../dist/temporal/embedded-server/binary.js');

export function hasTemporal() {
  try {
    return loadBinary().locateTemporal(process.env) !== undefined;
  } catch {
    return false;
  }
}

/** When another set-up does the same already, this one waits and takes the result. */
export async function provideTemporal(say) {
  const { getCachedBinaryPath } = loadBinary();
  const target = getCachedBinaryPath(process.env);
  mkdirSync(dirname(dirname(target)), { recursive: true });
  const lock = `${dirname(target)}.lock`;
  await takeLock(lock, say);
  try {
    await downloadOrBuild(target, say);
  } finally {
    rmSync(lock, { force: true });
  }
}

async function downloadOrBuild(target, say) {
  try {
    await loadBinary().provideTemporal(process.env, say);
  } catch (error) {
    if (error.name !== 'TemporalMissing' || process.env.TEMPORAL_CLI_PATH || !hasGo()) throw error;
    say(`${error.reason}.`);
    const problem = await buildTemporal(target, say);
    if (problem !== undefined)
      throw new Error(`\`go install\` of the Temporal CLI failed:\n${problem}\n${error.message}`);
  }
}

function hasGo() {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Some 3 minutes on two cores. The file appears at `target` only when it is whole. Answers what Go says when it fails. */
async function buildTemporal(target, say) {
  const folder = mkdtempSync(`${dirname(target)}.building-`);
  try {
    const problem = await goInstall(folder, loadBinary().CLI_VERSION, say);
    if (problem !== undefined) return problem;
    mkdirSync(dirname(target), { recursive: true });
    renameSync(join(folder, 'temporal'), target);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function goInstall(folder, version, say) {
  say(`building Temporal CLI v${version} with Go, once for all clones; this takes some minutes`);
  const started = Date.now();
  const ticking = setInterval(() => say(`still building (${Math.round((Date.now() - started) / 1000)} s)`), 15_000);
  const go = spawn('go', ['install', `github.com/temporalio/cli/cmd/temporal@v${version}`], {
    cwd: folder,
    env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod', GOWORK: 'off', CGO_ENABLED: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  go.stderr.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve) => go.once('close', resolve));
  clearInterval(ticking);
  return code === 0 ? undefined : output.trim().slice(-2000);
}
