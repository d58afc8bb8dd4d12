#!/usr/bin/env node
// Runs the test of the installed package under Node 24, the version of the images. An npm package brings the binary into the
// project's cache, once for all clones.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VERSION = '24.21.0';
/** What the npm package `node` installs on this machine, by a script that we do not run. */
const PACKAGE = `${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${process.platform}-${process.arch}`;
const say = (text) => process.stderr.write(`test:node24: ${text}\n`);

try {
  const node = provideNode();
  const jest = [join(ROOT, 'node_modules', '.bin', 'jest'), 'test/e2e/installed.test.ts', ...process.argv.slice(2)];
  const env = { ...process.env, ROLLCALL_TEST_NODE: node };
  process.exitCode = spawnSync(process.execPath, jest, { cwd: ROOT, env, stdio: 'inherit' }).status ?? 1;
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}

/** Path of the binary. It appears there only when it is whole. */
function provideNode() {
  const { XDG_CACHE_HOME: named } = process.env;
  const cache = join(named && isAbsolute(named) ? named : join(homedir(), '.cache'), 'rollcall');
  const target = join(cache, `node-v${VERSION}`);
  const binary = join(target, 'node_modules', PACKAGE, 'bin', 'node');
  if (existsSync(binary)) return binary;
  say(`installing Node ${VERSION}, once for all clones`);
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(`${target}.installing-`);
  try {
    const args = ['install', '--prefix', draft, '--no-audit', '--no-fund', '--ignore-scripts', `${PACKAGE}@${VERSION}`];
    const { status, error } = spawnSync('npm', args, { cwd: draft, stdio: ['ignore', 2, 2] });
    if (error) throw new Error(`npm could not be run: ${error.message}`);
    if (status !== 0) throw new Error(`npm could not install ${PACKAGE}@${VERSION}; its output is above.`);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (stdout?.trim() !== `v${VERSION}`) throw new Error(`${binary} is not Node ${VERSION}`);
  return binary;
}
