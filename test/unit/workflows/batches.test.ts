import type { FetchInput, FetchResult } from '../../../src/activities/fetch-contract';
import { createSyncInput, defaultLimits } from '../../../src/app/sync-input';
import { zeroCounts } from '../../../src/streams/counts';
import { defaultReadOptions, parentIndexName } from '../../../src/streams/fetch-task';
import { parentWorkflow } from '../../../src/workflows/parent-reader';
import { runWorkflow } from '../../support/simulation/workflow-runtime';

jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));

/** Sizes of the batches that a page of 100 organizations becomes, where 16 requests at a time are of use. */
async function batchesOf(latencyMs: number | undefined): Promise<number[]> {
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
  ['quick answers make batches worth a slice', 20, [25, 25, 25, 25]],
  ['slow answers make as many as keep all lanes at work', 500, Array.from({ length: 25 }, () => 4)],
  ['so they do while nobody knows how quick they are', undefined, Array.from({ length: 25 }, () => 4)],
])('%s', async (_, latencyMs, sizes) => {
  expect(await batchesOf(latencyMs)).toEqual(sizes);
});
