#!/usr/bin/env node
// Prints the Python interpreter that runs Airbyte's own Auth0 connector. Creates its virtual environment if it is missing.
import { fileURLToPath } from 'node:url';
import { findPython, providePythonEnvironment } from './python-environment.mjs';

const REQUIREMENTS = fileURLToPath(new URL('../test/airbyte-consumers/requirements-incumbent.txt', import.meta.url));
const say = (text) => process.stderr.write(`airbyte-connector: ${text}\n`);

try {
  process.stdout.write(`${await providePythonEnvironment(findPython(), REQUIREMENTS, say)}\n`);
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
