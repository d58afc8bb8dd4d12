// Brings node_modules in line with package-lock.json.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * True when what npm says it installed is what the lock file asks for. A stamp of our own would not see an `npm install`
 * that somebody runs by hand; npm's own record does.
 */
export function isInstalled(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const present = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    return path in present
      ? present[path].version === entry.version
      : entry.optional || entry.devOptional || entry.peer;
  });
}

/**
 * Installs without running the packages' own scripts; twice, since a registry can lag behind a fresh lock file. Settings of
 * an `npm install` that runs this in its turn (`--global`, `--omit=dev`) do not apply.
 */
export function installPackages(root) {
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const args = ['ci', '--global=false', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
    const { status, error } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
    if (status === 0) return;
    if (error) throw new Error(`npm could not be run: ${error.message}`);
  }
  throw new Error('`npm ci` failed twice; its output is above. Check the network and the registry, then try again.');
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
