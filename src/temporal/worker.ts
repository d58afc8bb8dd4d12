import type { WorkerDeploymentVersion } from '@temporalio/common';
import { type NativeConnection, Worker } from '@temporalio/worker';
import type { TemporalConnection } from './connection';
import { dataConverter } from './data-converter';

export interface WorkerSettings {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  activities?: object;
  /** Path of the built workflow bundle. Absent: the worker runs activities only. */
  workflowBundle?: string;
  /** Concurrent activities. */
  maxConcurrentActivities: number;
  /**
   * Run workflows in the main thread. It starts 0.2 s faster, but a workflow that never yields blocks everything. For
   * processes that run one sync.
   */
  runInMainThread?: boolean;
  /** Version of the worker's deployment. Absent: the worker takes tasks of every version. */
  deploymentVersion?: WorkerDeploymentVersion;
}

/**
 * Time for fetches to end when the worker stops. A longer fetch is cancelled, and resumes on another worker from its
 * heartbeat. A supervisor must wait longer than this before it kills the worker.
 */
export const shutdownGraceMs = 5_000;

/** Creates a worker; its `run` or `runUntil` starts it. */
export function createWorker(settings: WorkerSettings): Promise<Worker> {
  const { workflowBundle, maxConcurrentActivities, runInMainThread = false, deploymentVersion, ...options } = settings;
  return Worker.create({
    ...options,
    dataConverter,
    // Core refuses options that are undefined, hence the conditional spreads.
    ...(workflowBundle !== undefined && { workflowBundle: { codePath: workflowBundle } }),
    // A sync ends within hours, so it stays with the version that started it, also when it continues as new.
    ...(deploymentVersion && {
      workerDeploymentOptions: {
        version: deploymentVersion,
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'PINNED',
      },
    }),
    maxConcurrentActivityTaskExecutions: maxConcurrentActivities,
    // With the default of 60 s, the server would have the cursor of the first page for most of a fetch.
    maxHeartbeatThrottleInterval: '1s',
    shutdownGraceTime: shutdownGraceMs,
    // A workflow task waits this long for the worker that has the workflow in memory before another worker takes it.
    stickyQueueScheduleToStartTimeout: '3s',
    // The default follows from the machine's memory: thousands, at 0.6 MB each. A sync has four active workflows, and fifty
    // syncs should stay in memory. With 100, evicted workflows were replayed, and the first tenants ran at the cost of the others.
    maxCachedWorkflows: 200,
    // Each thread is an isolate of its own. One is enough for many syncs.
    ...(runInMainThread ? { debugMode: true } : { workflowThreadPoolSize: 1 }),
  });
}

/** A poll lasts a minute. The server lists a poller for some time after its last poll. */
const pollerLifetimeMs = 70_000;

/** Whether a worker that runs workflows polls the task queue. */
export async function hasWorkers({ client, namespace }: TemporalConnection, taskQueue: string): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } });
  const since = (Date.now() - pollerLifetimeMs) / 1000;
  return pollers.some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) > since);
}

/** What to report when `hasWorkers` is false. */
export function describeMissingWorkers(taskQueue: string): { message: string; nextStep: string } {
  return {
    message: `No worker polls task queue ${taskQueue}; syncs wait until one does.`,
    nextStep: 'Start `rollcall worker` with the same TEMPORAL_ADDRESS.',
  };
}
