import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from '../../src/temporal/embedded-server/embedded-server';
import { readScheduleStatus, type ScheduleStatus } from '../../src/temporal/run-status';
import { installRuntime } from '../../src/temporal/runtime';
import { run, type Running, start } from '../support/program';
import { projectFor } from '../support/compare-copy';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(180_000);

const folder = scratchFolder();
let tenant: Emulator;
let kept: EmbeddedServerOptions;
let server: EmbeddedServer;
let worker: Running;
let env: Record<string, string>;
let temporal: TemporalConnection;

beforeAll(async () => {
  kept = {
    binary: locateTemporal(process.env),
    logFile: join(folder, 'temporal.log'),
    databaseFile: join(folder, 'temporal.db'),
  };
  server = await startEmbeddedServer(kept);
  tenant = await startEmulator({
    scenario: { users: { count: 3 }, organizations: { count: 2 }, clients: { count: 3 }, roles: { count: 2 } },
  });
  projectFor(folder, tenant);
  installRuntime({ log: () => undefined });
  temporal = await connect(server);
  env = { TEMPORAL_ADDRESS: server.address, ROLLCALL_HEARTBEAT_SECONDS: '2' };
  worker = start('rollcall', ['worker'], { cwd: folder, env });
  await worker.says('Polling task queue');
});
afterAll(async () => {
  worker.child.kill('SIGKILL');
  await worker.ended;
  await temporal.close();
  await tenant.close();
  await server.stop();
});

async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('rollcall', args, { cwd: folder, env });
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr });
  return stdout + stderr;
}

/** How the schedule stands as soon as that is as the test wants it. */
async function once(wanted: (standing: ScheduleStatus) => boolean): Promise<ScheduleStatus> {
  let standing: ScheduleStatus | undefined;
  for (let tries = 0; tries < 300; tries += 1) {
    standing = await readScheduleStatus(temporal.client, 'acme', 5);
    if (standing && wanted(standing)) return standing;
    await sleep(100);
  }
  throw new Error(JSON.stringify(standing));
}

const complete = ({ recentRuns }: ScheduleStatus): number =>
  recentRuns.filter(({ outcome }) => outcome === 'complete').length;

it('runs that were due while the server was away for longer than they may be late are missed, and status says so', async () => {
  await said('schedule', 'create', 'acme', '--every', '2s', '--jitter', '0s', '--catch-up', '10s');
  await once((standing) => complete(standing) > 0);
  const { port } = new URL(`http://${server.address}`);
  const away = Date.now();
  await server.stop();
  await sleep(20_000);
  server = await startEmbeddedServer({ ...kept, port: Number(port) });
  const back = Date.now();
  const late = await once(({ missedRuns }) => missedRuns > 0);
  // What was due in the last ten seconds of it is begun, and then what is due from now on.
  expect(late.missedRuns).toBeLessThan((back - away - 8_000) / 2_000);
  await once(({ recentRuns }) =>
    recentRuns.some(({ dueAt, outcome }) => outcome === 'complete' && Date.parse(dueAt) > back),
  );
  await said('schedule', 'pause', 'acme');
  expect(await said('status', 'acme')).toMatch(
    /\n {4}\d+ skipped while the one before ran, [1-9]\d* missed by more than 10s\n/,
  );
  await said('schedule', 'delete', 'acme');
});

it('a run that is due while the one before is under way begins when that has ended, where it is to wait', async () => {
  tenant.updateSettings({ latencyMs: 12_000 });
  await said('schedule', 'create', 'acme', '--every', '4s', '--jitter', '0s', '--overlap', 'buffer_one');
  const [first] = (await once(({ recentRuns }) => recentRuns[0]?.outcome === 'running')).recentRuns;
  await sleep(6_000);
  const ending = Date.now();
  tenant.updateSettings({ latencyMs: 0 });
  await said('cancel', 'acme');
  const { recentRuns } = await once((standing) => complete(standing) > 0);
  await said('schedule', 'delete', 'acme');
  const next = recentRuns.findLast(({ dueAt }) => dueAt !== first?.dueAt);
  expect(recentRuns.find(({ dueAt }) => dueAt === first?.dueAt)).toMatchObject({ outcome: 'cancelled' });
  expect(next).toMatchObject({ outcome: 'complete' });
  // Otherwise it would be due after the first had ended.
  expect(Date.parse(next!.dueAt)).toBeLessThan(ending);
});
