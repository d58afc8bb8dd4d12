import { join } from 'node:path';
import { type Emulator, startEmulator, type TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { streams } from '../../src/streams/registry';
import { runCli, startCli } from '../support/cli';
import { compare, exact, projectFor } from '../support/compare-copy';
import { readFilesDestination } from '../support/files-reader';
import { type Running, start } from '../support/program';
import { createNamespace, type TestNamespace } from '../support/servers';
import { scratchFolder } from '../support/scratch';

const cwd = scratchFolder();
const intervals = { progressMs: 100 };
let tenant: Emulator;
let server: TestNamespace;
let env: Record<string, string>;
/** Killed after the tests. */
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
  projectFor(cwd, tenant);
  env = { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2', ROLLCALL_FETCH_SECONDS: '0.5' };
});
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await Promise.all(programs.map(({ ended }) => ended));
  await tenant.close();
});

async function startWorker(): Promise<Running> {
  const worker = start('rollcall', ['worker'], { cwd, env });
  programs.push(worker);
  await worker.says(`Polling task queue rollcall at ${server.address} for acme. Press Ctrl-C to stop.`);
  return worker;
}

async function readCopy(folder: string): Promise<Map<string, JsonObject[]>> {
  const records = new Map<string, JsonObject[]>();
  for await (const { stream, data } of readFilesDestination(join(cwd, folder))) {
    records.set(stream, [...(records.get(stream) ?? []), data]);
  }
  return records;
}

it('a sync without a worker reports that it waits, and continues on other workers when one is killed', async () => {
  const waiting = startCli(['sync', 'acme'], { cwd, env, intervals });
  await waiting.waitForOutput('No worker polls task queue rollcall');
  waiting.interrupt();
  const left = await waiting.ended;
  expect(left).toMatchObject({ code: 130, stdout: '' });
  expect(left.stderr).toContain('The sync continues. Run the same command again to follow it.');

  const [first, second] = await Promise.all([startWorker(), startWorker()]);
  expect(await runCli(['sync', 'acme', '--detach'], { cwd, env })).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'sync/acme is already running.\n',
  });
  const following = startCli(['sync', 'acme'], { cwd, env, intervals });
  tenant.onRequest(tenant.readStatistics().requests + 30, () => void first.child.kill('SIGKILL'));
  const { code, stdout, stderr } = await following.ended;
  expect((await first.ended).signal).toBe('SIGKILL');
  expect(stderr).toContain('sync/acme is already running.');
  expect(stderr).not.toContain('No worker polls');
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  expect(stdout).toMatch(/│ users +│ complete +│ +1500 │/);

  const truth = tenant.readTruth();
  const records = await readCopy('data');
  for (const { name } of streams) {
    const comparison = compare(name as TruthStream, records.get(name) ?? [], truth[name as TruthStream]);
    expect({ name, ...comparison }).toEqual({ name, ...exact });
  }

  second.child.kill('SIGTERM');
  const ended = await second.ended;
  expect(ended).toMatchObject({ code: 0, signal: null, stdout: '' });
  expect(ended.stderr).not.toMatch(/^ +at /m);
});

it('a killed sync of a tenant given by options resumes only when a command gives the same options', async () => {
  const { url, clientId, clientSecret } = tenant;
  const options = ['sync', '--base-url', url, '--client-id', clientId, '--client-secret', 'env:SECRET'];
  const ownEnv = { ...env, SECRET: clientSecret };
  const first = start('rollcall', [...options, '--files', './first'], { cwd, env: ownEnv });
  programs.push(first);
  tenant.onRequest(tenant.readStatistics().requests + 20, () => void first.child.kill('SIGKILL'));
  expect((await first.ended).signal).toBe('SIGKILL');

  const other = await runCli([...options, '--files', './other', '--stream', 'clients'], { cwd, env: ownEnv });
  expect(other.stderr).toMatch(/^Started sync\//);
  expect(other.code).toBe(0);
  const second = await runCli([...options, '--files', './first'], { cwd, env: ownEnv, intervals });
  expect(second.stderr).toContain('is already running.');
  expect(second.code).toBe(0);
  const users = (await readCopy('first')).get('users') ?? [];
  expect(compare('users', users, tenant.readTruth().users)).toEqual(exact);
});
