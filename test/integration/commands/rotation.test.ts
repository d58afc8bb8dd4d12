import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import type { JsonObject } from '../../../src/json';
import { type CliResult, type RunningCli, runCli, startCli } from '../../support/cli';
import { compare, exact, projectFor } from '../../support/compare-copy';
import { readFilesDestination } from '../../support/files-reader';
import { createNamespace } from '../../support/servers';
import { scratchFolder } from '../../support/scratch';

const cwd = scratchFolder();
const project = join(cwd, 'rollcall.yaml');
const secretFile = join(cwd, 'secret');
let tenant: Emulator;
let worker: RunningCli;
let workerEnded = false;
let env: Record<string, string>;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 4_000 },
      organizations: { count: 40, members: 5 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
    latencyMs: 20,
    rateLimits: { global: { size: 20, perSecond: 25 } },
  });
  writeFileSync(secretFile, tenant.clientSecret);
  projectFor(cwd, { ...tenant, clientSecret: 'file:secret' });
  env = { ...(await createNamespace()).env, ROLLCALL_HEARTBEAT_SECONDS: '2', ROLLCALL_FETCH_PAGES: '2' };
  worker = startCli(['worker'], { cwd, env });
  void worker.ended.then(() => (workerEnded = true));
  await worker.waitForOutput('Polling task queue');
});
afterAll(async () => {
  worker.interrupt();
  await worker.ended;
  await tenant.close();
});

/** Starts a full refresh, and runs `change` when a third of it is read. */
async function changeDuringSync(change: () => void | Promise<void>): Promise<CliResult> {
  tenant.resetStatistics();
  const inProgress = new Promise<void>((resolve) => tenant.onRequest(30, () => resolve()));
  const sync = startCli(['sync', 'acme', '--full'], { cwd, env, intervals: { progressMs: 100 } });
  await Promise.race([inProgress, sync.ended]);
  await change();
  return sync.ended;
}

/** From now on, the tenant accepts only the new secret, and no earlier token. */
function rotate(clientSecret: string, signingKey: number): void {
  tenant.updateSettings({ clientSecret, signingKey });
}

async function expectCompleteCopy({ code, stderr }: CliResult): Promise<void> {
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  const users: JsonObject[] = [];
  for await (const { stream, data } of readFilesDestination(join(cwd, 'data'))) {
    if (stream === 'users') users.push(data);
  }
  expect(compare('users', users, tenant.readTruth().users)).toEqual(exact);
  expect(workerEnded).toBe(false);
}

it('uses a secret that changes in its file during a sync, and waits while the file is empty', async () => {
  const before = tenant.readStatistics().tokenRequests;
  const ended = await changeDuringSync(async () => {
    writeFileSync(secretFile, '');
    // The current token remains in use.
    await worker.waitForOutput(/referenced by .*, is empty\. .*Using the last valid version until then\./);
    writeFileSync(secretFile, 'rotated-once');
    rotate('rotated-once', 2);
  });
  await expectCompleteCopy(ended);
  expect(tenant.readStatistics().tokenRequests).toBeGreaterThan(before);
});

it('uses a client that changes in rollcall.yaml during a sync, and waits while the file is invalid', async () => {
  writeFileSync(secretFile, 'the-secret-before');
  rotate('the-secret-before', 3);
  const written = readFileSync(project, 'utf8');
  const ended = await changeDuringSync(async () => {
    writeFileSync(project, written.slice(0, written.indexOf('credentials')));
    await worker.waitForOutput(/destination is missing.*Using the last valid version until then\./);
    writeFileSync(project, written.replace('file:secret', 'rotated-in-project'));
    rotate('rotated-in-project', 4);
  });
  await expectCompleteCopy(ended);
});

it('fails a sync when the tenant rejects a secret that is still the current one, and works again once it is correct', async () => {
  projectFor(cwd, { ...tenant, clientSecret: 'current' });
  rotate('current', 5);
  const { code, stderr } = await changeDuringSync(() => rotate('rotated-elsewhere', 6));
  // Streams that were read before are complete.
  expect([3, 4]).toContain(code);
  expect(stderr).toContain('Auth0 rejected the client ID or the client secret');
  rotate('current', 7);
  expect(await runCli(['sync', 'acme', '--stream', 'clients'], { cwd, env })).toMatchObject({ code: 0 });
});
