import { join } from 'node:path';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { type MetricDeclaration, metrics } from '../../src/metrics/metrics';
import { connect } from '../../src/temporal/connection';
import { createNamespace, type TestNamespace } from '../support/servers';
import { locateTemporal } from '../../src/temporal/embedded-server/binary';
import { startEmbeddedServer } from '../../src/temporal/embedded-server/embedded-server';
import { createSchedule, deleteSchedule, pauseSchedule, resumeSchedule } from '../../src/temporal/schedules';
import { type ProgramOptions, run, scratchFolder } from '../support/program';
import { projectFor } from '../support/compare-copy';
import { metricOf } from '../support/exposition';
import { startWorkerInSight, until, type WorkerInSight } from '../support/monitored-worker';

jest.setTimeout(180_000);

const folder = scratchFolder();
const declared: MetricDeclaration[] = Object.values(metrics);
let tenant: Emulator;
let server: TestNamespace;
let options: ProgramOptions;
/** Ended after the tests, whatever becomes of those. */
const workers: WorkerInSight[] = [];

beforeAll(async () => {
  server = await createNamespace();
  tenant = await startEmulator({ scenario: 'small', rateLimits: { global: { size: 20, perSecond: 20 } } });
  projectFor(folder, tenant);
  options = { cwd: folder, env: { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2' } };
});
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await tenant.close();
});

async function startWorker(): Promise<WorkerInSight> {
  const worker = await startWorkerInSight(options);
  workers.push(worker);
  await worker.says('Metrics at');
  return worker;
}

async function sync(...args: string[]): Promise<number | null> {
  return (await run('rollcall', ['sync', 'acme', ...args], options)).code;
}

it('tells what a sync did, by names and labels that are declared', async () => {
  const worker = await startWorker();
  tenant.setFaults([{ match: '/users', kind: '429', nth: 2 }]);
  expect(await sync()).toBe(0);
  const seen = await worker.scrape();
  const of = (name: keyof typeof metrics, labels: Record<string, string> = {}): number | undefined =>
    seen.valueOf(metrics[name].name, { connection: 'acme', ...labels });

  const { requests, tokenRequests, rateLimited } = tenant.readStatistics();
  expect(of('requests')).toBe(requests + tokenRequests);
  expect(of('requests', { route: 'oauth/token', status: '2xx' })).toBe(1);
  expect(of('requests', { status: '429' })).toBe(rateLimited);
  expect(of('rateLimited')).toBe(rateLimited);
  expect(rateLimited).toBeGreaterThan(0);
  for (const [stream, truth] of Object.entries(tenant.readTruth())) {
    expect({ stream, rows: of('rows', { stream }) }).toEqual({ stream, rows: truth.size });
    expect({ stream, delivered: of('delivered', { stream }) }).toEqual({ stream, delivered: truth.size });
  }
  expect(of('pages', { stream: 'users' })).toBeGreaterThan(3);
  expect(of('runs', { end: 'complete' })).toBe(1);
  expect(of('runs', { end: 'failed' })).toBe(0);
  expect(of('bucketSize', { bucket: 'tenant' })).toBe(20);
  expect(of('tokens', { bucket: 'tenant' })).toBeLessThanOrEqual(20);
  expect(Math.abs(of('cursor', { stream: 'users' })! - Date.now() / 1_000)).toBeLessThan(600);
  expect(seen.valueOf('rollcall_ready')).toBe(1);
  expect(seen.valueOf('rollcall_resident_memory_bytes')).toBeGreaterThan(50e6);
  expect(seen.valueOf('rollcall_slice_seconds_bucket', { le: '20' })).toBeGreaterThan(0);
  expect(seen.valueOf('temporal_workflow_completed_total')).toBeGreaterThan(3);

  const ours = seen.samples.filter(({ name }) => name.startsWith('rollcall_'));
  for (const sample of ours) {
    const { name = '', labels, kind, help } = declared.find((each) => each.name === metricOf(sample, seen)) ?? {};
    expect(seen.kinds.get(name)).toBe(kind);
    expect(seen.helps.get(name)).toBe(help);
    const own = Object.keys(sample.labels).filter(
      (key) => !['le', 'namespace', 'taskQueue', 'workflowType'].includes(key),
    );
    expect({ name, labels: own.sort() }).toEqual({ name, labels: [...(labels ?? [])].sort() });
  }
});

