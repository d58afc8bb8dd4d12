import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { toActivityFailure } from '../activities/activity-attempt';
import { createFetchActivities } from '../activities/fetch';
import { createSinkActivities, type SinkDeps } from '../activities/sink-activities';
import type { Tenants } from '../activities/tenants';
import type { WorkerDeploymentVersion } from '../config/environment';
import { defined } from '../json';
import { type Meter, noMeter } from '../metrics/metrics';
import type { Staging } from '../staging/staging';
import type { TemporalConnection } from '../temporal/connection';
import { knowsSearchAttributes } from '../temporal/register-search-attributes';
import { NoSchedule, pauseSchedule } from '../temporal/schedules';
import { findNewestRun } from '../temporal/sync-run';
import { createWorker } from '../temporal/worker';
import type { ScheduleActivities, SyncLimits } from '../workflows/contract';
import { observeFetch, observeSink } from './activity-metrics';
import type { ProjectSettings } from './connection-settings';
import { createConnectionInput } from './sync-input';

/** The built workflows; the path is the same from `src`, where tests run, and from `dist`. */
const workflowBundle = join(__dirname, '..', '..', 'dist', 'workflow-bundle.js');

/**
 * More activities than dozens of syncs run at a time. A fetch that waits for its tenant's rate limit occupies a slot and
 * little else, so slots must not be what makes other tenants wait.
 */
const maxConcurrentActivities = 400;

/**
 * V8 collects garbage late by default, and the garbage here is pages and segments. Collecting when the heap has grown by
 * half costs a tenth more CPU and saves a sixth of the memory. V8 reads the flag at each collection.
 */
const heapGrowthFlag = '--heap-growing-percent=50';
/** MB for the young objects of each thread, half of V8's default: saves a tenth of a worker's memory at no measurable cost. */
const semiSpaceFlag = '--max-semi-space-size=8';

export interface WorkerParts {
  connection: TemporalConnection;
  taskQueue: string;
  staging: Staging;
  tenants: Tenants;
  getSink: SinkDeps['getSink'];
  runInMainThread: boolean;
  /** Absent: no scheduled syncs. */
  schedules?: { settings: ProjectSettings; limits: SyncLimits } | undefined;
  /** Absent: nothing is measured. */
  meter?: Meter | undefined;
  deploymentVersion?: WorkerDeploymentVersion | undefined;
}

export interface RunningWorker {
  /** State of Temporal's worker; `RUNNING` while it polls. */
  state(): string;
  /** Resolves when the worker has stopped; rejects when it fails. */
  stopped: Promise<void>;
  /** Finishes the pages in progress and returns other work to the server. Does not throw the worker's failure. */
  stop(): Promise<void>;
}

/** Starts a worker that runs workflows and all activities. */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker> {
  setFlagsFromString(heapGrowthFlag);
  setFlagsFromString(semiSpaceFlag);
  const { connection, taskQueue, staging, tenants, getSink, schedules, meter = noMeter } = parts;
  const worker = await createWorker({
    connection: connection.native,
    namespace: connection.namespace,
    taskQueue,
    workflowBundle,
    runInMainThread: parts.runInMainThread,
    maxConcurrentActivities,
    ...defined({ deploymentVersion: parts.deploymentVersion }),
    activities: {
      ...observeFetch(createFetchActivities({ getTenant: tenants.getTenant, staging }), meter),
      ...observeSink(createSinkActivities({ getSink, staging }), meter),
      ...(schedules && createScheduleActivities(connection, taskQueue, schedules)),
    },
  });
  const stopped = worker.run();
  // Callers that await it later still see the failure.
  stopped.catch(() => undefined);
  return {
    state: () => worker.getState(),
    stopped,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await stopped.catch(() => undefined);
    },
  };
}

export function createScheduleActivities(
  temporal: TemporalConnection,
  taskQueue: string,
  { settings, limits }: NonNullable<WorkerParts['schedules']>,
): ScheduleActivities {
  return {
    async prepareSync({ connection: name }) {
      try {
        const { connection, source } = await settings.readSyncSettings(name);
        return createConnectionInput(connection, source, {
          sinkQueue: taskQueue,
          limits,
          full: false,
          // The next scheduled run retries with the current credentials; a paused run would block it.
          onRefusedCredentials: 'fail',
          searchAttributes: await knowsSearchAttributes(temporal),
        });
      } catch (error) {
        throw toActivityFailure(error);
      }
    },
    async findRunningSince({ connection }) {
      const run = await findNewestRun(temporal.client, connection);
      return run?.status.name === 'RUNNING' ? run.startTime.toISOString() : null;
    },
    async pauseSchedule({ connection, reason }) {
      try {
        await pauseSchedule(temporal.client, connection, reason);
      } catch (error) {
        if (!(error instanceof NoSchedule)) throw error;
      }
    },
  };
}
