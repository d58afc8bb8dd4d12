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
const deliveryOf = (nth: number): PendingDelivery => ({ segments: [segment(nth)], state: { after: nth } });
const failure = { type: 'Transient', failureType: 'transient_error', exitCode: 5, message: 'It failed.' } as const;
const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A queue to a destination that answers on request. */
function createQueue(position = { ...initialDeliveryPosition }) {
  const taken: DeliveryInput[] = [];
  const answers: ((error?: Error) => void)[] = [];
  const queue = new DeliveryQueue(
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
    await nextTick();
  }
  return { queue, taken, answer };
}

it('sends one delivery at a time, numbered without gaps', async () => {
  const { queue, taken, answer } = createQueue();
  queue.enqueue({ status: 'STARTED', segments: [] });
  queue.enqueue(deliveryOf(1));
  expect(taken).toEqual([{ run: 'run', stream, sequence: 0, status: 'STARTED', segments: [] }]);
  await answer();
  expect(taken.slice(1)).toEqual([{ run: 'run', stream, sequence: 1, ...deliveryOf(1) }]);
  await answer();
  expect(queue.position).toEqual({ nextSequence: 2, durableRecords: 10 });
});

it('merges the deliveries that wait behind a running one, with the newest state', async () => {
  const { queue, taken, answer } = createQueue();
  for (const nth of [1, 2, 3]) queue.enqueue(deliveryOf(nth));
  queue.enqueue({ status: 'COMPLETE', ...deliveryOf(4) });
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
  expect(queue.position).toEqual({ nextSequence: 2, durableRecords: 40 });
});

it('keeps the state of the last records when a failure without a state follows', async () => {
  const { queue, taken, answer } = createQueue();
  for (const nth of [1, 2]) queue.enqueue(deliveryOf(nth));
  queue.enqueue({ status: 'INCOMPLETE', segments: [], failure });
  await answer();
  expect(taken[1]).toMatchObject({ segments: [segment(2)], state: { after: 2 }, status: 'INCOMPLETE', failure });
});

it('merges STARTED with the next delivery, and nothing with a delivery that ends the stream', async () => {
  const { queue, taken, answer } = createQueue();
  queue.enqueue(deliveryOf(0));
  queue.enqueue({ status: 'STARTED', segments: [] });
  queue.enqueue(deliveryOf(1));
  queue.enqueue({ status: 'COMPLETE', segments: [] });
  queue.enqueue(deliveryOf(2));
  for (let nth = 0; nth < 4; nth += 1) await answer();
  expect(taken.map(({ status, segments }) => [status, segments.length])).toEqual([
    [undefined, 1],
    ['STARTED', 1],
    ['COMPLETE', 0],
    [undefined, 1],
  ]);
});

it('counts records as enqueued at once, and as durable when the destination has answered', async () => {
  const { queue, answer } = createQueue({ nextSequence: 5, durableRecords: 70 });
  queue.enqueue(deliveryOf(1));
  expect([queue.enqueuedRecords, queue.position.durableRecords]).toEqual([80, 70]);
  await answer();
  expect([queue.enqueuedRecords, queue.position]).toEqual([80, { nextSequence: 6, durableRecords: 80 }]);
});

it('sends nothing after a failed delivery', async () => {
  const { queue, taken, answer } = createQueue();
  for (const nth of [1, 2]) queue.enqueue(deliveryOf(nth));
  await answer(new Error('the disk is gone'));
  queue.enqueue(deliveryOf(3));
  await nextTick();
  expect(taken).toHaveLength(1);
  expect(queue.position).toEqual({ nextSequence: 0, durableRecords: 0 });
});
