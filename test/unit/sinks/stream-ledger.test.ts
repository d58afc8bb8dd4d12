import fc from 'fast-check';
import type { ConfiguredStream } from '../../../src/protocol';
import { type Delivery, StaleDelivery } from '../../../src/sinks/sink';
import {
  beginRun,
  checkSequence,
  createLedger,
  type Ledger,
  type LedgerContent,
  replacesExistingRows,
  replaceState,
  SequenceGap,
  takeDelivery,
} from '../../../src/sinks/stream-ledger';

/** The records of the model are the numbers of the deliveries that brought them. */
interface Content extends LedgerContent {
  records: number[];
}

const empty: Content = { records: [] };

const createStream = (destinationSyncMode: string): ConfiguredStream => ({
  name: 'users',
  syncMode: 'full_refresh',
  destinationSyncMode,
  schema: {},
  primaryKey: [],
});

/** One run: its mode, how many deliveries come before the last one, and how it ends; `killed`: without a last one. */
const anyRun = fc.record({
  mode: fc.constantFrom('append', 'append_dedup', 'overwrite', 'overwrite_dedup'),
  deliveries: fc.integer({ min: 0, max: 3 }),
  end: fc.constantFrom('COMPLETE' as const, 'INCOMPLETE' as const, 'killed' as const),
});

/** Takes a delivery as every sink does. */
function take(ledger: Ledger<Content>, delivery: Delivery, record: number): Ledger<Content> {
  if (checkSequence(delivery, ledger) === 'duplicate') return ledger;
  return takeDelivery(beginRun(ledger, delivery, empty), delivery, ({ records, ...rest }) => ({
    ...rest,
    records: [...records, record],
  }));
}

test('a ledger has the records that the modes and the ends of its runs leave', () => {
  fc.assert(
    fc.property(fc.array(anyRun, { maxLength: 6 }), (runs) => {
      let ledger = createLedger(empty);
      let expected: number[] = [];
      let generations = 0;
      let record = 0;
      for (const [index, { mode, deliveries, end }] of runs.entries()) {
        const stream = createStream(mode);
        const run = `run-${index}`;
        const delivered: number[] = [];
        const last = end === 'killed' ? [] : [end];
        const statuses = ['STARTED' as const, ...Array<undefined>(deliveries).fill(undefined), ...last];
        for (const [sequence, status] of statuses.entries()) {
          record += 1;
          const delivery = { run, stream, sequence, segments: [], state: { record }, ...(status && { status }) };
          ledger = take(ledger, delivery, record);
          delivered.push(record);
          // A repeated delivery has no effect; an older one, or one too far ahead, is refused.
          expect(take(ledger, delivery, record)).toBe(ledger);
          expect(() => take(ledger, { ...delivery, sequence: sequence - 1 }, record)).toThrow(StaleDelivery);
          expect(() => take(ledger, { ...delivery, sequence: sequence + 2 }, record)).toThrow(SequenceGap);
          // Until the run ends, an overwritten stream keeps its records.
          const isEnd = status === 'COMPLETE' || status === 'INCOMPLETE';
          if (replacesExistingRows(stream) && !isEnd) expect(ledger.current.records).toEqual(expected);
        }
        if (!replacesExistingRows(stream)) expected = [...expected, ...delivered];
        else if (end === 'COMPLETE') {
          expected = delivered;
          generations += 1;
        }
        expect(ledger.current.records).toEqual(expected);
        // The state is that of the newest of these records.
        expect(ledger.current.state?.['record']).toBe(expected.at(-1));
        expect(ledger).toMatchObject({ run, runNumber: index + 1, generation: generations });
        expect(ledger.pending !== undefined).toBe(replacesExistingRows(stream) && end === 'killed');
        if (end === 'COMPLETE') expect(ledger.complete).toBe(true);
        else if (!replacesExistingRows(stream)) expect(ledger.complete).toBe(false);
      }
    }),
  );
});

test('a delivery without a state keeps the state of the deliveries before it', () => {
  const stream = createStream('append');
  const first = { run: 'run-1', stream, sequence: 0, segments: [], state: { at: 1 } };
  const ledger = take(take(createLedger(empty), first, 1), { run: 'run-1', stream, sequence: 1, segments: [] }, 2);
  expect(ledger.current).toEqual({ records: [1, 2], state: { at: 1 } });
});

test('a delivery after the end of an overwriting run is refused', () => {
  const stream = createStream('overwrite');
  const last: Delivery = { run: 'run-1', stream, sequence: 0, segments: [], status: 'COMPLETE' };
  const ledger = take(createLedger(empty), last, 1);
  expect(() => take(ledger, { run: 'run-1', stream, sequence: 1, segments: [] }, 2)).toThrow(
    'received a delivery of users after the end of its run',
  );
});

test.each(['append', 'overwrite'])('a replaced state makes the run in progress stale in mode %s', (mode) => {
  const stream = createStream(mode);
  const started: Delivery = { run: 'run-1', stream, sequence: 0, segments: [], status: 'STARTED' };
  const ledger = replaceState(replaceState(take(createLedger(empty), started, 1), { at: 1 }), { at: 2 });
  expect(ledger.current.state).toEqual({ at: 2 });
  expect(() => take(ledger, { run: 'run-1', stream, sequence: 1, segments: [] }, 2)).toThrow(StaleDelivery);
  const next = take(ledger, { ...started, run: 'run-2' }, 3);
  expect(next).toMatchObject({ run: 'run-2', runNumber: 2 });
  expect(replaceState(next, null).current.state).toBeUndefined();
  // A run id sorts by the time of its start; the id of the change lies between two runs.
  expect(ledger.run > 'run-1' && ledger.run < 'run-2').toBe(true);
});
