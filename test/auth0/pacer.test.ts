import { createPacer, type Pacer, type Slot } from '../../src/auth0/pacer';

const reading = (limit: number, remaining: number, fullInMs = 60_000) => ({ limit, remaining, fullInMs });
let over: AbortController;
beforeEach(() => (over = new AbortController()));
/** Those that still wait leave the queue, or they would keep the process. */
afterEach(() => over.abort(new Error('the test is over')));

function acquire(pacer: Pacer, signal = over.signal): Promise<Slot> {
  const slot = pacer.acquire('users', 'GET users', { maxWaitMs: 60_000, signal });
  slot.catch(() => {});
  return slot;
}

/** Which of the promises have come true by now. */
async function settled(promises: Promise<unknown>[]): Promise<boolean[]> {
  const pending = Symbol();
  await new Promise((resolve) => setTimeout(resolve, 10));
  return Promise.all(promises.map(async (one) => (await Promise.race([one, Promise.resolve(pending)])) !== pending));
}

test('the first request goes alone; its answer lets out as many as there are tokens', async () => {
  const pacer = createPacer({ reserve: 0 });
  const first = await acquire(pacer);
  const others = [1, 2, 3, 4, 5].map(() => acquire(pacer));
  expect(await settled(others)).toEqual([false, false, false, false, false]);
  first.answered(reading(1_000, 3));
  expect((await settled(others)).slice(0, 3)).toEqual([true, true, true]);
});

test('no more requests are out than the concurrency allows, also without any limit', async () => {
  const pacer = createPacer({ concurrency: 2 });
  (await acquire(pacer)).answered(undefined);
  const asked = [1, 2, 3].map(() => acquire(pacer));
  expect(await settled(asked)).toEqual([true, true, false]);
  (await asked[0])?.failed();
  expect(await settled(asked)).toEqual([true, true, true]);
});

test('a part of the bucket is left to others', async () => {
  const pacer = createPacer({ reserve: 0.5, concurrency: 100 });
  (await acquire(pacer)).answered(reading(10, 9, 600_000));
  const asked = Array.from({ length: 9 }, () => acquire(pacer));
  expect((await settled(asked)).filter(Boolean)).toHaveLength(4);
});

test('one who leaves the queue is told his own reason, and those behind him move up', async () => {
  const pacer = createPacer({ concurrency: 1 });
  const first = await acquire(pacer);
  const leaving = new AbortController();
  const second = acquire(pacer, leaving.signal);
  const third = acquire(pacer);
  leaving.abort(new Error('gone home'));
  await expect(second).rejects.toThrow('gone home');
  first.answered(undefined);
  await expect(third).resolves.toBeDefined();
});

test('an empty bucket is waited for, and the wait is told', async () => {
  const pacer = createPacer({ reserve: 0 });
  (await acquire(pacer)).answered(reading(2, 0, 1_200));
  expect(pacer.snapshot()).toMatchObject({ limit: 2, remaining: 0, waitingUntil: expect.any(Number) as number });
  const begun = Date.now();
  const told: number[] = [];
  await pacer.acquire('users', 'GET users', { maxWaitMs: 60_000, onWait: (until) => told.push(until) });
  expect(Date.now() - begun).toBeGreaterThanOrEqual(550);
  expect(told).toEqual([]);
});

test('nothing is known of limits before the first answer', () => {
  expect(createPacer().snapshot()).toBeUndefined();
});
