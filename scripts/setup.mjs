#!/usr/bin/env node
// Makes a fresh clone ready to run: packages, the build, a `temporal` binary. Does only what is missing and says nothing
// when nothing is; then it takes 0.1 s and no network. Speaks on stderr only.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, isBuilt } from './build.mjs';
import { installPackages, isInstalled } from './packages.mjs';
import { buildTemporal, hasGo } from './temporal-binary.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const say = (text) => process.stderr.write(`setup: ${text}\n`);

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [, wantedMajor, wantedMinor] = /(\d+)\.(\d+)/.exec(engines.node).map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new Error(
    `Node ${engines.node} is needed, this is ${process.versions.node}; see https://nodejs.org/en/download`,
  );
}

async function provideTemporal() {
  const binary = createRequire(import.meta.url)(join(ROOT, 'dist', 'temporal', 'embedded-server', 'binary.js'));
  const locate = () => binary.locateTemporal(process.env);
  const isThere = () => {
    try {
      return locate() !== undefined;
    } catch {
      return false;
    }
  };
  if (isThere()) return;
  if (process.env.TEMPORAL_CLI_PATH || !hasGo()) locate();
  await buildTemporal(binary.cachedBinary(process.env), binary.CLI_VERSION, isThere, say);
}

try {
  checkNode();
  if (!isInstalled(ROOT)) {
    say('installing packages');
    installPackages(ROOT);
  }
  if (!isBuilt()) {
    say('building');
    await build();
  }
  await provideTemporal();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
