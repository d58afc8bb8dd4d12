import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from '@temporalio/worker';
import type { Emulator } from 'auth0-emulator';
import { createFetchActivities, type FetchActivities } from '../../src/activities/fetch';
import type { FetchInput, FetchResult } from '../../src/activities/fetch-contract';
import { createSinkActivities } from '../../src/activities/sink-activities';
import type { Tenant } from '../../src/activities/tenants';
import { createSyncInput, type SyncRequest } from '../../src/app/sync-input';
import type { Auth0Client } from '../../src/auth0/client';
import type { JsonObject } from '../../src/json';
import type { RunSummary, StreamSelection, StreamState } from '../../src/protocol';
import type { Delivery, Sink } from '../../src/sinks/sink';
import type { StagedRecord } from '../../src/staging/segment';
import { createStaging, type Staging } from '../../src/staging/staging';
import { defaultReadOptions, type ReadOptions } from '../../src/streams/fetch-task';
import { connect, type TemporalConnection } from '../../src/temporal/connection';
import { installRuntime } from '../../src/temporal/runtime';
import { startSync, type SyncRun } from '../../src/temporal/sync-run';
import { createWorker } from '../../src/temporal/worker';
import type { SyncLimits, SyncResult } from '../../src/workflows/contract';
import { createTestClient, tenantLimits } from './fetch-fixture';
import { createNamespace } from './servers';

const bundle = join(__dirname, '..', '..', 'dist', 'workflow-bundle.js');
const taskQueue = 'test-environment';

/** A sync, and the events during it. */
export interface SyncScenario extends Partial<
  Pick<SyncRequest, 'startDate' | 'full' | 'unknownStreams' | 'onRefusedCredentials' | 'searchAttributes'>
> {
  readOptions?: Partial<ReadOptions>;
  tenant: Emulator;
  streams: StreamSelection[];
  limits?: Partial<SyncLimits>;
  /** The states at the destination. */
  states?: Record<string, StreamState>;
  /** Wraps the client of each fetch. The client does not retry. */
  wrapClient?: (client: Auth0Client) => Auth0Client;
  /** Replaces the activity; `real` runs it. */
  fetchPages?: (input: FetchInput, real: () => Promise<FetchResult>) => Promise<FetchResult>;
  /** Called before the staging of the run is discarded. */
  discardRun?: () => Promise<void>;
  /** Called before each delivery; the destination throws its error. */
  deliver?: (delivery: Delivery) => Promise<void>;
}

/** The outcome of a sync. */
export interface SyncOutcome {
  workflowId: string;
  result: SyncResult;
  /** In the order of the destination. */
  deliveries: Delivery[];
  /** By stream: the delivered records. */
  rows: Record<string, JsonObject[]>;
  /** By stream: the newest state at the destination. */
  states: Record<string, StreamState>;
  fetches: FetchInput[];
  /** Deliveries that started during another delivery of the same stream. */
  overlaps: number;
  /** Runs whose staging was discarded. */
  discarded: string[];
  /** Summaries that the destination received. */
  summaries: RunSummary[];
}

/** A scenario under way. */
export interface StartedSync {
  run: SyncRun;
  ended: Promise<SyncOutcome>;
}

export interface TestEnvironment {
  temporal: TemporalConnection;
  startSync(scenario: SyncScenario): Promise<StartedSync>;
  runSync(scenario: SyncScenario): Promise<SyncOutcome>;
  close(): Promise<void>;
}

interface ScenarioContext extends Omit<SyncOutcome, 'result' | 'workflowId'> {
  scenario: SyncScenario;
  client: Auth0Client;
  sink: Sink;
}

const defaultTestLimits: Omit<SyncLimits, 'childFetchBudget'> = {
  fetchBudget: { pages: 2, seconds: 60, bytes: 1e9 },
  fetchesPerRun: 500,
  concurrency: { min: 2, max: 2 },
  parentsPerBatch: 3,
  rowsPerPartition: { preferred: 5_000, min: 5_000 },
  maxStalledAttempts: 1,
  outageSeconds: 0,
  progressSeconds: 10,
  heartbeatSeconds: 10,
};

