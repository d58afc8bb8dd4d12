import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { createFetchActivities } from '../activities/fetch';
import { createScheduleActivities, type ScheduleActivities } from '../activities/schedule-activities';
import { createSinkActivities } from '../activities/sink-activities';
import { createTenants, type Tenants } from '../activities/tenants';
import type { ShellContext, WorkerDeploymentVersion } from '../config/environment';
import type { Connection } from '../config/project';
import { createConnectionResolver, type OnProblem } from '../config/project-reader';
import { resolveDestination, resolveReadOptions, resolveSecrets } from '../config/references';
import { type Meter, noMeter } from '../metrics/metrics';
import type { Sink } from '../sinks/sink';
import { createStaging, type Staging } from '../staging/staging';
import type { TemporalConnection } from '../temporal/connection';
import { knowsSearchAttributes } from '../temporal/register-search-attributes';
import { NoSchedule, pauseSchedule } from '../temporal/schedules';
import { findNewestRun } from '../temporal/sync-run';
import { createWorker } from '../temporal/worker';
import type { SyncInput, SyncLimits } from '../workflows/contract';
import { createMetricsObserver, observeFetch, observeSink } from './activity-metrics';
import { openDestinations } from './destinations';
import { createConnectionInput } from './sync-input';

/** The workflows as the build bundles them; the same file for the compiled program and for tests that run the source. */
const workflowBundle = join(__dirname, '..', '..', 'dist', 'workflow-bundle.js');

/**
 * Activities at the same time in one process: more than dozens of syncs have in flight. A slice that waits for its tenant's
 * limit holds a place and hardly anything else, so that places are no reason to let another tenant wait.
 */
const maxConcurrentActivities = 400;

export interface HostingOptions {
  connection: TemporalConnection;
  taskQueue: string;
  staging: Staging;
  /** Closed when the worker has stopped. */
  tenants: Tenants;
  getSink(connection: string): Promise<Sink>;
  /** True for a process that runs one sync and ends. */
  oneShot: boolean;
  /** Of a worker that serves schedules too. */
  scheduleActivities?: ScheduleActivities<SyncInput> | undefined;
  version?: WorkerDeploymentVersion | undefined;
  /** Default: nothing is measured. */
  meter?: Meter | undefined;
}

/** A worker in this process. */
export interface HostedWorker {
  tenants: Tenants;
  /** Temporal's word for what the worker does; `RUNNING` while it takes work. */
  state(): string;
  /** Rejects when the worker fails by itself; resolves when it has stopped. */
  done: Promise<void>;
  /** Finishes the pages under way, hands the rest back, and closes. */
  stop(): Promise<void>;
}

/**
 * V8 lets garbage gather up to several times what lives, and here it is pages and segments. To collect it when half as
 * much again has come costs a tenth more CPU, and takes a sixth off the memory. V8 reads this at each collection.
 */
const heapGrowthFlag = '--heap-growing-percent=50';
/** MB. Half of V8's own measure, for the young objects of each thread: a tenth off a worker's memory, at no cost that can be told. */
const semiSpaceFlag = '--max-semi-space-size=8';

/** Runs workflows and all activities in this process. */
export async function hostWorker(options: HostingOptions): Promise<HostedWorker> {
  setFlagsFromString(heapGrowthFlag);
  setFlagsFromString(semiSpaceFlag);
  const { tenants, staging, getSink, meter = noMeter } = options;
  const worker = await createWorker({
    connection: options.connection.native,
    namespace: options.connection.namespace,
    taskQueue: options.taskQueue,
    workflowBundle,
    runInMainThread: options.oneShot,
    maxConcurrentActivities,
    ...(options.version && { deploymentVersion: options.version }),
    activities: {
      ...observeFetch(createFetchActivities({ getTenant: tenants.getTenant, staging }), meter),
      ...observeSink(createSinkActivities({ getSink, staging }), meter),
      ...options.scheduleActivities,
    },
  });
  const done = worker.run().finally(() => {
    tenants.close();
  });
  // Whoever awaits `done` later still sees the failure.
  done.catch(() => undefined);
  return {
    tenants,
    state: () => worker.getState(),
    done,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
    },
  };
}

export interface ProjectHostingOptions {
  shell: ShellContext;
  connection: TemporalConnection;
  taskQueue: string;
  stagingDir: string;
  /** The connection of a name, read anew at every use. */
  loadConnection(name: string): Promise<Connection>;
  /** Told of references that lead nowhere for now. */
  onProblem?: OnProblem;
  /** Limits of the syncs that schedules start; absent: it serves no schedules. */
  scheduleLimits?: SyncLimits;
  /** See WorkerSettings. */
  version?: WorkerDeploymentVersion | undefined;
  /** Default: nothing is measured. */
  meter?: Meter | undefined;
}

/** A run that has staged nothing for so long, waits for the tenant's limit included, is none any more. */
const abandonedAfterMs = 7 * 24 * 3600 * 1000;

/** Runs a worker for connections that are configured by name. */
export async function hostProject(options: ProjectHostingOptions): Promise<HostedWorker> {
  const { shell, connection, taskQueue, loadConnection, meter, onProblem = () => undefined } = options;
  const staging = createStaging(options.stagingDir);
  await staging.removeStaleRuns(abandonedAfterMs, Date.now());
  const sourceOf = createConnectionResolver((each) => resolveSecrets(each, shell), onProblem);
  const destinationOf = createConnectionResolver((each) => resolveDestination(each, shell), onProblem);
  const destinations = openDestinations(async (name) => destinationOf(await loadConnection(name)), staging);
  const hosting = await hostWorker({
    connection,
    taskQueue,
    staging,
    tenants: createTenants({
      resolveSource: async (name) => sourceOf(await loadConnection(name)),
      ...(meter && { createObserver: (name) => createMetricsObserver(meter, name) }),
    }),
    getSink: destinations.getSink,
    oneShot: false,
    scheduleActivities: options.scheduleLimits && createProjectScheduleActivities(options, options.scheduleLimits),
    version: options.version,
    meter,
  });
  return {
    ...hosting,
    async stop() {
      await hosting.stop();
      await destinations.close();
    },
  };
}

function createProjectScheduleActivities(
  options: ProjectHostingOptions,
  limits: SyncLimits,
): ScheduleActivities<SyncInput> {
  const { shell, connection: temporal, taskQueue, loadConnection } = options;
  return createScheduleActivities({
    async buildSyncInput(name) {
      const connection = await loadConnection(name);
      return createConnectionInput(connection, await resolveReadOptions(connection, shell), {
        sinkQueue: taskQueue,
        limits,
        full: false,
        // The next run is the attempt that finds mended credentials; one that waited for a person would hold it up.
        onRefusedCredentials: 'fail',
        searchAttributes: await knowsSearchAttributes(temporal),
      });
    },
    async findRunningSince(name) {
      const run = await findNewestRun(temporal.client, name);
      return run?.status.name === 'RUNNING' ? run.startTime.toISOString() : null;
    },
    async pauseSchedule(name, reason) {
      try {
        await pauseSchedule(temporal.client, name, reason);
      } catch (error) {
        if (!(error instanceof NoSchedule)) throw error;
      }
    },
  });
}
