import { ApplicationFailure } from '@temporalio/common';
import { Mutex } from 'async-mutex';
import fc from 'fast-check';
import type { FetchInput, FetchResult } from '../../../src/activities/fetch-contract';
import { createSyncInput } from '../../../src/app/sync-input';
import type { Auth0Client } from '../../../src/auth0/client';
import type { JsonObject } from '../../../src/json';
import type { StreamSelection, StreamState } from '../../../src/protocol';
import type { Delivery } from '../../../src/sinks/sink';
import { defaultReadOptions, type ReadOptions } from '../../../src/streams/fetch-task';
import type { StreamResult, SyncLimits } from '../../../src/workflows/contract';
import { parentWorkflow } from '../../../src/workflows/parent-reader';
import { readProgress } from '../../../src/airbyte/stream-state';
import { readResumePoint, toSavedState } from '../../../src/streams/resume-point';
import { streamWorkflow } from '../../../src/workflows/stream';
import { type Attempt, type Heartbeat, createTestClient, type FetchRunner, createFetchRunner } from '../fetch-fixture';
import { type LiveTenant, requestNumber } from './generated-tenant';
import { runWorkflow } from './workflow-runtime';

/** An attempt at a fetch that ends when a request arrives. */
interface Kill {
  /** Number of the request. */
  at: number;
  /** Number of the latest heartbeats that are lost. */
  lost: number;
  /** The attempt does not notice that it counts as dead, and reads to the end of its fetch. */
  unaware?: true;
}

/** Limits and faults of a run, apart from changes of the tenant. */
export interface FaultSchedule {
  limits: Pick<SyncLimits, 'concurrency' | 'rowsPerPartition' | 'parentsPerBatch' | 'fetchesPerRun'> & {
    pages: number;
  };
  /** Which of the waiting activities runs next, cyclically: see runWorkflow. */
  turns: number[];
  kills: Kill[];
  faults: { at: number; kind: '503' | 'reset' | 'cut' | 'html' | 'empty-object' }[];
  /** Checkpoint tokens expire when this request arrives. */
  expiresAt?: number;
  /** This fetch and all later ones fail permanently, so the run is INCOMPLETE. */
  failsAt?: number;
}

export const faultSchedule: fc.Arbitrary<FaultSchedule> = fc.record(
  {
    limits: fc.record({
      pages: fc.oneof(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 12 })),
      concurrency: fc
        .constantFrom(3, 2, 4, 1)
        .chain((min) => fc.record({ min: fc.constant(min), max: fc.integer({ min, max: 6 }) })),
      rowsPerPartition: fc
        .constantFrom(50, 20, 100, 300, 5_000)
        .map((always) => ({ preferred: always, min: Math.ceil(always / 3) })),
      parentsPerBatch: fc.integer({ min: 1, max: 30 }),
      fetchesPerRun: fc.constantFrom(500, 7, 2),
    }),
    turns: fc.array(fc.nat(5), { maxLength: 8 }),
    kills: fc.array(
      fc.record(
        { at: requestNumber, lost: fc.nat(2), unaware: fc.constant(true as const) },
        { requiredKeys: ['at', 'lost'], noNullPrototype: true },
      ),
      { maxLength: 3 },
    ),
    faults: fc.array(
      fc.record({ at: requestNumber, kind: fc.constantFrom('503', 'reset', 'cut', 'html', 'empty-object') }),
      { maxLength: 2 },
    ),
    expiresAt: requestNumber,
    failsAt: fc.integer({ min: 1, max: 6 }),
  },
  { requiredKeys: ['limits', 'turns', 'kills', 'faults'], noNullPrototype: true },
);

/** A schedule without faults. */
export const noFaults: FaultSchedule = {
  limits: {
    pages: 12,
    concurrency: { min: 3, max: 3 },
    rowsPerPartition: { preferred: 5_000, min: 5_000 },
    parentsPerBatch: 30,
    fetchesPerRun: 500,
  },
  turns: [],
  kills: [],
  faults: [],
};

export interface Simulation extends FaultSchedule {
  streams: StreamSelection[];
  states?: Record<string, StreamState>;
  reading?: Partial<ReadOptions>;
}

/** Rows and states by stream. */
export interface SimulationResult {
  rows: Record<string, JsonObject[]>;
  states: Record<string, StreamState>;
  results: StreamResult[];
}

/** Time that the tenant's clock advances with each request. */
const requestMs = 400;
const hour = 3_600_000;

