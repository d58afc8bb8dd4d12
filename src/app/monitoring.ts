import { createServer, type ServerResponse } from 'node:http';
import { setInterval } from 'node:timers/promises';
import type { Tenants } from '../activities/tenants';
import { withTimeout } from '../async';
import { formatListenAddress, type ListenAddress } from '../config/environment';
import { ConfigError } from '../errors';
import { type Meter, runEnds } from '../metrics/metrics';
import type { TemporalConnection } from '../temporal/connection';
import { findFreePort } from '../temporal/embedded-server/embedded-server';
import { createLastSyncReader } from '../temporal/run-status';
import { createCoreMeter, getMetricsPort, installRuntime } from '../temporal/runtime';
import { listSchedules } from '../temporal/schedules';
import { recordLimits } from './activity-metrics';
import type { CommandContext } from './command-context';
import type { Session } from './session';

export interface MonitoredWorker {
  session: Session;
  taskQueue: string;
  tenants: Tenants;
  listConnections(): Promise<string[]>;
  /** State of Temporal's worker, such as `RUNNING`. */
  state(): string;
}

/** The metrics and the health of a process. */
export interface Monitoring {
  /** `http://host:port`. */
  url: string;
  meter: Meter;
  /** Reports the worker from now on. The returned function stops the queries to the server. */
  watch(worker: MonitoredWorker): () => void;
  close(): Promise<void>;
}

const probeTimeoutMs = 2_000;

/**
 * Installs Temporal's runtime with metrics, and serves metrics and health, at first those of a process that is starting.
 * @throws ConfigError when the address is not available
 */
export async function openMonitoring(address: ListenAddress, { log, intervals }: CommandContext): Promise<Monitoring> {
  const metricsPort = getMetricsPort() ?? (await findFreePort());
  installRuntime({ log: log.temporal, metricsPort });
  const meter = createCoreMeter();
  let worker: MonitoredWorker | undefined;

  async function explainUnready(): Promise<string | undefined> {
    if (!worker) return 'the worker is not connected to Temporal yet';
    const state = worker.state();
    if (state !== 'RUNNING') return `the worker is shutting down (${state.toLowerCase()})`;
    const { connection, address } = worker.session;
    if (await isServerReachable(connection)) return undefined;
    return `the Temporal server at ${address} does not respond within ${probeTimeoutMs / 1_000} s`;
  }

  async function formatMetrics(): Promise<string> {
    meter.set('ready', {}, (await explainUnready()) === undefined ? 1 : 0);
    meter.set('residentMemory', {}, process.memoryUsage.rss());
    if (worker) recordLimits(meter, worker.tenants);
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    return response.text();
  }

  const listener = await startListener(address, { formatMetrics, explainUnready });
  return {
    ...listener,
    meter,
    watch(watched) {
      worker = watched;
      const stopped = new AbortController();
      void pollServer(watched, meter, intervals.serverMetricsMs, stopped.signal);
      return () => stopped.abort();
    },
  };
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const prometheusText = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Serves `/metrics`, `/healthz` (200 while the event loop runs) and `/readyz` (503 with the reason while the process
 * accepts no work). Responses name connections and streams, and nothing else of a tenant.
 * @param monitored formatMetrics: all metrics in Prometheus' text format; explainUnready: why the process accepts no work
 * @throws ConfigError when it cannot listen on the address
 */
async function startListener(
  address: ListenAddress,
  monitored: { formatMetrics(): Promise<string>; explainUnready(): Promise<string | undefined> },
): Promise<Pick<Monitoring, 'url' | 'close'>> {
  const routes: Record<string, (response: ServerResponse) => void | Promise<void>> = {
    '/metrics': async (response) => sendText(response, 200, await monitored.formatMetrics(), prometheusText),
    '/healthz': (response) => sendText(response, 200, 'alive\n'),
    '/readyz': async (response) => {
      const reason = await monitored.explainUnready();
      sendText(response, reason === undefined ? 200 : 503, reason === undefined ? 'ready\n' : `not ready: ${reason}\n`);
    },
  };
  const server = createServer((request, response) => {
    const route = routes[new URL(request.url ?? '/', 'http://localhost').pathname];
    if (!route) return sendText(response, 404, `Not found. Available paths: ${Object.keys(routes).join(', ')}.\n`);
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'GET only.\n');
    Promise.resolve(route(response)).catch((error: unknown) => {
      sendText(response, 503, `${error instanceof Error ? error.message : 'no answer'}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'the address is in use' : `system error ${error.code ?? ''}`;
      const what = `cannot listen on ${formatListenAddress(address)}: ${reason}`;
      reject(new ConfigError(what, 'ROLLCALL_LISTEN, or --listen', 'Use another address.'));
    });
    server.listen(address.port, address.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : address.port;
  return {
    url: `http://${formatListenAddress({ ...address, port })}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendText(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

async function isServerReachable({ client }: TemporalConnection): Promise<boolean> {
  const request = client.workflowService.getSystemInfo({}).then(
    () => true,
    () => false,
  );
  return (await withTimeout(request, probeTimeoutMs)) ?? false;
}

/** Updates the metrics that come from the server: they outlive this process, and other workers change them. */
async function pollServer(
  { session: { connection }, taskQueue, listConnections }: MonitoredWorker,
  meter: Meter,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  const readLastSyncTimes = createLastSyncReader(connection, taskQueue);
  const scheduledConnections = new Set<string>();

  async function updateSchedules(names: readonly string[]): Promise<void> {
    const schedules = await listSchedules(connection.client);
    for (const name of names) {
      const schedule = schedules.find((each) => each.connection === name);
      if (schedule) scheduledConnections.add(name);
      if (scheduledConnections.has(name)) {
        meter.set('schedulePaused', { connection: name }, schedule?.pauseReason === undefined ? 0 : 1);
      }
    }
  }

  async function updateLastSyncs(names: readonly string[]): Promise<void> {
    for (const [name, at] of await readLastSyncTimes(names)) {
      meter.set('lastComplete', { connection: name }, at / 1_000);
    }
  }

  /** Failures are ignored: the next update follows, and unreachable servers have their own alert. */
  async function update(): Promise<void> {
    const names = await listConnections().catch(() => []);
    for (const name of names) initializeRunCounters(meter, name, connection.namespace, taskQueue);
    await Promise.allSettled([updateSchedules(names), updateLastSyncs(names)]);
  }

  try {
    await update();
    for await (const _ of setInterval(intervalMs, undefined, { signal })) await update();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Prometheus sees an increase only in a series that exists. The labels are those that Temporal adds to a workflow's metrics. */
function initializeRunCounters(meter: Meter, connection: string, namespace: string, taskQueue: string): void {
  const labels = { connection, namespace, taskQueue, workflowType: 'syncWorkflow' };
  for (const end of runEnds) meter.add('runs', { ...labels, end }, 0);
}
