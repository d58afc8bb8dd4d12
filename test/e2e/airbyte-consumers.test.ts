import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const script = join(__dirname, '..', '..', 'scripts', 'airbyte-consumers.mjs');

/** A machine with nothing but what is put into `bin`. */
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-')));
const bin = join(scratch, 'bin');
const log = join(scratch, 'calls');
const cache = join(scratch, 'cache', 'rollcall');

const environment = { PATH: bin, XDG_CACHE_HOME: join(scratch, 'cache'), TMPDIR: scratch };

/** A Python that makes environments of itself, and fails at what `failsAt` names. */
function putPython(name: string, version: string, failsAt = 'nothing'): void {
  const lines = [
    '#!/bin/sh',
    `echo "$*" >>"${log}"`,
    `case "$*" in *${failsAt}*) exit 7;; esac`,
    `[ "$1" = -c ] && echo ${version}`,
    `[ "$2" = venv ] && /bin/mkdir -p "$3/bin" && /bin/cp "${join(bin, name)}" "$3/bin/python"`,
    'exit 0',
  ];
  writeFileSync(join(bin, name), `${lines.join('\n')}\n`, { mode: 0o755 });
}

function check(): { said: string; code: number | null } {
  const { stderr, status } = spawnSync(process.execPath, [script], { env: environment, encoding: 'utf8' });
  return { said: stderr, code: status };
}

function calls(part: string): string[] {
  return existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.includes(part))
    : [];
}

beforeEach(() => mkdirSync(bin));
afterEach(() => readdirSync(scratch).forEach((name) => rmSync(join(scratch, name), { recursive: true })));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const wanted = /^test:airbyte: Python 3\.11 or 3\.10 .* install it .*\n$/;

it('fails and says what to install where there is no Python', () => {
  const { said, code } = check();
  expect(said).toMatch(wanted);
  expect(code).toBe(1);
});

it('fails likewise where Python is too old or too new', () => {
  putPython('python3', '3.12');
  putPython('python', '2.7');
  expect(check()).toEqual({ said: expect.stringMatching(wanted) as string, code: 1 });
});

it('makes an environment for each list of pins, and keeps them', () => {
  putPython('python3.11', '3.11');
  expect(check().code).toBe(0);
  expect(calls('--requirement')).toHaveLength(2);
  expect(check()).toEqual({ said: '', code: 0 });
  expect(calls('--requirement')).toHaveLength(2);
  expect(calls('pytest')).toHaveLength(2);
});

it('keeps nothing of an environment that could not be made', () => {
  putPython('python3.11', '3.11', 'install');
  expect(check().code).toBe(1);
  expect(readdirSync(cache)).toEqual([]);
  expect(calls('pytest')).toEqual([]);
});

it('makes an environment anew that was left half-made', () => {
  putPython('python3.11', '3.11');
  check();
  for (const name of readdirSync(cache)) rmSync(join(cache, name, 'complete'));
  expect(check().code).toBe(0);
  expect(calls('--requirement')).toHaveLength(4);
});

it('fails when the checks do', () => {
  putPython('python3.11', '3.11', 'pytest');
  expect(check().code).toBe(7);
});