/** Runs the workflow of the streams with real fetches, one activity at a time. Requests are counted from 1. */
export async function simulate(tenant: LiveTenant, folder: string, simulation: Simulation): Promise<SimulationResult> {
  const { emulator, clock } = tenant;
  const { limits, turns, kills, faults, expiresAt, failsAt = Infinity, streams, states = {}, reading } = simulation;
  const plain = createTestClient(emulator);
  const client = withClock(plain, clock);
  const attempts = createAttemptChain(createFetchRunner(folder, () => client));
  emulator.resetStatistics();
  emulator.setFaults(faults.map(({ at, kind }) => ({ match: '/api/v2', kind, nth: at })));
  for (const kill of kills) emulator.onRequest(kill.at, () => attempts.kill(kill));
  let ended = false;
  // A later run counts requests from 1 again.
  if (expiresAt !== undefined) emulator.onRequest(expiresAt, () => void (clock.now += ended ? 0 : 25 * hour));

  const done: SimulationResult = { rows: {}, states: { ...states }, results: [] };
  let fetches = 0;
  const activities = {
    async fetchPages(input: FetchInput): Promise<FetchResult> {
      fetches += 1;
      if (fetches > failsAt) throw ApplicationFailure.nonRetryable('Made up.', 'RequestRejected');
      return attempts.fetch(input);
    },
    async deliver({ delivery }: { delivery: Delivery }): Promise<void> {
      const { stream, segments, state } = delivery;
      (done.rows[stream.name] ??= []).push(...(await attempts.readRows(segments)));
      if (state) {
        done.states[stream.name] = state;
        const cursor = readProgress(state)?.cursor;
        if (cursor !== undefined) expect(readResumePoint(state)).toEqual(cursor);
      }
    },
  };
  const run = `run-${runs++}`;
  const { pages, ...others } = limits;
  const fetchBudget = { pages, seconds: 600, bytes: 1e9 };
  const sync = createSyncInput({
    connection: 'acme',
    streams,
    sinkQueue: 'sink',
    limits: {
      ...others,
      fetchBudget,
      childFetchBudget: fetchBudget,
      maxStalledAttempts: 5,
      outageSeconds: 0,
      progressSeconds: 10,
      heartbeatSeconds: 10,
    },
    readOptions: { ...defaultReadOptions, ...reading },
  });
  const [first] = sync.streams;
  const isFamily = first?.reader === 'parent' || first?.reader === 'children';
  const workflow = isFamily ? parentWorkflow : streamWorkflow;
  const saved = Object.fromEntries(Object.entries(states).map(([name, state]) => [name, toSavedState(state)]));
  const input = { ...sync, run, states: saved };
  let taken = 0;
  const turn = (): number => turns[taken++ % turns.length] ?? 0;
  try {
    done.results = (await runWorkflow(workflow, input, activities, turn)) as StreamResult[];
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) throw error;
    done.results = error.details?.[0] as StreamResult[];
  } finally {
    ended = true;
    plain.close();
  }
  return done;
}

let runs = 0;

/** Simulates a run and, if it fails permanently, another one without faults from its states. */
export async function simulateToEnd(
  tenant: LiveTenant,
  folder: string,
  { failsAt, ...simulation }: Simulation,
): Promise<SimulationResult & { resumed: boolean }> {
  const first = await simulate(tenant, folder, { ...simulation, ...(failsAt && { failsAt }) });
  if (first.results.every(({ status }) => status === 'complete')) return { ...first, resumed: false };
  expect(failsAt).toBeDefined();
  const { expiresAt: _, ...undisturbed } = { ...simulation, kills: [], faults: [] };
  const second = await simulate(tenant, folder, { ...undisturbed, states: first.states });
  const rows = Object.fromEntries(
    simulation.streams.map(({ name }) => [name, [...(first.rows[name] ?? []), ...(second.rows[name] ?? [])]]),
  );
  return { ...second, rows, resumed: true };
}

/** Sends one request at a time, which makes runs reproducible, and advances the clock with each. */
function withClock(client: Auth0Client, clock: { now: number }): Auth0Client {
  const mutex = new Mutex();
  const timed = <Response>(send: () => Promise<Response>): Promise<Response> =>
    mutex.runExclusive(() => {
      clock.now += requestMs;
      return send();
    });
  return {
    ...client,
    getPage: (request, options) =>
      timed(async () => {
        const at = Math.floor(clock.now / 1_000) * 1_000;
        return { ...(await client.getPage(request, options)), respondedAt: at };
      }),
    getObject: (request, options) => timed(() => client.getObject(request, options)),
  };
}

/** Makes attempts at one fetch after the other, as Temporal does. */
function createAttemptChain(runner: FetchRunner): {
  fetch(input: FetchInput): Promise<FetchResult>;
  kill(kill: Kill): void;
  readRows: FetchRunner['readRows'];
} {
  let current: { attempt: Attempt; arrived?: (Heartbeat | undefined)[] } | undefined;
  return {
    async fetch(input) {
      let heartbeat: Heartbeat | undefined;
      for (let nth = 1; ; nth += 1) {
        const turn: NonNullable<typeof current> = { attempt: runner.attempt(input, nth, heartbeat) };
        current = turn;
        try {
          const result = await turn.attempt.result;
          if (!turn.arrived) return result;
        } catch (error) {
          if (!turn.arrived && (error as ApplicationFailure).nonRetryable) throw error;
        }
        heartbeat = (turn.arrived ?? turn.attempt.heartbeats).at(-1) ?? heartbeat;
      }
    },
    kill({ lost, unaware }) {
      if (!current || current.arrived) return;
      const { heartbeats, cancel } = current.attempt;
      current.arrived = heartbeats.slice(0, Math.max(0, heartbeats.length - lost));
      if (!unaware) cancel();
    },
    readRows: runner.readRows,
  };
}
