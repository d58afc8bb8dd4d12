import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream, RunSummary } from '../../../src/protocol';
import type { Delivery } from '../../../src/sinks/sink';
import type { Segment } from '../../../src/staging/segment';
import type { Staging } from '../../../src/staging/staging';
import { zeroCounts } from '../../../src/streams/counts';

/** A stream whose records are appended, run after run. */
export const users: ConfiguredStream = {
  name: 'users',
  syncMode: 'incremental',
  destinationSyncMode: 'append',
  schema: {
    type: 'object',
    properties: {
      id: { type: ['null', 'string'] },
      email: { type: ['null', 'string'] },
      blocked: { type: ['null', 'boolean'] },
      logins_count: { type: ['null', 'integer'] },
      created_at: { type: ['null', 'string'], format: 'date-time' },
      app_metadata: { type: ['null', 'object'] },
    },
  },
  primaryKey: [['id']],
};

/** A stream whose records each complete run replaces. */
export const clients: ConfiguredStream = {
  name: 'clients',
  syncMode: 'full_refresh',
  destinationSyncMode: 'overwrite',
  namespace: 'acme',
  schema: { type: 'object', properties: { id: { type: ['null', 'string'] } } },
  primaryKey: [['id']],
};

/** Rows with the given ids. */
export function rows(...ids: string[]): JsonObject[] {
  return ids.map((id) => ({ id }));
}

let segments = 0;

/** Writes rows to a new segment. */
export async function stageRows(staging: Staging, stream: string, data: JsonObject[]): Promise<Segment> {
  segments += 1;
  const writer = await staging.open({ run: 'staged', fetchId: `${stream}-${segments}`, attempt: 1, stream });
  await writer.append(data.map((each) => ({ emitted_at: 1_700_000_000_000, data: each })));
  const segment = await writer.commit();
  await writer.close();
  return segment;
}

/** Returns a function that numbers the deliveries of one stream and run. */
export function numberDeliveries(
  run: string,
  stream: ConfiguredStream,
  first = 0,
): (content: Partial<Delivery>) => Delivery {
  let sequence = first;
  return (content) => ({ run, stream, sequence: sequence++, segments: [], ...content });
}

/** A summary in which `users` is complete with an exception and `clients` is not. Has more properties than a sink needs. */
export function createSummary(run: string): RunSummary {
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
