import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { metrics } from '../../src/metrics/metrics';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { runCli, startCli } from '../support/cli';
import { projectFor } from '../support/compare-copy';
import { startMonitoredProcess } from '../support/monitored-worker';
import { createNamespace } from '../support/servers';
import { until } from '../support/wait';
import { scratchFolder } from '../support/scratch';

const cwd = scratchFolder();
let tenant: Emulator;
let env: Record<string, string>;
/** A worker whose Temporal server does not exist. */
let unconnected: ReturnType<typeof startMonitoredProcess>;
/** Runs after the tests, in the reverse order. */
const cleanup: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small' });
  cleanup.push(() => tenant.close());
  projectFor(cwd, tenant);
  env = { ...(await createNamespace()).env, ROLLCALL_HEARTBEAT_SECONDS: '2' };
  // It gives up after 10 s, while the other tests run.
  unconnected = startWorkerProcess({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
});
afterAll(async () => {
  for (const work of cleanup.reverse()) await work();
});

async function startWorkerProcess(server = env): ReturnType<typeof startMonitoredProcess> {
  const worker = await startMonitoredProcess({ cwd, env: server });
  cleanup.push(() => {
    worker.child.kill('SIGKILL');
    return worker.ended;
  });
  return worker;
}

it('a worker process is not ready before it is connected to Temporal', async () => {
  const worker = await unconnected;
  expect(await worker.ask('/readyz')).toEqual({
    status: 503,
    text: 'not ready: the worker is not connected to Temporal yet\n',
  });
});

it('a new worker process knows the last complete sync, and is alive but not ready while it stops', async () => {
  const earlier = startCli(['worker'], { cwd, env });
  await earlier.waitForOutput('Polling task queue');
  expect((await runCli(['sync', 'acme'], { cwd, env, intervals: { progressMs: 100 } })).code).toBe(0);
  earlier.interrupt();
  await earlier.ended;

  const worker = await startWorkerProcess();
  const lastComplete = await until(async () =>
    (await worker.scrape()).valueOf(metrics.lastComplete.name, { connection: 'acme' }),
  );
  expect(Math.abs(lastComplete - Date.now() / 1_000)).toBeLessThan(600);
  expect(await worker.ask('/readyz')).toEqual({ status: 200, text: 'ready\n' });

  tenant.updateSettings({ latencyMs: 2_500 });
  tenant.resetStatistics();
  const requested = new Promise<void>((resolve) => tenant.onRequest(1, () => resolve()));
  expect((await runCli(['sync', 'acme', '--full', '--detach'], { cwd, env })).code).toBe(0);
  await requested;
  worker.child.kill('SIGTERM');
  const { text } = await until(async () => {
    const answer = await worker.ask('/readyz');
    return answer.status === 503 && answer;
  });
  expect(text).toMatch(/^not ready: the worker is shutting down \(\w+\)\n$/);
  expect(await worker.ask('/healthz')).toEqual({ status: 200, text: 'alive\n' });
  expect(await worker.ended).toMatchObject({ code: 0, signal: null });
});

it('a worker process whose Temporal server disappears is alive but not ready', async () => {
  const logFile = join(cwd, 'temporal.log');
  const server = await startEmbeddedServer({ binary: locateTemporal(process.env), logFile });
  const worker = await startWorkerProcess({ TEMPORAL_ADDRESS: server.address });
  await until(async () => (await worker.ask('/readyz')).status === 200);
  expect((await worker.scrape()).valueOf(metrics.ready.name)).toBe(1);
  await server.stop();
  const { text } = await until(async () => {
    const answer = await worker.ask('/readyz');
    return answer.status === 503 && answer;
  });
  expect(text).toContain(`the Temporal server at ${server.address} does not respond`);
  expect((await worker.ask('/healthz')).status).toBe(200);
  expect((await worker.scrape()).valueOf(metrics.ready.name)).toBe(0);
});

it('a worker process that cannot reach its Temporal server exits with 5', async () => {
  const worker = await unconnected;
  expect((await worker.ended).code).toBe(5);
});
