import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { createSyncInput, readLimits } from '../../src/app/sync-input';
import { connect } from '../../src/temporal/connection';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { startSync } from '../../src/temporal/sync-run';
import { run, start } from '../support/program';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(120_000);

const folder = scratchFolder();
const slow = Array.from({ length: 20 }, (_, nth) => `slow-${nth}`);
/** Ended in the reverse order, whatever becomes of the test. */
const endings: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const end of endings.reverse()) await end();
});

async function emulate(perSecond: number): Promise<Emulator> {
  const emulator = await startEmulator({ scenario: 'small', rateLimits: { global: { size: 20, perSecond } } });
  endings.push(() => emulator.close());
  return emulator;
}

function connectionTo({ url, clientId, clientSecret }: Emulator, name: string): object {
  const credentials = { client_id: clientId, client_secret: clientSecret };
  return { base_url: url, credentials, destination: { files: `./data/${name}` } };
}

it('twenty connections that wait for their limits do not keep a worker from another tenant', async () => {
  const [fastTenant, slowTenant] = [await emulate(1_000), await emulate(0.2)];
  const connections = Object.fromEntries([
    ['fast', connectionTo(fastTenant, 'fast')],
    ...slow.map((name) => [name, connectionTo(slowTenant, name)]),
  ]);
  writeFileSync(join(folder, 'rollcall.yaml'), JSON.stringify({ connections }));
  const server = await startEmbeddedServer({
    binary: locateTemporal(process.env),
    logFile: join(folder, 'server.log'),
  });
  endings.push(() => server.stop());
  const env = { TEMPORAL_ADDRESS: server.address };
  const worker = start('rollcall', ['worker'], { cwd: folder, env });
  endings.push(() => {
    worker.child.kill('SIGKILL');
    return worker.ended;
  });
  await worker.says('Polling task queue');

  async function syncFast(): Promise<number> {
    const begun = performance.now();
    const { code, stderr } = await run('rollcall', ['sync', 'fast', '--full'], { cwd: folder, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr });
    return performance.now() - begun;
  }
  const alone = await syncFast();

  const connection = await connect({ address: server.address, namespace: 'default' });
  endings.push(() => connection.close());
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
  while (slowTenant.readStatistics().requests < 20) await sleep(50);
  await sleep(1_000);

  expect((await syncFast()) / alone).toBeLessThan(4);
});
