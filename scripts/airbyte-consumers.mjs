#!/usr/bin/env node
// Has Airbyte's own programs read what the built source writes: PyAirbyte, the Python CDK, and Airbyte's Auth0 connector,
// each in the release that the requirements pin. Arguments go to pytest.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython, providePythonEnvironment } from './python-environment.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHECKS = join('test', 'airbyte-consumers');
const LONGEST_MS = 600_000;
const GRACE_MS = 20_000;
const say = (text) => process.stderr.write(`test:airbyte: ${text}\n`);

try {
  const python = findPython();
  const provide = (file) => providePythonEnvironment(python, join(ROOT, CHECKS, file), say);
  const incumbent = await provide('requirements-incumbent.txt');
  process.exitCode = await check(await provide('requirements.txt'), incumbent);
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}

/** Exit code of pytest. It is interrupted rather than killed, so that it ends what it has started. */
async function check(interpreter, incumbent) {
  const scratch = mkdtempSync(join(tmpdir(), 'rollcall-'));
  const args = ['-m', 'pytest', '-p', 'no:cacheprovider', '--basetemp', join(scratch, 'tests'), CHECKS];
  const child = spawn(interpreter, [...args, ...process.argv.slice(2)], {
    cwd: ROOT,
    env: environment(scratch, incumbent),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const interrupt = () => child.kill('SIGINT');
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, interrupt);
  const timers = [
    setTimeout(() => {
      say(`ended, for it took more than ${LONGEST_MS / 1000} s`);
      interrupt();
    }, LONGEST_MS),
    setTimeout(() => child.kill('SIGKILL'), LONGEST_MS + GRACE_MS),
  ];
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
  } finally {
    timers.forEach(clearTimeout);
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** PyAirbyte offline and without its reports of use; nothing written outside of the scratch folder. */
function environment(scratch, incumbent) {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_PROFILE: _profile, ...inherited } = process.env;
  return {
    ...inherited,
    AIRBYTE_LOGGING_ROOT: join(scratch, 'logs'),
    AIRBYTE_OFFLINE_MODE: '1',
    DO_NOT_TRACK: '1',
    NO_COLOR: '1',
    NO_PROXY: '127.0.0.1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONWARNINGS: 'ignore',
    ROLLCALL_INCUMBENT_PYTHON: incumbent,
    TMPDIR: scratch,
  };
}
