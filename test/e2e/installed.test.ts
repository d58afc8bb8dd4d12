import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporalBinary } from '../support/embedded-servers';

const ROOT = join(__dirname, '..', '..');

/** `npm run test:node24` names another Node here. */
const NODE = process.env['ROLLCALL_TEST_NODE'] ?? process.execPath;

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-')));
const installed = join(scratch, 'package');
const bin = join(scratch, 'bin');

/** Unpacks what `npm pack` makes, on a machine with Node, and with a version manager's shim in place of `temporal`. */
beforeAll(async () => {
  const pack = ['pack', '--ignore-scripts', '--offline', '--pack-destination', scratch];
  await promisify(execFile)('npm', pack, { cwd: ROOT });
  const [tarball = ''] = readdirSync(scratch).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['xzf', join(scratch, tarball), '-C', scratch]);
  symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
  mkdirSync(bin);
  symlinkSync(NODE, join(bin, 'node'));
  symlinkSync(temporalBinary, join(scratch, 'selected-version'));
  writeFileSync(join(bin, 'temporal'), '#!/bin/sh\nexec "$HOME/selected-version" "$@"\n', { mode: 0o755 });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(program: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { PATH: bin, HOME: scratch, XDG_CACHE_HOME: join(scratch, 'no-cache') };
  return promisify(execFile)(join(installed, 'bin', program), args, { cwd: scratch, env });
}

describe("the package that npm's tarball installs", () => {
  it('contains the programs, the build and the emulator, and no sources', () => {
    const parts = ['LICENSE', 'README.md', 'bin', 'dist', 'node_modules', 'package.json', 'schema'];
    expect(readdirSync(installed).sort()).toEqual(parts);
    const emulator = readdirSync(join(installed, 'node_modules', 'auth0-emulator'));
    expect(emulator.sort()).toEqual(['README.md', 'dist', 'package.json']);
    expect(readdirSync(join(installed, 'dist'))).toContain('workflow-bundle.js');
  });

  it('prints help and the specification', async () => {
    expect((await run('rollcall', '--help')).stdout).toContain('Usage: rollcall');
    expect(JSON.parse((await run('source-auth0', 'spec')).stdout)).toMatchObject({ type: 'SPEC' });
  });

  it('runs the demo', async () => {
    const { stdout, stderr } = await run('rollcall', 'demo');
    expect(stdout.match(/^total: complete$/gm)).toHaveLength(2);
    expect(stderr).not.toMatch(/warning/i);
    expect(readdirSync(join(scratch, 'data')).length).toBeGreaterThan(0);
  });
});
