import type { FetchInput, FetchResult } from '../../../src/activities/fetch-contract';
import type { DeliveryInput } from '../../../src/activities/sink-activities';
import { createSyncInput, defaultLimits } from '../../../src/app/sync-input';
import type { Segment } from '../../../src/staging/segment';
import { zeroCounts } from '../../../src/streams/counts';
import {
  defaultReadOptions,
  deliveredIndexName,
  parentIndexName,
  sideIndexName,
  type SearchTask,
} from '../../../src/streams/fetch-task';
import type { StreamResult } from '../../../src/workflows/contract';
import { parentWorkflow } from '../../../src/workflows/parent-reader';
import { streamWorkflow } from '../../../src/workflows/stream';
import { runWorkflow } from '../../support/simulation/workflow-runtime';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));

/** Limit of what a run passes to the next one, bytes of JSON. */
const maxContinuationBytes = 100_000;
/** As long as tokens get. */
const token = 'fe26.2**'.padEnd(512, 'x');

function segment(fetchId: string, stream: string, records: number): Segment {
  const run = '2026-01-01T00-00-00-000Z-0123456789ab';
  return { stream, file: `${run}/${fetchId}.1.${stream}.jsonl`, bytes: records * 1_000, records };
}

function result(rows: number, rest: Omit<FetchResult, 'counts' | 'concurrency'>): FetchResult {
  return { counts: { ...zeroCounts, rows, pages: 10, requests: 10 }, concurrency: 50, ...rest };
}

/** Runs a workflow over invented fetches, 40 in each run; returns its results and the largest continuation. */
async function simulate(
  workflow: typeof streamWorkflow | typeof parentWorkflow,
  names: string[],
  fetchPages: (input: FetchInput) => FetchResult,
): Promise<{ results: StreamResult[]; runs: number; continuationBytes: number }> {
  const sync = createSyncInput({
    connection: 'acme',
    streams: names.map((name) => ({ name, syncMode: 'full_refresh', destinationSyncMode: 'overwrite' })),
    sinkQueue: 'sink',
    limits: { ...defaultLimits, fetchesPerRun: 40 },
    readOptions: defaultReadOptions,
  });
  const activities = {
    fetchPages: async (input: FetchInput) => fetchPages(input),
    deliver: async () => undefined,
  };
  const sizes: number[] = [];
  // Mostly the newest fetch first, so unfinished work accumulates.
  let turns = 0;
  const results = await runWorkflow(
    workflow,
    { ...sync, run: 'run', states: {} },
    activities,
    () => (turns++ % 3 === 0 ? 0 : 15),
    (args) => sizes.push(JSON.stringify(args).length),
  );
  return { results: results as StreamResult[], runs: sizes.length, continuationBytes: Math.max(...sizes) };
}

it('continues a read of 100,000 organizations with less than 100 kB of state', async () => {
  const all = 100_000;
  const fetchPages = ({ task, fetchId, cursor, budget }: FetchInput): FetchResult => {
    if (task.kind === 'parents') {
      const listed = (cursor as { listed: number } | null)?.listed ?? 0;
      const rows = Math.min(all - listed, budget.pages * 100);
      return result(rows, {
        cursor: { listed: listed + rows, token },
        done: listed + rows === all,
        segments: [parentIndexName, 'organizations', deliveredIndexName].map((each) => segment(fetchId, each, rows)),
      });
    }
    if (task.kind === 'side-index')
      return result(10, { cursor: null, done: true, segments: [segment(fetchId, sideIndexName, 10)] });
    if (task.kind !== 'children') throw new Error(`unexpected task ${task.kind}`);
    // Member lists take longer than the list of organizations.
    const { fetches = 0 } = (cursor ?? {}) as { fetches?: number };
    return result(1_000, {
      cursor: { fetches: fetches + 1, token },
      done: fetches === 4,
      segments: [...task.streams, deliveredIndexName].map((each) => segment(fetchId, each, 1_000)),
    });
  };
  const family = ['organizations', 'organization_members', 'organization_member_roles'];
  const { results, runs, continuationBytes } = await simulate(parentWorkflow, family, fetchPages);
  expect(results.map(({ status }) => status)).toEqual(['complete', 'complete', 'complete']);
  expect(results[0]!.records).toBe(all);
  expect(runs).toBeGreaterThan(10);
  expect(continuationBytes).toBeLessThan(maxContinuationBytes);
});

it('continues a read of 10,000,000 users with less than 100 kB of state', async () => {
  const all = 10_000_000;
  const begin = Date.parse('2015-01-01T00:00:00.000Z');
  const end = Date.parse('2025-01-01T00:00:00.000Z');
  const at = (time: number): string => new Date(time).toISOString();
  const rowMs = (end - begin) / all;
  const fetchPages = ({ task, fetchId, cursor, budget }: FetchInput): FetchResult => {
    if (task.kind === 'search-end') return result(0, { cursor: null, done: true, segments: [], endKey: at(end) });
    const { from, to } = task as SearchTask;
    const first = from === undefined ? begin : Date.parse(from);
    const place = cursor === null ? first : (cursor as { place: number }).place;
    const last = typeof to === 'string' ? Date.parse(to) : end;
    const reached = Math.min(last, place + budget.pages * 99 * rowMs);
    const rows = Math.round((reached - place) / rowMs);
    return result(rows, {
      cursor: { place: reached, token },
      done: reached >= last,
      segments: ['users', deliveredIndexName].map((each) => segment(fetchId, each, rows)),
      total: 1_000,
      frontier: at(reached),
      remainingRange: { firstKey: at(first), nextKey: at(reached) },
    });
  };
  const { results, runs, continuationBytes } = await simulate(streamWorkflow, ['users'], fetchPages);
  expect(results).toMatchObject([{ status: 'complete' }]);
  expect(Math.abs(results[0]!.records - all)).toBeLessThan(all / 1_000);
  expect(runs).toBeGreaterThan(10);
  expect(continuationBytes).toBeLessThan(maxContinuationBytes);
});

it.each(['clients', 'users'])(
  'sends each delivery of %s to the destination with its selection only, in less than 1 kB beside segments and state',
  async (name) => {
    const deliveries: DeliveryInput[] = [];
    const selection = {
      name,
      syncMode: 'full_refresh',
      destinationSyncMode: 'overwrite',
      syncId: 1,
      generationId: 1,
    } as const;
    const sync = createSyncInput({
      connection: 'acme',
      streams: [selection],
      sinkQueue: 'sink',
      limits: defaultLimits,
      readOptions: defaultReadOptions,
    });
    const activities = {
      fetchPages: async ({ fetchId, cursor }: FetchInput) =>
        result(10, { cursor: {}, done: cursor !== null, segments: [segment(fetchId, name, 10)] }),
      deliver: async ({ delivery }: { delivery: DeliveryInput }) => void deliveries.push(delivery),
    };
    await runWorkflow(streamWorkflow, { ...sync, run: 'run', states: {} }, activities, () => 0);
    expect(deliveries.map(({ stream }) => stream)).toEqual(deliveries.map(() => selection));
    for (const { state: _, ...delivery } of deliveries) {
      const input = JSON.stringify({ connection: 'acme', delivery: { ...delivery, segments: [] } });
      expect(input.length).toBeLessThan(1_000);
    }
  },
);
