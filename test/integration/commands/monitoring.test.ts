import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import { type MetricDeclaration, metrics } from '../../../src/metrics/metrics';
import { connect, type TemporalConnection } from '../../../src/temporal/connection';
import { createSchedule, pauseSchedule, resumeSchedule } from '../../../src/temporal/schedules';
import { type CliOptions, runCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { metricOf } from '../../support/exposition';
import { startMonitoredWorker } from '../../support/monitored-worker';
import { createNamespace } from '../../support/servers';
import { until } from '../../support/wait';
import { scratchFolder } from '../../support/scratch';

const declared: MetricDeclaration[] = Object.values(metrics);
const cwd = scratchFolder();
let tenant: Emulator;
let temporal: TemporalConnection;
let options: CliOptions;
let worker: Awaited<ReturnType<typeof startMonitoredWorker>>;

beforeAll(async () => {
  const server = await createNamespace();
  tenant = await startEmulator({ scenario: 'small', rateLimits: { global: { size: 20, perSecond: 20 } } });
  projectFor(cwd, tenant);
  options = {
    cwd,
    env: { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2' },
    intervals: { serverMetricsMs: 50, progressMs: 50 },
  };
  worker = await startMonitoredWorker(options);
  await worker.waitForOutput('Metrics at');
  temporal = await connect(server);
});
afterAll(async () => {
  worker.interrupt();
  await worker.ended;
  await temporal.close();
  await tenant.close();
});

async function sync(...args: string[]): Promise<number> {
  return (await runCli(['sync', 'acme', ...args], options)).code;
}

async function read(name: keyof typeof metrics, labels: Record<string, string> = {}): Promise<number | undefined> {
  return (await worker.scrape()).valueOf(metrics[name].name, labels);
}

it('reports what a sync did, with the declared names, labels and help texts', async () => {
  tenant.setFaults([{ match: '/users', kind: '429', nth: 2 }]);
  expect(await sync()).toBe(0);
  const scraped = await worker.scrape();
  const of = (name: keyof typeof metrics, labels: Record<string, string> = {}): number | undefined =>
    scraped.valueOf(metrics[name].name, { connection: 'acme', ...labels });

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
  expect(scraped.valueOf(metrics.ready.name)).toBe(1);
  expect(scraped.valueOf(metrics.residentMemory.name)).toBeGreaterThan(50e6);
  expect(scraped.valueOf(`${metrics.fetches.name}_bucket`, { le: '20' })).toBeGreaterThan(0);
  expect(scraped.valueOf('temporal_workflow_completed_total')).toBeGreaterThan(3);

  const ours = scraped.samples.filter(({ name }) => name.startsWith('rollcall_'));
  for (const sample of ours) {
    const { name = '', labels, kind, help } = declared.find((each) => each.name === metricOf(sample, scraped)) ?? {};
    expect(scraped.kinds.get(name)).toBe(kind);
    expect(scraped.helps.get(name)).toBe(help);
    const own = Object.keys(sample.labels).filter(
      (key) => !['le', 'namespace', 'taskQueue', 'workflowType'].includes(key),
    );
    expect({ name, labels: own.sort() }).toEqual({ name, labels: [...(labels ?? [])].sort() });
  }
});

it('counts runs that end partial or cancelled, and keeps the time of the last complete sync', async () => {
  const startedAt = Date.now() / 1_000;
  expect(await sync()).toBe(0);
  const lastComplete = await until(async () => {
    const at = await read('lastComplete', { connection: 'acme' });
    return at !== undefined && at >= startedAt && at;
  });
  // The worker's token keeps its scopes; the next one lacks one.
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => scope !== 'read:clients'), signingKey: 2 });
  expect(await sync('--full')).toBe(3);
  tenant.updateSettings({ scopes: readerScopes, signingKey: 3 });
  expect(await read('runs', { end: 'partial' })).toBe(1);
  expect(await read('lastComplete', { connection: 'acme' })).toBe(lastComplete);

  tenant.updateSettings({ latencyMs: 500 });
  expect(await sync('--full', '--detach')).toBe(0);
  expect((await runCli(['cancel', 'acme'], options)).code).toBe(0);
  // The task that ends the run repeats if a child ends at the same time, and then counts twice.
  await until(async () => ((await read('runs', { end: 'cancelled' })) ?? 0) >= 1);
  tenant.updateSettings({ latencyMs: 0 });
});

it('reports that a schedule is paused, and that it resumed', async () => {
  const { client } = temporal;
  await createSchedule(client, { connection: 'acme', taskQueue: 'rollcall', settings: { every: 86_400_000 } });
  await pauseSchedule(client, 'acme', 'maintenance');
  await until(async () => (await read('schedulePaused', { connection: 'acme' })) === 1);
  await resumeSchedule(client, 'acme');
  await until(async () => (await read('schedulePaused', { connection: 'acme' })) === 0);
});

it.each([
  ['127.0.0.1', /--listen .*must be host:port, such as 127\.0\.0\.1:9464/],
  ['127.0.0.1:99999', /--listen must end with a port of at most 65535/],
])('worker --listen %s prints what is wrong with the address', async (address, message) => {
  const { code, stderr } = await runCli(['worker', '--listen', address], options);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
});

it('worker --listen prints that another program uses the address', async () => {
  const { code, stderr } = await runCli(['worker', '--listen', tenant.domain], options);
  expect(code).toBe(2);
  expect(stderr).toContain(`cannot listen on ${tenant.domain}: the address is in use`);
});
