import { spawn, spawnSync } from 'node:child_process';
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

const ROOT = join(__dirname, '..', '..');

/** A clone with few sources and the packages of this one, on a machine with nothing but Node and the tools given. */
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-')));
const clone = join(scratch, 'clone');
const bin = join(scratch, 'bin');
const log = join(scratch, 'calls');
const cached = join(scratch, 'cache', 'rollcall', 'temporal-v1.5.1', 'temporal');

const ENVIRONMENT = {
  PATH: `${bin}:/usr/bin:/bin`,
  HOME: scratch,
  XDG_CACHE_HOME: join(scratch, 'cache'),
  TMPDIR: scratch,
};

function putTool(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >>"${log}"\n${script}\n`, { mode: 0o755 });
}

function calls(): string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

function setUp(nodeArguments: string[] = []): { said: string; code: number | null } {
  rmSync(log, { force: true });
  const { stdout, stderr, status } = spawnSync(process.execPath, [...nodeArguments, join(clone, 'scripts/setup.mjs')], {
    env: ENVIRONMENT,
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  return { said: stderr, code: status };
}

beforeAll(() => {
  for (const folder of [bin, join(clone, 'src', 'workflows')]) mkdirSync(folder, { recursive: true });
  for (const part of ['scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'src/temporal/binary.ts']) {
    cpSync(join(ROOT, part), join(clone, part), { recursive: true });
  }
  for (const part of ['data-converter.ts', 'failure-converter.ts']) {
    cpSync(join(ROOT, 'src/temporal', part), join(clone, 'src/temporal', part));
  }
  writeFileSync(join(clone, 'src/workflows/index.ts'), 'export async function idle(): Promise<void> {}\n');
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('set-up', () => {
  it('says how to get a Temporal server when there is neither a binary nor Go', () => {
    putTool('go', 'exit 1');
    const { said, code } = setUp();
    expect(code).toBe(1);
    expect(said).toMatch(/^setup: building\nsetup: no `temporal` binary was found.*\(1\).*\(2\).*\(3\)/);
    expect(calls()).toEqual(['go version']);
  });

  it('bundles the workflows without their source map, failure converter included', () => {
    const bundle = readFileSync(join(clone, 'dist/workflow-bundle.js'), 'utf8');
    expect(bundle).toContain('idle');
    expect(bundle).toContain('encodeCommonAttributes: false');
    expect(bundle.length).toBeLessThan(1_000_000);
  });

  it('builds a binary with Go into the cache, as one step that is seen or not', () => {
    putTool('go', '[ "$1" = version ] && exit 0\necho "$GOFLAGS $CGO_ENABLED" >>"$0.env"\ncp "$0" "$GOBIN/temporal"');
    const { said, code } = setUp();
    expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/^setup: building Temporal CLI v1\.5\.1/) });
    expect(calls()).toEqual(['go version', 'go install github.com/temporalio/cli/cmd/temporal@v1.5.1']);
    expect(readFileSync(join(bin, 'go.env'), 'utf8')).toBe('-mod=mod 0\n');
    expect(statSync(cached).mode & 0o111).not.toBe(0);
  });

  it('says and does nothing when nothing is missing', () => {
    putTool('go', 'exit 1');
    putTool('npm', 'exit 1');
    const { said, code } = setUp();
    expect({ said, code }).toEqual({ said: '', code: 0 });
    expect(calls()).toEqual([]);
  });

  it('takes over from a set-up that died while it built the binary', () => {
    rmSync(cached);
    putTool('go', '[ "$1" = version ] || cp "$0" "$GOBIN/temporal"');
    const dead = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).stdout.trim();
    writeFileSync(`${dirname(cached)}.lock`, dead);
    expect(setUp().code).toBe(0);
    expect(existsSync(`${dirname(cached)}.lock`)).toBe(false);
  });

  it('waits while another set-up builds the binary, and uses that', async () => {
    for (const file of [cached, log]) rmSync(file);
    writeFileSync(`${dirname(cached)}.lock`, String(process.pid));
    const waiting = spawn(process.execPath, [join(clone, 'scripts/setup.mjs')], { env: ENVIRONMENT });
    const [said] = (await once(waiting.stderr, 'data')) as [Buffer];
    expect(said.toString()).toContain(`waiting for another set-up (process ${process.pid})`);
    cpSync(join(bin, 'go'), cached);
    rmSync(`${dirname(cached)}.lock`);
    expect(await once(waiting, 'exit')).toEqual([0, null]);
    expect(calls()).toEqual(['go version']);
  });

  it('reports what Go said when the build fails, and leaves nothing behind', () => {
    rmSync(cached);
    putTool('go', '[ "$1" = version ] && exit 0\necho "dial tcp: no route" >&2\nexit 1');
    expect(setUp()).toMatchObject({ code: 1, said: expect.stringContaining('dial tcp: no route') });
    expect(existsSync(cached)).toBe(false);
    putTool('go', '[ "$1" = version ] || cp "$0" "$GOBIN/temporal"');
    expect(setUp().code).toBe(0);
  });

  it('builds again when a source changed, and keeps the old build when that does not compile', () => {
    const source = join(clone, 'src/workflows/index.ts');
    appendFileSync(source, 'export const wrong: number = "text";\n');
    expect(setUp()).toMatchObject({ code: 1, said: expect.stringMatching(/TS2322[^]*the sources do not compile/) });
    expect(readFileSync(join(clone, 'dist/workflow-bundle.js'), 'utf8')).toContain('idle');
    writeFileSync(source, 'export async function busy(): Promise<void> {}\n');
    expect(setUp()).toMatchObject({ code: 0, said: 'setup: building\n' });
    expect(readFileSync(join(clone, 'dist/workflow-bundle.js'), 'utf8')).toContain('busy');
    expect(readdirSync(join(clone, '.rollcall'))).toEqual([]);
  });

  it('installs the packages when the lock file asks for others, and tries twice', () => {
    const lock = join(clone, 'package-lock.json');
    writeFileSync(lock, readFileSync(lock, 'utf8').replace('"version": "1.24.0"', '"version": "1.23.0"'));
    putTool('npm', 'echo "no network"\nexit 1');
    expect(setUp()).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^setup: installing packages\nno network\nno network\nsetup: `npm ci` failed twice/),
    });
    expect(calls()).toEqual(Array(2).fill('npm ci --ignore-scripts --no-audit --no-fund'));
  });

  it('refuses a Node that is too old before all else', () => {
    const old = `Object.defineProperty(process.versions, 'node', { value: '18.20.1' });`;
    writeFileSync(join(scratch, 'old.cjs'), old);
    expect(setUp(['-r', join(scratch, 'old.cjs')])).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^setup: Node >=20\.19 is needed, this is 18\.20\.1/),
    });
  });
});