it('knows after its start when the last complete sync was, and counts runs that end otherwise', async () => {
  for (const { child, ended } of workers.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  // The token that the new one gets lacks a scope.
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => scope !== 'read:clients') });
  const worker = await startWorker();
  const lastComplete = async (): Promise<number> =>
    (await worker.scrape()).valueOf(metrics.lastComplete.name, { connection: 'acme' }) ?? 0;
  await until(async () => (await lastComplete()) > 0);
  const before = await lastComplete();
  expect(Math.abs(before - Date.now() / 1_000)).toBeLessThan(600);

  expect(await sync('--full')).toBe(3);
  tenant.updateSettings({ scopes: readerScopes });
  const ends = async (end: string): Promise<number | undefined> =>
    (await worker.scrape()).valueOf(metrics.runs.name, { end });
  expect(await ends('partial')).toBe(1);
  expect(await lastComplete()).toBe(before);

  tenant.updateSettings({ latencyMs: 500 });
  expect(await sync('--full', '--detach')).toBe(0);
  await until(async () => (await run('rollcall', ['cancel', 'acme'], options)).code === 0);
  // Twice where the step that ends it comes together with the end of a child, and has to be repeated.
  await until(async () => ((await ends('cancelled')) ?? 0) >= 1);
  tenant.updateSettings({ latencyMs: 0 });
});

it('tells of a schedule that is paused', async () => {
  const temporal = await connect(server);
  const { client } = temporal;
  await createSchedule(client, { connection: 'acme', taskQueue: 'rollcall', settings: { every: 86_400_000 } });
  await pauseSchedule(client, 'acme', 'for a while');
  const worker = await startWorker();
  const paused = async (): Promise<number | undefined> =>
    (await worker.scrape()).valueOf(metrics.schedulePaused.name, { connection: 'acme' });
  await until(async () => (await paused()) === 1);
  await resumeSchedule(client, 'acme');
  await until(async () => (await paused()) === 0);
  await deleteSchedule(client, 'acme');
  await temporal.close();
});

it('is not ready from the moment on that it is told to stop, and alive until it has', async () => {
  const worker = workers.at(-1)!;
  expect(await worker.ask('/readyz')).toEqual({ status: 200, text: 'ready\n' });
  for (const { child } of workers.slice(0, -1)) child.kill('SIGKILL');
  tenant.updateSettings({ latencyMs: 2_500 });
  tenant.resetStatistics();
  expect(await sync('--full', '--detach')).toBe(0);
  await until(async () => tenant.readStatistics().requests > 0);
  worker.child.kill('SIGTERM');
  await until(async () => (await worker.ask('/readyz')).status === 503);
  expect((await worker.ask('/readyz')).text).toMatch(/^not ready: the worker is shutting down \(\w+\)\n$/);
  expect(await worker.ask('/healthz')).toEqual({ status: 200, text: 'alive\n' });
  expect((await worker.ask('/elsewhere')).status).toBe(404);
  expect((await worker.ended).code).toBe(0);
  tenant.updateSettings({ latencyMs: 0 });
});

it('is not ready while its server is away, which it says, and lives on', async () => {
  const own = await startEmbeddedServer({
    binary: locateTemporal(process.env),
    logFile: join(folder, 'temporal.log'),
  });
  const worker = await startWorkerInSight({ cwd: folder, env: { TEMPORAL_ADDRESS: own.address } });
  workers.push(worker);
  await until(async () => (await worker.ask('/readyz')).status === 200);
  expect((await worker.scrape()).valueOf('rollcall_ready')).toBe(1);
  await own.stop();
  await until(async () => (await worker.ask('/readyz')).status === 503);
  expect((await worker.ask('/readyz')).text).toContain(`the Temporal server at ${own.address} gives no answer`);
  expect((await worker.ask('/healthz')).status).toBe(200);
  expect((await worker.scrape()).valueOf('rollcall_ready')).toBe(0);
});

it('says how it is while it looks for its server, and ends when there is none', async () => {
  const worker = await startWorkerInSight({ cwd: folder, env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } });
  workers.push(worker);
  expect(await worker.ask('/readyz')).toEqual({
    status: 503,
    text: 'not ready: the worker is not connected to Temporal yet\n',
  });
  expect((await worker.ended).code).toBe(5);
});

it.each([
  ['127.0.0.1', /--listen .*must be host:port, such as 127\.0\.0\.1:9464/],
  ['127.0.0.1:99999', /must end in a port/],
])('--listen %s is refused in words', async (address, message) => {
  const { code, stderr } = await run('rollcall', ['worker', '--listen', address], options);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
});

it('an address that something else listens on is refused in words', async () => {
  const { code, stderr } = await run('rollcall', ['worker', '--listen', tenant.domain], options);
  expect(code).toBe(2);
  expect(stderr).toContain(`cannot listen on ${tenant.domain}: the address is in use`);
});
