import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startReleaseServer, type ReleaseServer } from '../support/release-server';

const ROOT = join(__dirname, '..', '..');

/** A clone with few sources and the packages of this one, on a machine with nothing but Node and the tools given. */
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-')));
const clone = join(scratch, 'clone');
const bin = join(scratch, 'bin');
const log = join(scratch, 'calls');
const cached = join(scratch, 'cache', 'rollcall', 'temporal-v1.5.1', 'temporal');

/** Stands in for a release: large enough to be sent in parts. */
const RELEASE = `#!/bin/sh\n# ${randomBytes(200_000).toString('hex')}\n`;

let releases: ReleaseServer;

function environment(): NodeJS.ProcessEnv {
  return { PATH: bin, HOME: scratch, XDG_CACHE_HOME: join(scratch, 'cache'), TMPDIR: scratch, ...releases.env };
}

function putTool(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >>"${log}"\n${script}\n`, { mode: 0o755 });
}

/** A `go` that installs `script` as the binary. */
function putGo(script = ''): void {
  putTool('go', `[ "$1" = version ] && exit 0\n${script}\n/bin/cp "$0" "$GOBIN/temporal"`);
}

function calls(): string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

/** Paths in the cache other than the binary's. */
function leftovers(): string[] {
  const cache = dirname(dirname(cached));
  const paths = readdirSync(cache, { recursive: true }).map((path) => join(cache, path as string));
  return paths.filter((path) => path !== cached && path !== dirname(cached));
}

async function setUp(...args: string[]): Promise<{ said: string; code: number | null }> {
  rmSync(log, { force: true });
  releases.asked.length = 0;
  const program = spawn(process.execPath, [join(clone, 'scripts/setup.cjs'), ...args], { env: environment() });
  let said = '';
  program.stdout.on('data', (chunk: Buffer) => expect(chunk.toString()).toBe(''));
  program.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(program, 'close')) as [number | null];
  return { said, code };
}

beforeAll(async () => {
  const folders = ['src/workflows', 'packages/auth0-emulator/src'].map((folder) => join(clone, folder));
  for (const folder of [bin, ...folders]) mkdirSync(folder, { recursive: true });
  const parts = [
    'bin',
    'scripts',
    'package.json',
    'package-lock.json',
    'packages/auth0-emulator/package.json',
    'src/errors.ts',
  ];
  const sources = ['embedded-server', 'data-converter.ts'];
  for (const part of [...parts, ...sources.map((source) => join('src/temporal', source))]) {
    cpSync(join(ROOT, part), join(clone, part), { recursive: true });
  }
  writeFileSync(join(clone, 'packages/auth0-emulator/src/index.ts'), 'export const answer = 42;\n');
  writeFileSync(join(clone, 'src/workflows/index.ts'), 'export async function idle(): Promise<void> {}\n');
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  releases = await startReleaseServer(RELEASE);
});
afterAll(() => {
  releases.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('set-up', () => {
  it('attempts the download and names three ways to a binary on a machine with Node alone', async () => {
    releases.behavior = 'refuse';
    const { said, code } = await setUp();
    expect(code).toBe(1);
    expect(said).toMatch(
      /^setup: building\nsetup: Downloading Temporal CLI v1\.5\.1 .*\nsetup: No `temporal` binary was found on PATH or in the cache, and the download .* failed: client error \(Connect\).*\(1\).*\(2\).*\(3\).*\n$/,
    );
    expect(releases.asked).toContain('temporal.download:443');
    expect(leftovers()).toEqual([]);
  });

  it('bundles the workflows without their source map, failure converter included', () => {
    const bundle = readFileSync(join(clone, 'dist/workflow-bundle.js'), 'utf8');
    expect(bundle).toContain('idle');
    expect(bundle).toContain('encodeCommonAttributes: false');
    expect(bundle.length).toBeLessThan(1_000_000);
  });

  it('builds a binary with Go into the cache when the download fails', async () => {
    putGo('echo "$GOFLAGS $CGO_ENABLED" >>"$0.env"');
    const { said, code } = await setUp();
    expect({ code, said }).toEqual({
      code: 0,
      said: expect.stringMatching(/failed: .*\nsetup: building Temporal CLI v1\.5\.1 with Go/),
    });
    expect(calls()).toEqual(['go version', 'go install github.com/temporalio/cli/cmd/temporal@v1.5.1']);
    expect(readFileSync(join(bin, 'go.env'), 'utf8')).toBe('-mod=mod 0\n');
    expect(statSync(cached).mode & 0o111).not.toBe(0);
  });

  it('does nothing and is silent when nothing is missing', async () => {
    putTool('go', 'exit 1');
    putTool('npm', 'exit 1');
    const { said, code } = await setUp();
    expect({ said, code }).toEqual({ said: '', code: 0 });
    expect([...calls(), ...releases.asked]).toEqual([]);
  });

  it('prefers a `temporal` on PATH, and passes over a shim that has no version to run', async () => {
    rmSync(cached);
    putTool('temporal', 'exit 0');
    expect(await setUp()).toEqual({ said: '', code: 0 });
    putTool('temporal', 'echo "No version is set for command temporal" >&2\nexit 126');
    expect(await setUp()).toMatchObject({ code: 1, said: expect.stringContaining('Downloading Temporal CLI') });
    rmSync(join(bin, 'temporal'));
  });

  it('leaves the binary out with --no-temporal', async () => {
    expect(await setUp('--no-temporal')).toEqual({ said: '', code: 0 });
    expect(releases.asked).toEqual([]);
  });

  it('builds with Go when the server of releases does not answer for five seconds', async () => {
    releases.behavior = 'silence';
    putGo();
    const { said, code } = await setUp();
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('failed: it did not answer for 5 s') });
    expect(existsSync(cached)).toBe(true);
  });

  it('takes over from a set-up that died while it built the binary', async () => {
    rmSync(cached);
    releases.behavior = 'refuse';
    const dead = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).stdout.trim();
    writeFileSync(`${dirname(cached)}.lock`, dead);
    expect((await setUp()).code).toBe(0);
    expect(existsSync(`${dirname(cached)}.lock`)).toBe(false);
  });

  it('waits while another set-up provides the binary, and uses that', async () => {
    rmSync(cached);
    writeFileSync(`${dirname(cached)}.lock`, String(process.pid));
    const waiting = spawn(process.execPath, [join(clone, 'scripts/setup.cjs')], { env: environment() });
    const [said] = (await once(waiting.stderr, 'data')) as [Buffer];
    expect(said.toString()).toContain(`waiting for another set-up (process ${process.pid})`);
    rmSync(log, { force: true });
    cpSync(join(bin, 'go'), cached);
    rmSync(`${dirname(cached)}.lock`);
    expect(await once(waiting, 'exit')).toEqual([0, null]);
    expect(calls()).toEqual([]);
  });

  it('reports what Go printed when the build fails, and leaves nothing behind', async () => {
    rmSync(cached);
    putTool('go', '[ "$1" = version ] && exit 0\necho "dial tcp: no route" >&2\nexit 1');
    expect(await setUp()).toMatchObject({ code: 1, said: expect.stringMatching(/dial tcp: no route[^]*\(1\).*\(2\)/) });
    expect(leftovers()).toEqual([]);
  });

  // On macOS the SDK trusts the certificates of the keychain only.
  const onLinux = process.platform === 'linux' ? it : it.skip;

  onLinux('gives up a download that stalls, and leaves nothing behind', async () => {
    releases.behavior = 'stall';
    putTool('go', 'exit 1');
    expect(await setUp()).toMatchObject({ code: 1, said: expect.stringMatching(/failed: it stopped after 0 MB/) });
    expect(leftovers()).toEqual([]);
  });

  onLinux('downloads the official release into the cache, before Go is tried', async () => {
    releases.behavior = 'serve';
    putGo();
    const { said, code } = await setUp();
    expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/^setup: Downloading .*\n$/) });
    expect(releases.asked).toContainEqual(expect.stringMatching(/^\/cli\/v1\.5\.1\?arch=(amd64|arm64)&platform=linux/));
    expect(readFileSync(cached, 'utf8')).toBe(RELEASE);
    expect(calls()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it('builds again when a source changed, and keeps the old build when the source cannot be parsed', async () => {
    const source = join(clone, 'src/workflows/index.ts');
    appendFileSync(source, 'export const = 1;\n');
    expect(await setUp()).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^setup: building\n[^]*index\.ts/),
    });
    expect(readFileSync(join(clone, 'dist/workflow-bundle.js'), 'utf8')).toContain('idle');
    writeFileSync(source, 'export async function busy(): Promise<void> {}\n');
    expect(await setUp()).toMatchObject({ code: 0, said: 'setup: building\n' });
    expect(readFileSync(join(clone, 'dist/workflow-bundle.js'), 'utf8')).toContain('busy');
    appendFileSync(join(clone, 'packages/auth0-emulator/src/index.ts'), 'export const question = 6 * 9;\n');
    expect(await setUp()).toMatchObject({ code: 0, said: 'setup: building\n' });
    expect(readFileSync(join(clone, 'packages/auth0-emulator/dist/index.js'), 'utf8')).toContain('6 * 9');
    expect(readdirSync(join(clone, '.rollcall'))).toEqual([]);
  });

  it('installs the packages when the lock file asks for others, and tries twice', async () => {
    const lock = join(clone, 'package-lock.json');
    writeFileSync(lock, readFileSync(lock, 'utf8').replace('"version": "1.24.0"', '"version": "1.23.0"'));
    putTool('npm', 'echo "no network"\nexit 1');
    expect(await setUp()).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^setup: installing packages\nno network\nno network\nsetup: `npm ci` failed twice/),
    });
    expect(calls()).toEqual(Array(2).fill('npm ci --global=false --include=dev --ignore-scripts --no-audit --no-fund'));
  });

  it('builds a clone that npm installs globally', async () => {
    cpSync(join(ROOT, 'package-lock.json'), join(clone, 'package-lock.json'));
    rmSync(join(clone, 'dist'), { recursive: true, force: true });
    const prefix = join(scratch, 'prefix');
    const install = ['install', '--global', '--offline', '--no-audit', '--prefix', prefix, clone];
    await promisify(execFile)('npm', install, { env: { ...environment(), PATH: process.env['PATH'] } });
    expect(existsSync(join(clone, 'dist/workflow-bundle.js'))).toBe(true);
    expect(realpathSync(join(prefix, 'bin/rollcall'))).toBe(join(clone, 'bin/rollcall'));
    expect(realpathSync(join(prefix, 'bin/source-auth0'))).toBe(join(clone, 'bin/source-auth0'));
  });
});
