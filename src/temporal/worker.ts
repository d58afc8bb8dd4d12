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
  /** Activities at the same time. */
  maxConcurrentActivities: number;
  /**
   * Run workflows in the main thread: 0.2 s faster to start, but a workflow that never yields blocks everything. For
   * processes that run one sync and end.
   */
  runInMainThread?: boolean;
  /** The version of the deployment that this worker is. Absent: it takes tasks whatever the deployment's state. */
  deploymentVersion?: WorkerDeploymentVersion;
}

/**
 * Time to finish a page when the worker is told to stop; a slice that is longer is cancelled then, and resumes elsewhere from
 * its heartbeat. Whoever stops a worker must give it longer.
 */
export const shutdownGraceMs = 5_000;

/** Creates a worker; its `run` or `runUntil` starts it. */
export function createWorker(settings: WorkerSettings): Promise<Worker> {
  return Worker.create({
    connection: settings.connection,
    namespace: settings.namespace,
    taskQueue: settings.taskQueue,
    dataConverter,
    // An option that is present and undefined is refused by Core, hence the conditional spreads.
    ...(settings.activities !== undefined && { activities: settings.activities }),
    ...(settings.workflowBundle !== undefined && { workflowBundle: { codePath: settings.workflowBundle } }),
    ...(settings.runInMainThread === true && { debugMode: true }),
    // A sync ends by itself within hours: it may stay with the version that began it, through every continuing as new.
    ...(settings.deploymentVersion !== undefined && {
      workerDeploymentOptions: {
        version: settings.deploymentVersion,
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'PINNED',
      },
    }),
    maxConcurrentActivityTaskExecutions: settings.maxConcurrentActivities,
    // The default of 60 s would leave the server with the cursor of the first page for most of a slice.
    maxHeartbeatThrottleInterval: '1s',
    shutdownGraceTime: shutdownGraceMs,
    // A workflow's next step waits this long for the worker that ran the last one, before any other may take it.
    stickyQueueScheduleToStartTimeout: '3s',
    // The default follows from the machine's memory: thousands, at 0.6 MB each. A sync has four that are busy; those of fifty are to stay
    // in memory. With 100, steps of what had left it were replayed, and the tenants that came first went on at the cost of the others.
    maxCachedWorkflows: 200,
    // A thread is an isolate of its own, and one keeps up with far more than a few syncs.
    ...(settings.runInMainThread !== true && { workflowThreadPoolSize: 1 }),
  });
}

/** A poll lasts a minute. The server lists a poller for some time after its last poll. */
const pollerLifetimeMs = 70_000;

/** Whether a worker that runs workflows polls the task queue. */
export async function hasWorkers({ client, namespace }: TemporalConnection, taskQueue: string): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
  });
  const since = Date.now() / 1000 - pollerLifetimeMs / 1000;
  return pollers.some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) > since);
}

/** What to report when `hasWorkers` is false. */
export function describeMissingWorkers(taskQueue: string): { message: string; nextStep: string } {
  return {
    message: `No worker polls task queue ${taskQueue}; syncs wait until one does.`,
    nextStep: 'Start `rollcall worker` with the same TEMPORAL_ADDRESS.',
  };
}
