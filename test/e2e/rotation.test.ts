import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { readFilesDestination } from '../support/files-reader';
import { createNamespace, type TestNamespace } from '../support/servers';
import { type Ended, run, type Running, scratchFolder, start } from '../support/program';
import { compare, exact, projectFor } from '../support/compare-copy';

jest.setTimeout(120_000);

const folder = scratchFolder();
const project = join(folder, 'rollcall.yaml');
const secretFile = join(folder, 'secret');
let tenant: Emulator;
let server: TestNamespace;
let worker: Running;
let env: Record<string, string>;

beforeAll(async () => {
  server = await createNamespace();
  tenant = await startEmulator({
    scenario: {
      users: { count: 6_000 },
      organizations: { count: 100, members: 5 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
    latencyMs: 20,
    rateLimits: { global: { size: 20, perSecond: 25 } },
  });
  writeFileSync(secretFile, tenant.clientSecret);
  projectFor(folder, { ...tenant, clientSecret: 'file:secret' });
  env = { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2', ROLLCALL_FETCH_PAGES: '5' };
  worker = start('rollcall', ['worker'], { cwd: folder, env });
  await worker.says('Polling task queue');
});
afterAll(async () => {
  worker.child.kill('SIGKILL');
  await worker.ended;
  await tenant.close();
});

/** Starts a full copy and does something when it is in the middle of its users. */
async function copyWhile(act: () => Promise<void>): Promise<Ended> {
  tenant.resetStatistics();
  const syncing = start('rollcall', ['sync', 'acme', '--full'], { cwd: folder, env });
  while (tenant.readStatistics().requests < 40 && syncing.child.exitCode === null) await sleep(10);
  await act();
  return syncing.ended;
}

/** From now on only the new secret signs in, and no token of before is taken. */
function rotate(clientSecret: string, signingKey: number): void {
  tenant.updateSettings({ clientSecret, signingKey });
}

async function expectWhole({ code, stderr }: Ended): Promise<void> {
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  const users: JsonObject[] = [];
  for await (const { stream, data } of readFilesDestination(join(folder, 'data'))) {
    if (stream === 'users') users.push(data);
  }
  expect(compare('users', users, tenant.readTruth().users)).toEqual(exact);
  expect(worker.child.exitCode).toBeNull();
}

it('a secret that is rotated in its file is used in the middle of a run, and an emptied file waits for its content', async () => {
  const before = tenant.readStatistics().tokenRequests;
  const ended = await copyWhile(async () => {
    writeFileSync(secretFile, '');
    // The token that is held goes on being used.
    await worker.says(/refers to, is empty\. .*Until then what was there before is used\./);
    writeFileSync(secretFile, 'rotated-once');
    rotate('rotated-once', 2);
  });
  await expectWhole(ended);
  expect(tenant.readStatistics().tokenRequests).toBeGreaterThan(before);
});

it('so is a client that is changed in rollcall.yaml, and a broken file waits for its mending', async () => {
  const written = readFileSync(project, 'utf8');
  const ended = await copyWhile(async () => {
    writeFileSync(project, written.slice(0, written.indexOf('credentials')));
    await worker.says(/destination is missing.*Until then what was there before is used\./);
    writeFileSync(project, written.replace('file:secret', 'rotated-twice'));
    rotate('rotated-twice', 3);
  });
  await expectWhole(ended);
});

it('a secret that nobody has changed is refused, and said to be', async () => {
  const { code, stderr } = await copyWhile(async () => rotate('rotated-elsewhere', 4));
  // Streams that were read by then are complete.
  expect([3, 4]).toContain(code);
  expect(stderr).toContain('refused the client id or the client secret');
  rotate('rotated-twice', 4);
  expect(await run('rollcall', ['sync', 'acme', '--stream', 'clients'], { cwd: folder, env })).toMatchObject({
    code: 0,
  });
});
