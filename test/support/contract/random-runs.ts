import fc from 'fast-check';
import type { Delivery } from '../../../src/sinks/sink';
import { replacesExistingRows } from '../../../src/sinks/stream-ledger';
import { users } from './deliveries';

/** One run of a stream: its mode, the deliveries before its last one, and its end; a `killed` run has no last delivery. */
interface RandomRun {
  mode: string;
  deliveries: number;
  end: 'COMPLETE' | 'INCOMPLETE' | 'killed';
}

/** Any runs of one stream, one after the other. */
export const anyRuns = fc.array(
  fc.record<RandomRun>({
    mode: fc.constantFrom('append', 'append_dedup', 'overwrite', 'overwrite_dedup'),
    deliveries: fc.integer({ min: 0, max: 3 }),
    end: fc.constantFrom('COMPLETE', 'INCOMPLETE', 'killed'),
  }),
  { minLength: 1, maxLength: 6 },
);

/** A delivery of one record, and what the destination must contain after it. */
export interface ExpectedDelivery {
  /** Its state is the id of its record. The test adds the segments. */
  delivery: Delivery;
  id: string;
  /** Ids of all records. */
  records: string[];
  runNumber: number;
  generation: number;
  complete: boolean;
  /** Whether records wait for the end of their run. */
  pending: boolean;
}

/** Lists the deliveries of the runs. This is the specification of a ledger, written without one. */
export function listDeliveries(runs: readonly RandomRun[]): ExpectedDelivery[] {
  const expected: ExpectedDelivery[] = [];
  let [records, generation, complete]: [string[], number, boolean] = [[], 0, false];
  for (const [index, { mode, deliveries, end }] of runs.entries()) {
    const stream = { ...users, destinationSyncMode: mode };
    const replaces = replacesExistingRows(stream);
    let delivered: string[] = [];
    if (!replaces) complete = false;
    const statuses = [
      'STARTED',
      ...Array<undefined>(deliveries).fill(undefined),
      ...(end === 'killed' ? [] : [end]),
    ] as const;
    for (const [sequence, status] of statuses.entries()) {
      const id = `${index}-${sequence}`;
      delivered = [...delivered, id];
      if (!replaces) records = [...records, id];
      else if (status === 'COMPLETE') [records, generation] = [delivered, generation + 1];
      complete ||= status === 'COMPLETE';
      expected.push({
        delivery: {
          run: `run-${index}`,
          stream,
          sequence,
          segments: [],
          state: { id },
          ...(status !== undefined && { status }),
        },
        id,
        records,
        runNumber: index + 1,
        generation,
        complete,
        pending: replaces && status !== 'COMPLETE' && status !== 'INCOMPLETE',
      });
    }
  }
  return expected;
}
