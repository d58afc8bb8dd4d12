// Builds a `temporal` binary with Go into the project's cache, for machines that have none.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { takeLock } from './lock.mjs';

export function hasGo() {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;
}

/**
 * `go install`s the CLI's `version` to `target`: some 3 minutes on two cores. The file appears there only when it is
 * whole; when another set-up is at it already, this one waits and takes the result.
 */
export async function buildTemporal(target, version, isThere, say) {
  const cache = dirname(dirname(target));
  mkdirSync(cache, { recursive: true });
  const lock = `${dirname(target)}.lock`;
  await takeLock(lock, say);
  try {
    if (isThere()) return;
    const folder = mkdtempSync(`${dirname(target)}.building-`);
    try {
      await goInstall(folder, version, say);
      mkdirSync(dirname(target), { recursive: true });
      renameSync(join(folder, 'temporal'), target);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    rmSync(lock, { force: true });
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
  if (code !== 0) throw new Error(`\`go install\` of the Temporal CLI failed:\n${output.trim().slice(-2000)}`);
}
