#!/usr/bin/env node
// Compiles src to dist, here and in the packages, and bundles the workflows to dist/workflow-bundle.js. The output replaces
// dist at the end, so a failed or interrupted build leaves the previous dist in place.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFileSync } from '@swc/core';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
/** The product comes first; each has its sources in `src` and is compiled to `dist`. */
const PROGRAMS = [ROOT, join(ROOT, 'packages', 'auth0-emulator')];
/** `import()` stays as it is, since some packages have ES modules only; the annotation names a file's exports to it. */
const SWC = {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs', ignoreDynamic: true, exportInteropAnnotation: true },
};
const STAMP = '.built-from';

/** True when dist was built from the very sources, settings and packages that are here now. */
export function isBuilt() {
  const stamp = join(DIST, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hashInputs();
}

/** Does not check types; `npm run typecheck` does. Throws when a file cannot be parsed or the workflows cannot be bundled. */
export async function build() {
  const inputs = hashInputs();
  const drafts = join(ROOT, '.rollcall', `build-${process.pid}`);
  const outputs = PROGRAMS.map((folder, index) => ({
    folder,
    draft: join(drafts, String(index)),
    old: join(drafts, `old-${index}`),
  }));
  try {
    for (const { folder, draft } of outputs) compile(join(folder, 'src'), draft);
    const [product] = outputs;
    await bundleWorkflows(product.draft);
    writeFileSync(join(product.draft, STAMP), inputs);
    for (const { folder, draft, old } of outputs.reverse()) {
      const dist = join(folder, 'dist');
      if (existsSync(dist)) renameSync(dist, old);
      renameSync(draft, dist);
    }
  } finally {
    rmSync(drafts, { recursive: true, force: true });
  }
}

function hashInputs() {
  const hash = createHash('sha256');
  const settings = ['package-lock.json', 'scripts/build.mjs'].map((name) => join(ROOT, name));
  for (const file of [...PROGRAMS.flatMap((folder) => listFiles(join(folder, 'src'))), ...settings]) {
    hash
      .update(`${file.slice(ROOT.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function compile(source, draft) {
  for (const file of listFiles(source)) {
    if (!file.endsWith('.ts')) continue;
    const target = join(draft, relative(source, file)).replace(/\.ts$/, '.js');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, transformFileSync(file, SWC).code);
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