/** A Temporal namespace of its own with one worker, which runs the built workflows and the real activities. */
export async function startTestEnvironment(): Promise<TestEnvironment> {
  installRuntime({ log: () => undefined });
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
  const temporal = await connect(await createNamespace());
  const staging = createStaging(join(folder, 'staging'));
  const contexts = new Map<string, ScenarioContext>();
  const worker: Worker = await createWorker({
    connection: temporal.native,
    namespace: temporal.namespace,
    taskQueue,
    workflowBundle: bundle,
    runInMainThread: true,
    maxConcurrentActivities: 20,
    activities: createActivities(contexts, staging),
  });
  const working = worker.run();

  async function startScenario(scenario: SyncScenario): Promise<StartedSync> {
    const connection = `acme-${randomUUID().slice(0, 8)}`;
    const context = createContext(scenario, staging);
    contexts.set(connection, context);
    const { streams, startDate, unknownStreams, onRefusedCredentials, full, searchAttributes } = scenario;
    const workflowId = `sync/${connection}`;
    const { fetchBudget = defaultTestLimits.fetchBudget } = scenario.limits ?? {};
    const limits = { ...defaultTestLimits, childFetchBudget: fetchBudget, ...scenario.limits };
    const input = createSyncInput({
      connection,
      streams,
      sinkQueue: taskQueue,
      limits,
      readOptions: { ...defaultReadOptions, ...scenario.readOptions },
      ...(startDate && { startDate }),
      ...(unknownStreams && { unknownStreams }),
      ...(full && { full }),
      ...(onRefusedCredentials && { onRefusedCredentials }),
      ...(searchAttributes && { searchAttributes }),
    });
    const run = await startSync(temporal.client, { workflowId, taskQueue, input, timeoutMs: 55_000 });
    const ended = run.result().then((result) => {
      context.client.close();
      return { ...context, workflowId, result };
    });
    return { run, ended };
  }

  return {
    temporal,
    startSync: startScenario,
    runSync: async (scenario) => (await startScenario(scenario)).ended,
    async close() {
      worker.shutdown();
      await working;
      await temporal.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function createContext(scenario: SyncScenario, staging: Staging): ScenarioContext {
  const states = { ...scenario.states };
  const rows: Record<string, JsonObject[]> = {};
  const deliveries: Delivery[] = [];
  const busy = new Set<string>();
  const client = createTestClient(scenario.tenant);
  const sink: Sink = {
    loadState: async () => scenario.states ?? {},
    async deliver(delivery) {
      const { name } = delivery.stream;
      if (busy.has(name)) context.overlaps += 1;
      busy.add(name);
      try {
        await scenario.deliver?.(delivery);
        for (const segment of delivery.segments) {
          const lines = (await staging.readValues(segment)) as unknown as StagedRecord[];
          (rows[name] ??= []).push(...lines.map(({ data }) => data));
        }
        if (delivery.state) states[name] = delivery.state;
        deliveries.push(delivery);
      } finally {
        busy.delete(name);
      }
    },
    writeSummary: async (summary) => {
      context.summaries.push(summary);
    },
    close: async () => undefined,
  };
  const context: ScenarioContext = {
    scenario,
    client,
    sink,
    states,
    rows,
    deliveries,
    fetches: [],
    overlaps: 0,
    discarded: [],
    summaries: [],
  };
  return context;
}

function createActivities(contexts: Map<string, ScenarioContext>, staging: Staging): object {
  const findContext = (connection: string): ScenarioContext => contexts.get(connection)!;
  const getTenant = async (connection: string): Promise<Tenant> => {
    const { client, scenario } = findContext(connection);
    return { client: scenario.wrapClient?.(client) ?? client, readLimits: tenantLimits };
  };
  const real = createFetchActivities({ getTenant, staging });
  const fetch: FetchActivities = {
    async fetchPages(input) {
      const { scenario, fetches } = findContext(input.connection);
      fetches.push(input);
      const fetch = () => real.fetchPages(input);
      return scenario.fetchPages ? scenario.fetchPages(input, fetch) : fetch();
    },
    async discardRun({ run }) {
      const context = [...contexts.values()].find(({ deliveries }) => deliveries[0]?.run === run);
      await context?.scenario.discardRun?.();
      await real.discardRun({ run });
      context?.discarded.push(run);
    },
  };
  return {
    ...fetch,
    ...createSinkActivities({ getSink: async (connection) => findContext(connection).sink, staging }),
  };
}

/** Selects streams by name, for a full refresh or an incremental read. */
export function full(...names: string[]): StreamSelection[] {
  return names.map((name) => ({ name, syncMode: 'full_refresh', destinationSyncMode: 'overwrite' }));
}

export function incremental(...names: string[]): StreamSelection[] {
  return names.map((name) => ({ name, syncMode: 'incremental', destinationSyncMode: 'append' }));
}
