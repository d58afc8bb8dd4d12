#!/usr/bin/env node
// Compiles src to dist and bundles the workflows to dist/workflow-bundle.js. Everything is made beside and swapped in at
// the end, so a failed or interrupted build leaves the old dist as it was.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const STAMP = '.built-from';

/** True when dist was built from the very sources, settings and packages that are here now. */
export function isBuilt() {
  const stamp = join(DIST, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hashInputs();
}

/** Throws when the compiler or the bundler finds an error, which is then on stderr. */
export async function build() {
  const inputs = hashInputs();
  const draft = join(ROOT, '.rollcall', `build-${process.pid}`);
  const old = `${draft}.old`;
  try {
    compile(draft);
    await bundleWorkflows(draft);
    writeFileSync(join(draft, STAMP), inputs);
    if (existsSync(DIST)) renameSync(DIST, old);
    renameSync(draft, DIST);
  } finally {
    for (const folder of [draft, old]) rmSync(folder, { recursive: true, force: true });
  }
}

function hashInputs() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of [
    ...sources,
    ...['package-lock.json', 'tsconfig.json', 'scripts/build.mjs'].map((name) => join(ROOT, name)),
  ]) {
    hash
      .update(`${file.slice(ROOT.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function compile(draft) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const args = [tsc, '-p', join(ROOT, 'tsconfig.json'), '--outDir', draft];
  if (spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] }).status !== 0) {
    throw new Error('the sources do not compile');
  }
}

async function bundleWorkflows(draft) {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { dataConverter } = createRequire(import.meta.url)(join(draft, 'temporal', 'data-converter.js'));
  const { code } = await bundleWorkflowCode({
    ...dataConverter,
    workflowsPath: join(draft, 'workflows', 'index.js'),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(join(draft, 'workflow-bundle.js'), dropSourceMap(code));
}

/**
 * The inline source map is two thirds of the bundle and 0.1 s of each start of a worker; without it stack traces of
 * workflows name lines of the bundle. The worker insists on a map, so an empty one takes its place.
 */
function dropSourceMap(code) {
  const map = Buffer.from('{"version":3,"sources":[],"names":[],"mappings":""}').toString('base64');
  const marker = '//# sourceMappingURL=data:application/json;base64,';
  return `${code.slice(0, code.lastIndexOf('//# sourceMappingURL'))}${marker}${map}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build();
  } catch (error) {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  }
}
