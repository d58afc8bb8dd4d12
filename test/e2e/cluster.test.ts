import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator, type TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { readFilesDestination } from '../support/files-reader';
import { streams } from '../../src/streams/registry';
import { createNamespace, type TestNamespace } from '../support/servers';
import { run, type Running, scratchFolder, start } from '../support/program';
import { compare, exact, projectFor } from '../support/compare-copy';

jest.setTimeout(60_000);

const folder = scratchFolder();
let tenant: Emulator;
let server: TestNamespace;
let env: Record<string, string>;
/** Ended after the tests, whatever becomes of those. */
const programs: Running[] = [];

beforeAll(async () => {
  server = await createNamespace();
  tenant = await startEmulator({
    scenario: {
      users: { count: 1_500, ties: [{ size: 50 }] },
      organizations: { count: 60, members: 8 },
      clients: { count: 120 },
      roles: { count: 5 },
    },
    latencyMs: 40,
  });
  projectFor(folder, tenant);
  env = { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2', ROLLCALL_FETCH_SECONDS: '0.5' };
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await tenant.close();
});

async function startWorker(): Promise<Running> {
  const worker = start('rollcall', ['worker'], { cwd: folder, env });
  programs.push(worker);
  await worker.says(`Polling task queue rollcall at ${server.address} for acme. Press Ctrl-C to stop.`);
  return worker;
}

it('a sync for which no worker listens says so, waits, and can be left', async () => {
  const waiting = start('rollcall', ['sync', 'acme'], { cwd: folder, env });
  programs.push(waiting);
  const begun = performance.now();
  await waiting.says('No worker listens on task queue rollcall');
  expect(performance.now() - begun).toBeLessThan(30_000);
  await sleep(500);
  waiting.child.kill('SIGINT');
  const { code, stderr, stdout } = await waiting.ended;
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  expect(stderr).toContain('The sync continues. Run the same command again to follow it.');
});

it('goes on with another worker when one is killed in mid-work, and every copy is exact', async () => {
  // The run of the test before waits for its worker.
  const [first, second] = await Promise.all([startWorker(), startWorker()]);
  const detached = await run('rollcall', ['sync', 'acme', '--detach'], { cwd: folder, env });
  expect({ code: detached.code, stdout: detached.stdout }).toEqual({ code: 0, stdout: '' });
  expect(detached.stderr).toBe('sync/acme was under way already and goes on.\n');

  const following = start('rollcall', ['sync', 'acme'], { cwd: folder, env });
  programs.push(following);
  while (tenant.readStatistics().requests < 30) await sleep(10);
  first.child.kill('SIGKILL');
  const { code, stdout, stderr } = await following.ended;
  expect(stderr).toContain('sync/acme was under way already and goes on.');
  expect(stderr).not.toContain('No worker listens');
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  expect(stdout).toMatch(/│ users +│ complete +│ +1500 │/);

  const records = new Map<string, JsonObject[]>();
  for await (const { stream, data } of readFilesDestination(join(folder, 'data'))) {
    records.set(stream, [...(records.get(stream) ?? []), data]);
  }
  const truth = tenant.readTruth();
  for (const { name } of streams) {
    const comparison = compare(name as TruthStream, records.get(name) ?? [], truth[name as TruthStream]);
    expect({ name, ...comparison }).toEqual({ name, ...exact });
  }

  second.child.kill('SIGTERM');
  const ended = await second.ended;
  expect({ code: ended.code, signal: ended.signal, stdout: ended.stdout }).toEqual({
    code: 0,
    signal: null,
    stdout: '',
  });
  expect(ended.stderr).not.toMatch(/^ +at /m);
});

it('a sync that was spelled out and killed goes on when the same command is given again, and no other takes it', async () => {
  const { url, clientId, clientSecret } = tenant;
  const spelled = ['sync', '--base-url', url, '--client-id', clientId, '--client-secret', clientSecret];
  const before = tenant.readStatistics().requests;
  const first = start('rollcall', [...spelled, '--files', './spelled'], { cwd: folder, env });
  programs.push(first);
  while (tenant.readStatistics().requests < before + 20) await sleep(10);
  first.child.kill('SIGKILL');
  await first.ended;

  const elsewhere = await run('rollcall', [...spelled, '--files', './other', '--stream', 'clients'], {
    cwd: folder,
    env,
  });
  expect(elsewhere.stderr).toContain('has started.');
  expect(elsewhere.code).toBe(0);
  const second = await run('rollcall', [...spelled, '--files', './spelled'], { cwd: folder, env });
  expect(second.stderr).toContain('was under way already and goes on.');
  expect(second.code).toBe(0);
  const users: JsonObject[] = [];
  for await (const { stream, data } of readFilesDestination(join(folder, 'spelled'))) {
    if (stream === 'users') users.push(data);
  }
  expect(compare('users', users, tenant.readTruth().users)).toEqual(exact);
});
