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
const taskQueue = 'stage';

/** What a sync is to do, and what shall happen to it. */
export interface Play extends Partial<
  Pick<SyncRequest, 'startDate' | 'full' | 'unknownStreams' | 'onRefusedCredentials' | 'searchAttributes'>
> {
  reading?: Partial<ReadOptions>;
  tenant: Emulator;
  streams: StreamSelection[];
  limits?: Partial<SyncLimits>;
  /** What the destination holds. */
  states?: Record<string, StreamState>;
  /** Asked for each slice; default: a client of the tenant that repeats nothing. */
  clientOf?: (client: Auth0Client) => Auth0Client;
  /** Stands before the real activity. */
  fetchPages?: (input: FetchInput, real: () => Promise<FetchResult>) => Promise<FetchResult>;
  /** Called before the staging of the run is discarded. */
  discardRun?: () => Promise<void>;
  /** Called before a step is taken; what it throws, the destination throws. */
  deliver?: (delivery: Delivery) => Promise<void>;
}

/** What came of it. */
export interface Played {
  workflowId: string;
  result: SyncResult;
  /** In the order in which the destination took them. */
  deliveries: Delivery[];
  /** By stream, what the destination was brought. */
  rows: Record<string, JsonObject[]>;
  /** By stream, the newest state at the destination. */
  states: Record<string, StreamState>;
  slices: FetchInput[];
  /** Steps that came while another one of the same stream was under way. */
  overlaps: number;
  /** Runs whose staging was discarded. */
  discarded: string[];
  /** What the destination was told at the end. */
  summaries: RunSummary[];
}

/** A play under way. */
export interface Playing {
  run: SyncRun;
  ended: Promise<Played>;
}

export interface Stage {
  temporal: TemporalConnection;
  begin(play: Play): Promise<Playing>;
  play(play: Play): Promise<Played>;
  close(): Promise<void>;
}

interface Cast extends Omit<Played, 'result' | 'workflowId'> {
  play: Play;
  client: Auth0Client;
  sink: Sink;
}

const limitsByDefault: Omit<SyncLimits, 'childFetchBudget'> = {
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
export async function openStage(): Promise<Stage> {
  installRuntime({ log: () => undefined });
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'));
  const temporal = await connect(await createNamespace());
  const staging = createStaging(join(folder, 'staging'));
  const casts = new Map<string, Cast>();
  const worker: Worker = await createWorker({
    connection: temporal.native,
    namespace: temporal.namespace,
    taskQueue,
    workflowBundle: bundle,
    runInMainThread: true,
    maxConcurrentActivities: 20,
    activities: activitiesOf(casts, staging),
  });
  const working = worker.run();

  async function begin(play: Play): Promise<Playing> {
    const connection = `acme-${randomUUID().slice(0, 8)}`;
    const cast = castOf(play, staging);
    casts.set(connection, cast);
    const { streams, startDate, unknownStreams, onRefusedCredentials, full, searchAttributes } = play;
    const workflowId = `sync/${connection}`;
    const { fetchBudget = limitsByDefault.fetchBudget } = play.limits ?? {};
    const limits = { ...limitsByDefault, childFetchBudget: fetchBudget, ...play.limits };
    const input = createSyncInput({
      connection,
      streams,
      sinkQueue: taskQueue,
      limits,
      readOptions: { ...defaultReadOptions, ...play.reading },
      ...(startDate && { startDate }),
      ...(unknownStreams && { unknownStreams }),
      ...(full && { full }),
      ...(onRefusedCredentials && { onRefusedCredentials }),
      ...(searchAttributes && { searchAttributes }),
    });
    const run = await startSync(temporal.client, { workflowId, taskQueue, input, timeoutMs: 55_000 });
    const ended = run.result().then((result) => {
      cast.client.close();
      return { ...cast, workflowId, result };
    });
    return { run, ended };
  }

  return {
    temporal,
    begin,
    play: async (play) => (await begin(play)).ended,
    async close() {
      worker.shutdown();
      await working;
      await temporal.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function castOf(play: Play, staging: Staging): Cast {
  const states = { ...play.states };
  const rows: Record<string, JsonObject[]> = {};
  const deliveries: Delivery[] = [];
  const busy = new Set<string>();
  const client = createTestClient(play.tenant);
  const sink: Sink = {
    loadState: async () => play.states ?? {},
    async deliver(delivery) {
      const { name } = delivery.stream;
      if (busy.has(name)) cast.overlaps += 1;
      busy.add(name);
      try {
        await play.deliver?.(delivery);
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
      cast.summaries.push(summary);
    },
    close: async () => undefined,
  };
  const cast: Cast = {
    play,
    client,
    sink,
    states,
    rows,
    deliveries,
    slices: [],
    overlaps: 0,
    discarded: [],
    summaries: [],
  };
  return cast;
}

function activitiesOf(casts: Map<string, Cast>, staging: Staging): object {
  const castNamed = (connection: string): Cast => casts.get(connection)!;
  const getTenant = async (connection: string): Promise<Tenant> => {
    const { client, play } = castNamed(connection);
    return { client: play.clientOf?.(client) ?? client, readLimits: tenantLimits };
  };
  const real = createFetchActivities({ getTenant, staging });
  const fetch: FetchActivities = {
    async fetchPages(input) {
      const { play, slices } = castNamed(input.connection);
      slices.push(input);
      const slice = () => real.fetchPages(input);
      return play.fetchPages ? play.fetchPages(input, slice) : slice();
    },
    async discardRun({ run }) {
      const cast = [...casts.values()].find(({ deliveries }) => deliveries[0]?.run === run);
      await cast?.play.discardRun?.();
      await real.discardRun({ run });
      cast?.discarded.push(run);
    },
  };
  return { ...fetch, ...createSinkActivities({ getSink: async (connection) => castNamed(connection).sink, staging }) };
}

/** Streams by name, to be read whole or by their cursor. */
export function full(...names: string[]): StreamSelection[] {
  return names.map((name) => ({ name, syncMode: 'full_refresh', destinationSyncMode: 'overwrite' }));
}

export function incremental(...names: string[]): StreamSelection[] {
  return names.map((name) => ({ name, syncMode: 'incremental', destinationSyncMode: 'append' }));
}
