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
import { runCli } from '../support/cli';
import { projectFor } from '../support/compare-copy';
import { type Running, start } from '../support/program';
import { scratchFolder } from '../support/scratch';
import { until } from '../support/wait';

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

afterEach(() => runOk('schedule', 'delete', 'acme'));

async function runOk(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, { cwd: folder, env });
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr });
  return stdout + stderr;
}

/** Waits until the schedule has the status that the test expects. */
async function waitForSchedule(isExpected: (status: ScheduleStatus) => boolean): Promise<ScheduleStatus> {
  let status: ScheduleStatus | undefined;
  const isReached = async (): Promise<boolean> => {
    status = await readScheduleStatus(temporal.client, 'acme', 5);
    return status !== undefined && isExpected(status);
  };
  await until(isReached, isExpected.toString(), 100);
  return status!;
}

const hasCompleteRun = ({ recentRuns }: ScheduleStatus): boolean =>
  recentRuns.some(({ outcome }) => outcome === 'complete');

it('counts runs as missed that were due while the server was away for longer than the catch-up time', async () => {
  await runOk('schedule', 'create', 'acme', '--every', '2s', '--jitter', '0s', '--catch-up', '10s');
  await waitForSchedule(hasCompleteRun);
  const { port } = new URL(`http://${server.address}`);
  const stoppedAt = Date.now();
  await server.stop();
  // Twice the catch-up time, of which 10 s is the shortest that the server takes.
  await sleep(20_000);
  server = await startEmbeddedServer({ ...kept, port: Number(port) });
  const restartedAt = Date.now();
  const late = await waitForSchedule(({ missedRuns }) => missedRuns > 0);
  // The runs of the last ten seconds start late, then those that are due from now on.
  expect(late.missedRuns).toBeLessThan((Date.now() - stoppedAt - 8_000) / 2_000);
  await waitForSchedule(({ recentRuns }) =>
    recentRuns.some(({ dueAt, outcome }) => outcome === 'complete' && Date.parse(dueAt) > restartedAt),
  );
  await runOk('schedule', 'pause', 'acme');
  expect(await runOk('status', 'acme')).toMatch(/\n {4}\d+ skipped .*, [1-9]\d* missed .* 10s/);
});

it('starts a run that was due while the previous one ran, with the overlap policy buffer_one', async () => {
  tenant.updateSettings({ latencyMs: 12_000 });
  await runOk('schedule', 'create', 'acme', '--every', '4s', '--jitter', '0s', '--overlap', 'buffer_one');
  const [first] = (await waitForSchedule(({ recentRuns }) => recentRuns[0]?.outcome === 'running')).recentRuns;
  // The next run is due meanwhile.
  await sleep(6_000);
  const cancelledAt = Date.now();
  tenant.updateSettings({ latencyMs: 0 });
  await runOk('cancel', 'acme');
  const { recentRuns } = await waitForSchedule(hasCompleteRun);
  const next = recentRuns.findLast(({ dueAt }) => dueAt !== first?.dueAt);
  expect(recentRuns.find(({ dueAt }) => dueAt === first?.dueAt)).toMatchObject({ outcome: 'cancelled' });
  expect(next).toMatchObject({ outcome: 'complete' });
  // A run that was not buffered would be due after the end of the first.
  expect(Date.parse(next!.dueAt)).toBeLessThan(cancelledAt);
});
