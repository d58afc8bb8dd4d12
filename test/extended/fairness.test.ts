import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { createSyncInput, readLimits } from '../../src/app/sync-input';
import { connect } from '../../src/temporal/connection';
import { startSync } from '../../src/temporal/sync-run';
import { run, start } from '../support/program';
import { scratchFolder } from '../support/scratch';
import { createNamespace } from '../support/servers';
import { until } from '../support/wait';

jest.setTimeout(120_000);

const folder = scratchFolder();
const slow = Array.from({ length: 20 }, (_, nth) => `slow-${nth}`);
/** Run after the tests, in reverse order. */
const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function emulate(perSecond: number): Promise<Emulator> {
  const emulator = await startEmulator({ scenario: 'small', rateLimits: { global: { size: 20, perSecond } } });
  closing.push(() => emulator.close());
  return emulator;
}

function connectionTo({ url, clientId, clientSecret }: Emulator, name: string): object {
  const credentials = { client_id: clientId, client_secret: clientSecret };
  return { base_url: url, credentials, destination: { files: `./data/${name}` } };
}

it('a worker serves a tenant while twenty connections wait for their rate limits', async () => {
  const [fastTenant, slowTenant] = [await emulate(1_000), await emulate(0.2)];
  const connections = Object.fromEntries([
    ['fast', connectionTo(fastTenant, 'fast')],
    ...slow.map((name) => [name, connectionTo(slowTenant, name)]),
  ]);
  writeFileSync(join(folder, 'rollcall.yaml'), JSON.stringify({ connections }));
  const namespace = await createNamespace();
  const { env } = namespace;
  const worker = start('rollcall', ['worker'], { cwd: folder, env });
  closing.push(() => {
    worker.child.kill('SIGKILL');
    return worker.ended;
  });
  await worker.says('Polling task queue');

  async function syncFast(): Promise<number> {
    const startedAt = performance.now();
    const { code, stderr } = await run('rollcall', ['sync', 'fast', '--full'], { cwd: folder, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr });
    return performance.now() - startedAt;
  }
  const alone = await syncFast();

  const connection = await connect(namespace);
  closing.push(() => connection.close());
  const taskQueue = 'rollcall';
  const limits = readLimits({ fetchBudget: {}, heartbeatSeconds: 10 });
  const readOptions = { lookbackSeconds: 0, lagSeconds: 0, rolesSource: 'inline' } as const;
  await Promise.all(
    slow.map((name) => {
      const streams = ['clients', 'users', 'organizations', 'organization_members'].map((stream) => ({
        name: stream,
        syncMode: 'full_refresh' as const,
        destinationSyncMode: 'overwrite',
      }));
      const input = createSyncInput({ connection: name, streams, sinkQueue: taskQueue, limits, readOptions });
      return startSync(connection.client, { workflowId: `sync/${name}`, taskQueue, input });
    }),
  );
  // Each connection has used its burst, and waits for the refill.
  await until(() => slowTenant.readStatistics().requests >= 20);

  expect((await syncFast()) / alone).toBeLessThan(4);
});
