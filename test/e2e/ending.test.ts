import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { startEmulator, type Emulator } from 'auth0-emulator';
import { messagesOf, start, writeJson, type Ended } from '../support/program';
import { catalogFor, configOf } from '../support/compare-copy';
import { until } from '../support/wait';
import { scratchFolder } from '../support/scratch';

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

function listProcesses(): Process[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^ *(\d+) +(\d+) (.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, parent, command = '']) => ({ pid: Number(pid), parent: Number(parent), command }));
}

/** The Temporal server of a program, and the process that guards it. */
function findServer(pid: number): number[] {
  const servers = listProcesses().filter(({ command }) => command.includes('start-dev'));
  const listChildren = (id: number): number[] => servers.filter(({ parent }) => parent === id).map((each) => each.pid);
  return listChildren(pid).flatMap((guard) => [guard, ...listChildren(guard)]);
}

/** Starts a read with its own temporary folder. Returns after its first state, with the processes that it started. */
async function startRead(temporary = mkdtempSync(join(folder, 'tmp-'))) {
  const running = start('source-auth0', args, { env: { TMPDIR: temporary, ROLLCALL_FETCH_SECONDS: '0.3' } });
  await running.says('"type":"STATE"');
  const server = findServer(running.child.pid ?? 0);
  expect(server.length).toBeGreaterThanOrEqual(2);
  return { ...running, server, temporary };
}

async function waitForEnd(server: number[]): Promise<void> {
  await until(() => !listProcesses().some(({ pid }) => server.includes(pid)), 'the end of the Temporal server');
}

function expectWholeLines({ stdout }: Ended): void {
  expect(stdout.endsWith('\n')).toBe(true);
  expect(messagesOf(stdout).length).toBeGreaterThan(10);
}

it.each(['SIGTERM', 'SIGINT'] as const)(
  'a read that receives %s ends by the signal after a complete line, and leaves nothing behind',
  async (signal) => {
    const { child, ended, server, temporary } = await startRead();
    child.kill(signal);
    const end = await ended;
    expect({ signal: end.signal, stderr: end.stderr }).toEqual({ signal, stderr: '' });
    expectWholeLines(end);
    expect(end.stdout).not.toContain('"type":"ERROR"');
    await waitForEnd(server);
    expect(readdirSync(temporary)).toEqual([]);
  },
);

it('a read removes the folder that a killed read left behind', async () => {
  const { child, ended, server, temporary } = await startRead();
  child.kill('SIGKILL');
  await ended;
  await waitForEnd(server);
  const left = readdirSync(temporary);
  expect(left).toEqual([expect.stringMatching(new RegExp(`^rollcall-read-${hostname()}-${child.pid}-`))]);

  // The folder of a running process stays.
  const own = `rollcall-read-${hostname()}-${process.pid}-own`;
  mkdirSync(join(temporary, own));
  const next = await startRead(temporary);
  expect(readdirSync(temporary)).not.toContain(left[0]);
  expect(readdirSync(temporary)).toContain(own);
  next.child.kill('SIGTERM');
  await next.ended;
  expect(readdirSync(temporary)).toEqual([own]);
});

it('a read whose output is closed exits with 141 without a message, and leaves nothing behind', async () => {
  const { child, ended, server, temporary } = await startRead();
  child.stdout?.destroy();
  const { code, signal, stderr } = await ended;
  expect({ code, signal, stderr }).toEqual({ code: 141, signal: null, stderr: '' });
  await waitForEnd(server);
  expect(readdirSync(temporary)).toEqual([]);
});

it('a read whose output nobody reads ends by a signal, and leaves nothing behind', async () => {
  const { child, ended, server, temporary } = await startRead();
  const { stdout } = child;
  stdout?.pause();
  await until(() => stdout && stdout.readableLength >= stdout.readableHighWaterMark, 'a full buffer');
  const startedAt = performance.now();
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  stdout?.resume();
  expect((await ended).signal).toBe('SIGTERM');
  await waitForEnd(server);
  expect(readdirSync(temporary)).toEqual([]);
});
