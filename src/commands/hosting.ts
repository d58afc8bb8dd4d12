import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { createSinkActivities } from '../activities/deliver';
import { createFetchActivities } from '../activities/fetch';
import { observeFetch, observerOf, observeSink } from '../activities/observed';
import { createScheduleActivities, type ScheduleActivities } from '../activities/schedule';
import { createTenants, type Tenants } from '../activities/tenant';
import type { WorkerDeploymentVersion } from '../config/environment';
import type { Connection } from '../config/project';
import { resolveDestination, resolveReading, resolveSecrets } from '../config/references';
import { createResolver, type OnTrouble } from '../config/steady';
import { noMeter, type Meter } from '../metrics/meter';
import type { Sink } from '../sinks/sink';
import { createStaging, type Staging } from '../staging/staging';
import type { TemporalConnection } from '../temporal/connection';
import { knowsSearchAttributes } from '../temporal/search-attributes';
import { createWorker } from '../temporal/worker';
import type { SyncLimits } from '../workflows/contract';
import { openDestinations } from './destinations';
import { connectionInput } from './sync-input';

/** The workflows as the build bundles them. */
const workflowBundle = join(__dirname, '..', 'workflow-bundle.js');

/**
 * Activities at the same time in one process: more than dozens of syncs have in flight. A slice that waits for its tenant's
 * limit holds a place and hardly anything else, so that places are no reason to let another tenant wait.
 */
const concurrency = 400;

export interface HostingOptions {
  connection: TemporalConnection;
  taskQueue: string;
  staging: Staging;
  /** Closed when the worker has stopped. */
  tenants: Tenants;
  sinkOf(connection: string): Promise<Sink>;
  /** True for a process that runs one sync and ends. */
  oneShot: boolean;
  /** Of a worker that serves schedules too. */
  scheduleActivities?: ScheduleActivities | undefined;
  version?: WorkerDeploymentVersion | undefined;
  /** Default: nothing is measured. */
  meter?: Meter | undefined;
}

/** A worker in this process. */
export interface Hosting {
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
const collectEarly = '--heap-growing-percent=50';
/** MB. Half of V8's own measure, for the young objects of each thread: a tenth off a worker's memory, at no cost that can be told. */
const youngRoom = '--max-semi-space-size=8';

/** Runs workflows and all activities in this process. */
export async function hostWorker(options: HostingOptions): Promise<Hosting> {
  setFlagsFromString(collectEarly);
  setFlagsFromString(youngRoom);
  const { tenants, staging, sinkOf, meter = noMeter } = options;
  const worker = await createWorker({
    connection: options.connection.native,
    namespace: options.connection.namespace,
    taskQueue: options.taskQueue,
    workflowBundle,
    inThread: options.oneShot,
    concurrency,
    ...(options.version && { version: options.version }),
    activities: {
      ...observeFetch(createFetchActivities({ tenantOf: tenants.tenantOf, staging }), meter),
      ...observeSink(createSinkActivities({ sinkOf, staging }), meter),
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
  connection: TemporalConnection;
  taskQueue: string;
  stagingDir: string;
  /** The connection of a name, read anew at every use. */
  connectionOf(name: string): Promise<Connection>;
  /** Told of references that lead nowhere for now. */
  onTrouble?: OnTrouble;
  /** Limits of the syncs that schedules start; absent: it serves no schedules. */
  scheduled?: SyncLimits;
  /** See WorkerSettings. */
  version?: WorkerDeploymentVersion | undefined;
  /** Default: nothing is measured. */
  meter?: Meter | undefined;
}

/** A run that has staged nothing for so long, waits for the tenant's limit included, is none any more. */
const abandonedMs = 7 * 24 * 3600 * 1000;

/** Runs a worker for connections that are configured by name. */
export async function hostProject(options: ProjectHostingOptions): Promise<Hosting> {
  const { connection, taskQueue, connectionOf, meter, onTrouble = () => undefined } = options;
  const staging = createStaging(options.stagingDir);
  await staging.sweep(abandonedMs, Date.now());
  const sourceOf = createResolver((each) => resolveSecrets(each), onTrouble);
  const destinationOf = createResolver((each) => resolveDestination(each), onTrouble);
  const destinations = openDestinations(async (name) => destinationOf(await connectionOf(name)), staging);
  const hosting = await hostWorker({
    connection,
    taskQueue,
    staging,
    tenants: createTenants({
      resolve: async (name) => sourceOf(await connectionOf(name)),
      ...(meter && { observerOf: (name) => observerOf(meter, name) }),
    }),
    sinkOf: destinations.sinkOf,
    oneShot: false,
    scheduleActivities: options.scheduled && scheduleActivitiesOf(options, options.scheduled),
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

function scheduleActivitiesOf(options: ProjectHostingOptions, limits: SyncLimits): ScheduleActivities {
  const { connection: temporal, taskQueue, connectionOf } = options;
  return createScheduleActivities({
    client: temporal.client,
    async inputOf(name) {
      const connection = await connectionOf(name);
      return connectionInput(connection, await resolveReading(connection), {
        sinkQueue: taskQueue,
        limits,
        full: false,
        // The next run is the attempt that finds mended credentials; one that waited for a person would hold it up.
        refusedCredentials: 'fail',
        searchAttributes: await knowsSearchAttributes(temporal),
      });
    },
  });
}
