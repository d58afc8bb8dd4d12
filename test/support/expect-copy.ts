import type { Emulator, TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import type { Delivery } from '../../src/sinks/sink';
import { compare, exact } from './compare-copy';
import type { SyncOutcome } from './test-environment';

/** The deliveries of one stream, in the order of the destination. */
export function listDeliveries({ deliveries }: Pick<SyncOutcome, 'deliveries'>, stream: string): Delivery[] {
  return deliveries.filter((delivery) => delivery.stream.name === stream);
}

/** Expects ordered deliveries of each stream, one at a time, and no state before the records that it covers. */
export function expectOrderedDeliveries(outcome: SyncOutcome): void {
  expect(outcome.overlaps).toBe(0);
  for (const stream of new Set(outcome.deliveries.map((delivery) => delivery.stream.name))) {
    const deliveries = listDeliveries(outcome, stream);
    expect(deliveries.map(({ sequence }) => sequence)).toEqual(deliveries.map((_, nth) => nth));
    expect(deliveries[0]?.status).toBe('STARTED');
    expect(deliveries.slice(1, -1).map(({ status }) => status)).toEqual(deliveries.slice(1, -1).map(() => undefined));
    let records = 0;
    for (const { segments, state } of deliveries) {
      records += segments.reduce((sum, segment) => sum + segment.records, 0);
      const covered = (state?.['rollcall'] as JsonObject | undefined)?.['records'];
      if (state) expect(covered).toBe(records);
    }
  }
}

/** Expects each record of the tenant exactly once, complete streams, and one estimate a stream. */
export function expectCompleteCopy(outcome: SyncOutcome, tenant: Emulator, streams: TruthStream[]): void {
  const truth = tenant.readTruth();
  for (const stream of streams) {
    const result = outcome.result.streams.find((each) => each.stream === stream);
    expect({ stream, ...compare(stream, outcome.rows[stream] ?? [], truth[stream]) }).toEqual({ stream, ...exact });
    expect(result).toMatchObject({ status: 'complete', records: truth[stream].size });
    const estimates = listDeliveries(outcome, stream).flatMap(({ estimate }) => estimate ?? []);
    expect({ stream, estimates }).toEqual({ stream, estimates: [expect.any(Number)] });
    const last = listDeliveries(outcome, stream).at(-1);
    expect(last).toMatchObject({ status: 'COMPLETE', state: { rollcall: { finished: true } } });
  }
}
