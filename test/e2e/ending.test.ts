import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmulator, type Emulator } from 'auth0-emulator';
import { messagesOf, scratchFolder, start, writeJson, type Ended } from '../support/program';
import { catalogFor, configOf } from '../support/compare-copy';

jest.setTimeout(60_000);

const folder = scratchFolder();
let tenant: Emulator;
let args: string[];

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 3_000 },
      organizations: { count: 300, members: 5 },
      clients: { count: 300 },
      roles: { count: 3 },
    },
    latencyMs: 20,
  });
  const config = writeJson(folder, 'config.json', configOf(tenant));
  args = ['read', '--config', config, '--catalog', writeJson(folder, 'catalog.json', catalogFor())];
});
afterAll(() => tenant.close());

interface Process {
  pid: number;
  parent: number;
  command: string;
}

function processes(): Process[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^ *(\d+) +(\d+) (.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, parent, command = '']) => ({ pid: Number(pid), parent: Number(parent), command }));
}

/** The Temporal server of a program, and what guards it. */
function familyOf(pid: number): number[] {
  const servers = processes().filter(({ command }) => command.includes('start-dev'));
  const childrenOf = (id: number): number[] => servers.filter(({ parent }) => parent === id).map((each) => each.pid);
  return childrenOf(pid).flatMap((guard) => [guard, ...childrenOf(guard)]);
}

/** A read that has written its first records, in a temporary folder of its own, and the processes it has started. */
async function midRead(temporary = mkdtempSync(join(folder, 'tmp-'))) {
  const running = start('source-auth0', args, { env: { TMPDIR: temporary, ROLLCALL_FETCH_SECONDS: '0.3' } });
  await running.says('"type":"STATE"');
  const family = familyOf(running.child.pid ?? 0);
  expect(family.length).toBeGreaterThanOrEqual(2);
  return { ...running, family, temporary };
}

async function expectGone(family: number[]): Promise<void> {
  const left = (): number[] =>
    processes()
      .map(({ pid }) => pid)
      .filter((pid) => family.includes(pid));
  for (let tries = 0; tries < 20 && left().length > 0; tries += 1) await sleep(100);
  expect(left()).toEqual([]);
}

function expectWholeLines({ stdout }: Ended): void {
  expect(stdout.endsWith('\n')).toBe(true);
  expect(messagesOf(stdout).length).toBeGreaterThan(10);
}

it.concurrent.each(['SIGTERM', 'SIGINT'] as const)(
  'a read that gets a %s dies by it, with whole lines, and leaves nothing',
  async (signal) => {
    const { child, ended, family, temporary } = await midRead();
    child.kill(signal);
    const end = await ended;
    expect({ signal: end.signal, stderr: end.stderr }).toEqual({ signal, stderr: '' });
    expectWholeLines(end);
    expect(end.stdout).not.toContain('"type":"ERROR"');
    await expectGone(family);
    expect(readdirSync(temporary)).toEqual([]);
  },
);

it.concurrent('what a killed read left behind is gone after the next one', async () => {
  const { child, ended, family, temporary } = await midRead();
  child.kill('SIGKILL');
  await ended;
  await expectGone(family);
  const left = readdirSync(temporary);
  expect(left).toEqual([expect.stringMatching(new RegExp(`^rollcall-read-${hostname()}-${child.pid}-`))]);

  // That of a process that lives is its own.
  const own = `rollcall-read-${hostname()}-${process.pid}-own`;
  mkdirSync(join(temporary, own));
  const next = await midRead(temporary);
  expect(readdirSync(temporary)).not.toContain(left[0]);
  expect(readdirSync(temporary)).toContain(own);
  next.child.kill('SIGTERM');
  await next.ended;
  expect(readdirSync(temporary)).toEqual([own]);
});

it.concurrent('a read whose reader has gone ends quietly, and leaves nothing', async () => {
  const { child, ended, family, temporary } = await midRead();
  child.stdout?.destroy();
  const { code, signal, stderr } = await ended;
  expect({ code, signal, stderr }).toEqual({ code: 141, signal: null, stderr: '' });
  await expectGone(family);
  expect(readdirSync(temporary)).toEqual([]);
});

it.concurrent('a read whose reader takes nothing more dies by a signal all the same', async () => {
  const { child, ended, family, temporary } = await midRead();
  child.stdout?.pause();
  await sleep(1_500);
  const begun = performance.now();
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(performance.now() - begun).toBeLessThan(20_000);
  child.stdout?.resume();
  expect((await ended).signal).toBe('SIGTERM');
  await expectGone(family);
  expect(readdirSync(temporary)).toEqual([]);
});
