import { setInterval } from 'node:timers/promises';
import type { LogEntry } from '@temporalio/worker';
import type { Tenants } from '../activities/tenants';
import { withTimeout } from '../async';
import type { ListenAddress } from '../config/environment';
import { type Listener, startListener } from '../metrics/listener';
import { type Meter, runEnds } from '../metrics/metrics';
import type { TemporalConnection } from '../temporal/connection';
import { findFreePort } from '../temporal/embedded-server/embedded-server';
import { createLastSyncTimes } from '../temporal/run-status';
import { createCoreMeter, installRuntime } from '../temporal/runtime';
import { listSchedules } from '../temporal/schedules';
import { recordLimits } from './activity-metrics';

/** What is to be watched, once it is there. */
export interface MonitoredWorker {
  connection: TemporalConnection;
  address: string;
  taskQueue: string;
  /** Temporal's word for what the worker does: `RUNNING` and others. */
  state(): string;
  tenants: Tenants;
  /** Names of the project's connections, read anew. */
  listConnections(): Promise<string[]>;
}

/** The metrics and the health of a process. */
export interface Monitoring {
  url: string;
  meter: Meter;
  watch(watched: MonitoredWorker): void;
  /** To be called when the worker has stopped, and before its connection is closed. */
  close(): Promise<void>;
}

/** Between two looks at what has ended and which schedules are paused, ms. */
const monitorPollMs = 30_000;
/** A probe that waits for longer is taken to have failed. */
const probeTimeoutMs = 2_000;

/**
 * Installs Temporal's runtime with metrics, and serves these and the process's health from now on, so that whoever watches
 * sees it start.
 * @throws ConfigError when the address cannot be listened on
 */
export async function openMonitoring(
  address: ListenAddress,
  onLogEntry: (entry: LogEntry) => void,
): Promise<Monitoring> {
  const metricsPort = await findFreePort();
  installRuntime({ log: onLogEntry, metricsPort });
  const meter = createCoreMeter();
  const ending = new AbortController();
  let watched: MonitoredWorker | undefined;

  async function unready(): Promise<string | undefined> {
    if (!watched) return 'the worker is not connected to Temporal yet';
    const state = watched.state();
    if (state !== 'RUNNING') return `the worker is shutting down (${state.toLowerCase()})`;
    return (await isServerReachable(watched.connection))
      ? undefined
      : `the Temporal server at ${watched.address} gives no answer within ${probeTimeoutMs / 1_000} s`;
  }

  async function metrics(): Promise<string> {
    meter.set('ready', {}, (await unready()) === undefined ? 1 : 0);
    meter.set('residentMemory', {}, process.memoryUsage.rss());
    if (watched) recordLimits(meter, watched.tenants);
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    return answer.text();
  }

  const listener: Listener = await startListener(address, { formatMetrics: metrics, explainUnready: unready });
  return {
    url: listener.url,
    meter,
    watch(now) {
      watched = now;
      void pollServer(now, meter, ending.signal);
    },
    async close() {
      ending.abort();
      await listener.close();
    },
  };
}

async function isServerReachable({ client }: TemporalConnection): Promise<boolean> {
  const asked = client.workflowService.getSystemInfo({}).then(
    () => true,
    () => false,
  );
  return (await withTimeout(asked, probeTimeoutMs)) ?? false;
}

/** Keeps what only the server knows: it outlives this process, and other workers add to it. */
async function pollServer(worker: MonitoredWorker, meter: Meter, signal: AbortSignal): Promise<void> {
  const { connection, taskQueue } = worker;
  const lastSyncs = createLastSyncTimes(connection, taskQueue);
  const scheduled = new Set<string>();

  async function lookAtSchedules(names: readonly string[]): Promise<void> {
    const schedules = await listSchedules(connection.client);
    for (const name of names) {
      const schedule = schedules.find((each) => each.connection === name);
      if (schedule) scheduled.add(name);
      if (scheduled.has(name)) {
        meter.set('schedulePaused', { connection: name }, schedule?.pauseReason === undefined ? 0 : 1);
      }
    }
  }

  async function lookAtSyncs(names: readonly string[]): Promise<void> {
    for (const [name, at] of await lastSyncs.refresh(names))
      meter.set('lastComplete', { connection: name }, at / 1_000);
  }

  /** What cannot be told now, because the server or the file is away, is looked at again; that has alerts of its own. */
  async function look(): Promise<void> {
    const names = await worker.listConnections().catch(() => []);
    for (const name of names) initializeRunCounters(meter, name, connection.namespace, taskQueue);
    await Promise.allSettled([lookAtSchedules(names), lookAtSyncs(names)]);
  }

  try {
    await look();
    for await (const _ of setInterval(monitorPollMs, undefined, { signal })) await look();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** An increase can be told only from a series that is there already; the labels are those that Temporal adds to a workflow's. */
function initializeRunCounters(meter: Meter, connection: string, namespace: string, taskQueue: string): void {
  const labels = { connection, namespace, taskQueue, workflowType: 'syncWorkflow' };
  for (const end of runEnds) meter.add('runs', { ...labels, end }, 0);
}
