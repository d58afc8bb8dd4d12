import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream, RunSummary } from '../../../src/protocol';
import type { Delivery } from '../../../src/sinks/sink';
import type { Segment } from '../../../src/staging/segment';
import type { Staging } from '../../../src/staging/staging';
import { zeroCounts } from '../../../src/streams/counts';

const idOnly = { schema: { type: 'object', properties: { id: { type: ['null', 'string'] } } }, primaryKey: [['id']] };

/** An incremental stream, whose records are appended. */
export const users: ConfiguredStream = {
  name: 'users',
  syncMode: 'incremental',
  destinationSyncMode: 'append',
  ...idOnly,
};
/** A stream that each complete run replaces. */
export const clients: ConfiguredStream = {
  name: 'clients',
  syncMode: 'full_refresh',
  destinationSyncMode: 'overwrite',
  namespace: 'acme',
  ...idOnly,
};

/** Rows with the given ids. */
export function rows(...ids: string[]): JsonObject[] {
  return ids.map((id) => ({ id }));
}

let slices = 0;

/** Puts rows into a segment of its own. */
export async function stage(staging: Staging, stream: string, data: JsonObject[]): Promise<Segment> {
  slices += 1;
  const writer = await staging.open({ run: 'staged', fetchId: `${stream}-${slices}`, attempt: 1, stream });
  await writer.append(data.map((each) => ({ emitted_at: 1_700_000_000_000, data: each })));
  const segment = await writer.commit();
  await writer.close();
  return segment;
}

/** Numbers the steps of one stream in one run. */
export function stepsOf(run: string, stream: ConfiguredStream, first = 0): (step: Partial<Delivery>) => Delivery {
  let sequence = first;
  return (step) => ({ run, stream, sequence: sequence++, segments: [], ...step });
}

/** The summary of a run in which `users` is complete except for something and `clients` is not; with more than a sink must know. */
export function summaryOf(run: string): RunSummary {
  const users = {
    stream: 'users',
    status: 'complete',
    records: 1200,
    verdict: `complete except for 2 users that left during ${run}`,
    counts: { ...zeroCounts, pages: 13, requests: 14, rows: 1200, repeated: 12 },
    audit: [{ part: 'created_at from the beginning to the end', rows: 1200, total: 1000 }],
  } as const;
  const clients = {
    stream: 'clients',
    status: 'incomplete',
    records: 0,
    counts: zeroCounts,
    verdict: 'incomplete: No.',
  } as const;
  return { run, status: 'partial', verdict: `incomplete: clients is, in ${run}`, streams: [users, clients] };
}
