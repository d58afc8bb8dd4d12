import fc from 'fast-check';
import type { ConfiguredStream } from '../../../src/protocol';
import { type Delivery, StaleDelivery } from '../../../src/sinks/sink';
import {
  beginRun,
  checkSequence,
  createLedger,
  type Ledger,
  type LedgerContent,
  replaceState,
  SequenceGap,
  takeDelivery,
} from '../../../src/sinks/stream-ledger';
import { users } from '../../support/contract/deliveries';
import { anyRuns, listDeliveries } from '../../support/contract/random-runs';

interface Content extends LedgerContent {
  /** Ids of the records. */
  records: string[];
}

const empty: Content = { records: [] };

const createStream = (destinationSyncMode: string): ConfiguredStream => ({ ...users, destinationSyncMode });

/** Takes a delivery as every sink does. */
function take(ledger: Ledger<Content>, delivery: Delivery, id: string): Ledger<Content> {
  if (checkSequence(delivery, ledger) === 'duplicate') return ledger;
  return takeDelivery(beginRun(ledger, delivery, empty), delivery, ({ records, ...rest }) => ({
    ...rest,
    records: [...records, id],
  }));
}

test('a ledger has the records that the modes and the ends of its runs leave', () => {
  fc.assert(
    fc.property(anyRuns, (runs) => {
      let ledger = createLedger(empty);
      for (const { delivery, id, records, pending, ...facts } of listDeliveries(runs)) {
        const { sequence } = delivery;
        ledger = take(ledger, delivery, id);
        expect(ledger).toMatchObject({ run: delivery.run, sequence, ...facts });
        expect(ledger.current.records).toEqual(records);
        // The state is that of the newest of these records.
        expect(ledger.current.state?.['id']).toBe(records.at(-1));
        expect(ledger.pending !== undefined).toBe(pending);
        expect(take(ledger, delivery, id)).toBe(ledger);
        expect(() => take(ledger, { ...delivery, sequence: sequence - 1 }, id)).toThrow(StaleDelivery);
        expect(() => take(ledger, { ...delivery, sequence: sequence + 2 }, id)).toThrow(SequenceGap);
      }
    }),
  );
});

test('a delivery without a state keeps the state of the deliveries before it', () => {
  const stream = createStream('append');
  const first = { run: 'run-1', stream, sequence: 0, segments: [], state: { at: 1 } };
  const ledger = take(take(createLedger(empty), first, 'a'), { run: 'run-1', stream, sequence: 1, segments: [] }, 'b');
  expect(ledger.current).toEqual({ records: ['a', 'b'], state: { at: 1 } });
});

test('a delivery after the end of an overwriting run is refused', () => {
  const stream = createStream('overwrite');
  const last: Delivery = { run: 'run-1', stream, sequence: 0, segments: [], status: 'COMPLETE' };
  const ledger = take(createLedger(empty), last, 'a');
  expect(() => take(ledger, { run: 'run-1', stream, sequence: 1, segments: [] }, 'b')).toThrow(
    'received a delivery of users after the end of its run',
  );
});

test.each(['append', 'overwrite'])('a replaced state makes the run in progress stale in mode %s', (mode) => {
  const stream = createStream(mode);
  const started: Delivery = { run: 'run-1', stream, sequence: 0, segments: [], status: 'STARTED' };
  const ledger = replaceState(replaceState(take(createLedger(empty), started, 'a'), { at: 1 }), { at: 2 });
  expect(ledger.current.state).toEqual({ at: 2 });
  expect(() => take(ledger, { run: 'run-1', stream, sequence: 1, segments: [] }, 'b')).toThrow(StaleDelivery);
  const next = take(ledger, { ...started, run: 'run-2' }, 'c');
  expect(next).toMatchObject({ run: 'run-2', runNumber: 2 });
  expect(replaceState(next, null).current.state).toBeUndefined();
  // A run id sorts by the time of its start; the id of the change lies between two runs.
  expect(ledger.run > 'run-1' && ledger.run < 'run-2').toBe(true);
});
