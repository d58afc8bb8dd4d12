import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  type EmbeddedServerOptions,
  findFreePort,
  isPortListening,
  startEmbeddedServer,
} from '../../../src/temporal/embedded-server/embedded-server';
import { acquireDatabaseLease, markProcess } from '../../../src/temporal/embedded-server/file-lease';
import { compilePrograms } from '../../support/compiled';
import { readLeader, temporalBinary } from '../../support/embedded-servers';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();
const run = compilePrograms(scratch);
let count = 0;

function inMemory(): EmbeddedServerOptions {
  count += 1;
  return { binary: temporalBinary, logFile: join(scratch, `server-${count}`, 'log') };
}

function onFile(): EmbeddedServerOptions & { databaseFile: string } {
  const options = inMemory();
  return { ...options, databaseFile: join(dirname(options.logFile), 'db') };
}

const portOf = (address: string): number => Number(address.trim().split(':')[1]);
const untilGone = (port: number): Promise<unknown> => until(async () => !(await isPortListening(port)));

const owners: ChildProcessByStdio<null, Readable, Readable>[] = [];
afterEach(() => owners.splice(0).forEach((owner) => owner.kill('SIGKILL')));

function spawnOwner(server: EmbeddedServerOptions, then = 'stay'): ChildProcessByStdio<null, Readable, Readable> {
  const [args, env] = run('owner', JSON.stringify(server), then);
  const owner = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  owners.push(owner);
  return owner;
}

async function firstLine(stream: Readable): Promise<string> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  return chunk.toString();
}

describe('an embedded server', () => {
  it('accepts connections after the start, and none after the stop', async () => {
    const server = await startEmbeddedServer(inMemory());
    expect(await isPortListening(portOf(server.address))).toBe(true);
    expect(server.uiUrl).toBeUndefined();
    await server.stop();
    expect(await isPortListening(portOf(server.address))).toBe(false);
    expect(await server.exited).toBeUndefined();
  });

  it('serves the web UI on another port when the requested one is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = (other.address() as AddressInfo).port;
    const server = await startEmbeddedServer({ ...inMemory(), uiPort: taken });
    expect(portOf(server.uiUrl?.replace('http://', '') ?? '')).not.toBe(taken);
    await until(async () => (await fetch(server.uiUrl ?? '').catch(() => undefined))?.ok);
    await server.stop();
    other.close();
  });

  it('leaves the UI port to another server that has claimed it', async () => {
    const wanted = await findFreePort();
    const claim = acquireDatabaseLease(join(tmpdir(), `rollcall-ui-${wanted}`));
    const second = await startEmbeddedServer({ ...inMemory(), uiPort: wanted });
    expect(second.uiUrl).not.toBe(`http://127.0.0.1:${wanted}`);
    claim.release();
    const next = await startEmbeddedServer({ ...inMemory(), uiPort: wanted });
    expect(next.uiUrl).toBe(`http://127.0.0.1:${wanted}`);
    await Promise.all([second.stop(), next.stop()]);
  });

  it('ends when its process is killed by SIGKILL', async () => {
    const server = onFile();
    const owner = spawnOwner(server);
    const port = portOf(await firstLine(owner.stdout));
    const leader = readLeader(server.databaseFile);
    expect(markProcess(leader)).toBeDefined();
    owner.kill('SIGKILL');
    await untilGone(port);
    await until(() => markProcess(leader) === undefined);
  });

  it('does not keep its process alive, and ends with it', async () => {
    const owner = spawnOwner(inMemory(), 'leave');
    const port = portOf(await firstLine(owner.stdout));
    const [code] = (await once(owner, 'exit')) as [number];
    expect(code).toBe(0);
    await untilGone(port);
  });

  it('survives a Ctrl-C that its process handles', async () => {
    const server = onFile();
    const owner = spawnOwner(server);
    const port = portOf(await firstLine(owner.stdout));
    process.kill(-(owner.pid ?? 0), 'SIGINT');
    expect(await firstLine(owner.stdout)).toBe('interrupted\n');
    // A terminal sends the signal to the process group of its command, which the server does not belong to.
    const leader = String(readLeader(server.databaseFile));
    expect(execFileSync('ps', ['-o', 'pgid=', '-p', leader], { encoding: 'utf8' }).trim()).toBe(leader);
    expect(await isPortListening(port)).toBe(true);
  });

  it('reports an unexpected exit', async () => {
    const settings = onFile();
    const server = await startEmbeddedServer(settings);
    process.kill(-readLeader(settings.databaseFile), 'SIGKILL');
    expect(String(await server.exited)).toMatch(
      /EmbeddedServerFailed: the local Temporal server exited unexpectedly with code 137/,
    );
    expect(existsSync(`${settings.databaseFile}.pid`)).toBe(false);
  });
});

