import type { FetchInput, FetchResult } from '../../../src/activities/fetch-contract';
import { createSyncInput, defaultLimits } from '../../../src/app/sync-input';
import { zeroCounts } from '../../../src/streams/counts';
import { defaultReadOptions, parentIndexName } from '../../../src/streams/fetch-task';
import { parentWorkflow } from '../../../src/workflows/parent-reader';
import { runWorkflow } from '../../support/simulation/workflow-runtime';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));

/** Sizes of the batches of a page of 100 organizations, when 16 concurrent requests are useful. */
async function measureBatches(latencyMs: number | undefined): Promise<number[]> {
  const sizes: number[] = [];
  const result: FetchResult = {
    cursor: null,
    done: true,
    segments: [],
    counts: zeroCounts,
    concurrency: 16,
    ...(latencyMs !== undefined && { latencyMs }),
  };
  const fetchPages = async ({ task }: FetchInput): Promise<FetchResult> => {
    if (task.kind === 'children') sizes.push(task.parents.count);
    const index = { stream: parentIndexName, file: 'run/organizations-0.1.jsonl', bytes: 1_000, records: 100 };
    return task.kind === 'parents' ? { ...result, segments: [index] } : result;
  };
  const sync = createSyncInput({
    connection: 'acme',
    streams: [{ name: 'organization_members', syncMode: 'full_refresh', destinationSyncMode: 'overwrite' }],
    sinkQueue: 'sink',
    limits: defaultLimits,
    readOptions: defaultReadOptions,
  });
  const input = { ...sync, run: 'run', states: {} };
  await runWorkflow(parentWorkflow, input, { fetchPages, deliver: async () => undefined }, () => 0);
  return sizes;
}

it.each([
  ['makes batches of half a second when responses are fast', 20, [25, 25, 25, 25]],
  ['makes two batches for each concurrent fetch when responses are slow', 500, Array.from({ length: 25 }, () => 4)],
  [
    'makes two batches for each concurrent fetch while the latency is unknown',
    undefined,
    Array.from({ length: 25 }, () => 4),
  ],
])('%s', async (_, latencyMs, sizes) => {
  expect(await measureBatches(latencyMs)).toEqual(sizes);
});
