import type { ConfiguredStream } from '../../../src/protocol';
import type { DeliveryInput } from '../../../src/activities/sink-activities';
import type { Segment } from '../../../src/staging/segment';
import { DeliveryQueue, initialDeliveryPosition, type PendingDelivery } from '../../../src/workflows/stream-delivery';

const stream: ConfiguredStream = {
  name: 'users',
  syncMode: 'full_refresh',
  destinationSyncMode: 'overwrite',
  schema: {},
  primaryKey: [],
};
const segment = (nth: number): Segment => ({
  stream: 'users',
  file: `run/users-${nth}.1.users.jsonl`,
  bytes: 9,
  records: 10,
});
const slice = (nth: number): PendingDelivery => ({ segments: [segment(nth)], state: { after: nth } });
const failure = { type: 'Transient', failureType: 'transient_error', exitCode: 5, message: 'It failed.' } as const;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A chain to a destination that answers when it is told to. */
function chainTo(position = { ...initialDeliveryPosition }) {
  const taken: DeliveryInput[] = [];
  const answers: ((error?: Error) => void)[] = [];
  const chain = new DeliveryQueue(
    'run',
    stream,
    (delivery) => {
      taken.push(delivery);
      return new Promise((resolve, reject) => answers.push((error) => (error ? reject(error) : resolve())));
    },
    position,
  );
  async function answer(error?: Error): Promise<void> {
    answers.shift()?.(error);
    await turn();
  }
  return { chain, taken, answer };
}

it('delivers one step at a time, numbered without gaps', async () => {
  const { chain, taken, answer } = chainTo();
  chain.enqueue({ status: 'STARTED', segments: [] });
  chain.enqueue(slice(1));
  expect(taken).toEqual([{ run: 'run', stream, sequence: 0, status: 'STARTED', segments: [] }]);
  await answer();
  expect(taken.slice(1)).toEqual([{ run: 'run', stream, sequence: 1, ...slice(1) }]);
  await answer();
  expect(chain.position).toEqual({ nextSequence: 2, durableRecords: 10 });
});

it('sends what waited behind a running step as one, with the newest state', async () => {
  const { chain, taken, answer } = chainTo();
  for (const nth of [1, 2, 3]) chain.enqueue(slice(nth));
  chain.enqueue({ status: 'COMPLETE', ...slice(4) });
  await answer();
  expect(taken[1]).toEqual({
    run: 'run',
    stream,
    sequence: 1,
    segments: [2, 3, 4].map(segment),
    state: { after: 4 },
    status: 'COMPLETE',
  });
  await answer();
  expect(taken).toHaveLength(2);
  expect(chain.position).toEqual({ nextSequence: 2, durableRecords: 40 });
});

it('keeps the state of records that a failure without a state follows', async () => {
  const { chain, taken, answer } = chainTo();
  for (const nth of [1, 2]) chain.enqueue(slice(nth));
  chain.enqueue({ status: 'INCOMPLETE', segments: [], failure });
  await answer();
  expect(taken[1]).toMatchObject({ segments: [segment(2)], state: { after: 2 }, status: 'INCOMPLETE', failure });
});

it('merges STARTED with what follows, and nothing into an end', async () => {
  const { chain, taken, answer } = chainTo();
  chain.enqueue(slice(0));
  chain.enqueue({ status: 'STARTED', segments: [] });
  chain.enqueue(slice(1));
  chain.enqueue({ status: 'COMPLETE', segments: [] });
  chain.enqueue(slice(2));
  for (let nth = 0; nth < 4; nth += 1) await answer();
  expect(taken.map(({ status, segments }) => [status, segments.length])).toEqual([
    [undefined, 1],
    ['STARTED', 1],
    ['COMPLETE', 0],
    [undefined, 1],
  ]);
});

it('counts records as handed over at once, and as durable only when the destination has answered', async () => {
  const { chain, answer } = chainTo({ nextSequence: 5, durableRecords: 70 });
  chain.enqueue(slice(1));
  expect([chain.enqueuedRecords, chain.position.durableRecords]).toEqual([80, 70]);
  await answer();
  expect([chain.enqueuedRecords, chain.position]).toEqual([80, { nextSequence: 6, durableRecords: 80 }]);
});

it('delivers nothing more after a step that failed', async () => {
  const { chain, taken, answer } = chainTo();
  for (const nth of [1, 2]) chain.enqueue(slice(nth));
  await answer(new Error('the disk is gone'));
  chain.enqueue(slice(3));
  await turn();
  expect(taken).toHaveLength(1);
  expect(chain.position).toEqual({ nextSequence: 0, durableRecords: 0 });
});