describe('a server that cannot start', () => {
  it('quotes its output when it rejects a flag', async () => {
    const settings = inMemory();
    const binary = join(scratch, 'refuses');
    writeFileSync(binary, '#!/bin/sh\necho "unknown flag: $4" >&2\nexit 3\n', { mode: 0o755 });
    const starting = startEmbeddedServer({ ...settings, binary });
    await expect(starting).rejects.toThrow(/exited during startup with code 3\..*\nunknown flag: 127\.0\.0\.1/);
  });

  it('leaves no unusable database when it ends while it creates one', async () => {
    const settings = onFile();
    const binary = join(scratch, 'ends-early');
    const touches = 'while [ $# -gt 0 ]; do if [ "$1" = --db-filename ]; then : > "$2"; fi; shift; done; exit 3';
    writeFileSync(binary, `#!/bin/sh\n${touches}\n`, { mode: 0o755 });
    await expect(startEmbeddedServer({ ...settings, binary })).rejects.toThrow('exited during startup with code 3');
    expect(existsSync(settings.databaseFile)).toBe(true);
    await (await startEmbeddedServer(settings)).stop();
    const kept = statSync(settings.databaseFile).ino;
    await (await startEmbeddedServer(settings)).stop();
    expect(statSync(settings.databaseFile).ino).toBe(kept);
  });

  it('reports a missing binary', async () => {
    const settings = onFile();
    const starting = startEmbeddedServer({ ...settings, binary: join(scratch, 'missing') });
    await expect(starting).rejects.toThrow(/exited during startup with code 127[^]*missing: not found|No such file/);
    expect(existsSync(`${settings.databaseFile}.pid`)).toBe(false);
  });

  it('uses another port when the first one is in use by then', async () => {
    const tries = join(scratch, 'tries');
    const binary = join(scratch, 'races');
    const race = `#!/bin/sh\necho x >>"${tries}"\n[ -s "${tries}.once" ] && exec "${temporalBinary}" "$@"\necho x >"${tries}.once"\n`;
    writeFileSync(binary, `${race}echo "listen tcp: bind: address already in use"\nexit 1\n`, { mode: 0o755 });
    const server = await startEmbeddedServer({ ...inMemory(), binary });
    expect(readFileSync(tries, 'utf8')).toBe('x\nx\n');
    await server.stop();
  });

  it('reports that its fixed port is in use', async () => {
    const other = await startEmbeddedServer(inMemory());
    const port = portOf(other.address);
    await expect(startEmbeddedServer({ ...inMemory(), port })).rejects.toThrow(`port ${port}: it is in use`);
    await other.stop();
    const server = await startEmbeddedServer({ ...inMemory(), port });
    expect(server.address).toBe(`127.0.0.1:${port}`);
    await server.stop();
  });
});

describe('a database file', () => {
  it('rejects a second process, and names the first one and what to do', async () => {
    const settings = onFile();
    const owner = spawnOwner(settings);
    await firstLine(owner.stdout);
    const second = startEmbeddedServer(settings);
    await expect(second).rejects.toMatchObject({ name: 'EmbeddedServerBusy', pid: owner.pid });
    await expect(second).rejects.toThrow(new RegExp(`process ${owner.pid}\\. Wait .* TEMPORAL_ADDRESS`));
  });

  it('is taken over from a killed process', async () => {
    const settings = onFile();
    const owner = spawnOwner(settings);
    await firstLine(owner.stdout);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    const server = await startEmbeddedServer(settings);
    await server.stop();
    expect(existsSync(`${settings.databaseFile}.pid`)).toBe(false);
  });

  it('is taken over when another program has the id of its process', async () => {
    const settings = onFile();
    const server = await startEmbeddedServer(settings);
    await server.stop();
    const stranger = { pid: process.ppid, started: 'at some other time' };
    writeFileSync(`${settings.databaseFile}.pid`, JSON.stringify({ owner: stranger, server: stranger }));
    const next = await startEmbeddedServer(settings);
    await next.stop();
    process.kill(process.ppid, 0);
  });
});
