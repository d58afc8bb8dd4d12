import { setMaxListeners } from 'node:events';
import { Pacer, type Slot } from '../../../src/auth0/rate-limit/pacer';

const reading = (limit: number, remaining: number, fullInMs = 60_000) => ({ limit, remaining, fullInMs });
let over: AbortController;
beforeEach(() => {
  over = new AbortController();
  setMaxListeners(0, over.signal);
});
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
  const pacer = new Pacer({ reserve: 0 });
  const first = await acquire(pacer);
  const others = [1, 2, 3, 4, 5].map(() => acquire(pacer));
  expect(await settled(others)).toEqual([false, false, false, false, false]);
  first.recordResponse(reading(1_000, 3));
  expect((await settled(others)).slice(0, 3)).toEqual([true, true, true]);
});

test('no more requests are out than the concurrency allows, also without any limit', async () => {
  const pacer = new Pacer({ maxConcurrency: 2 });
  (await acquire(pacer)).recordResponse(undefined);
  const asked = [1, 2, 3].map(() => acquire(pacer));
  expect(await settled(asked)).toEqual([true, true, false]);
  (await asked[0])?.recordFailure();
  expect(await settled(asked)).toEqual([true, true, true]);
});

test('a part of the bucket is left to others', async () => {
  const pacer = new Pacer({ reserve: 0.5 });
  (await acquire(pacer)).recordResponse(reading(6, 5));
  const asked = Array.from({ length: 9 }, () => acquire(pacer));
  expect((await settled(asked)).filter(Boolean)).toHaveLength(2);
});

test('one who leaves the queue is told his own reason, and those behind him move up', async () => {
  const pacer = new Pacer({ maxConcurrency: 1 });
  const first = await acquire(pacer);
  const leaving = new AbortController();
  const second = acquire(pacer, leaving.signal);
  const third = acquire(pacer);
  leaving.abort(new Error('gone home'));
  await expect(second).rejects.toThrow('gone home');
  first.recordResponse(undefined);
  await expect(third).resolves.toBeDefined();
});

test('an empty bucket is waited for, and the wait is told', async () => {
  const pacer = new Pacer({ reserve: 0 });
  (await acquire(pacer)).recordResponse(reading(2, 0));
  const [bucket] = pacer.snapshot().buckets;
  expect(bucket).toMatchObject({ name: 'tenant', limit: 2, remaining: 0, waitingUntil: expect.any(Number) as number });
  const begun = Date.now();
  const told: number[] = [];
  await pacer.acquire('users', 'GET users', { maxWaitMs: 60_000, onWait: (until) => told.push(until) });
  expect(Date.now() - begun).toBeGreaterThanOrEqual(490);
  expect(told).toEqual([]);
});

test('a wait of a second or more is told once', async () => {
  const pacer = new Pacer();
  const until = (await acquire(pacer)).recordRefusal({ retryAfterMs: 30_000 });
  const told: number[] = [];
  const waiting = pacer.acquire('users', 'GET users', {
    maxWaitMs: 60_000,
    signal: over.signal,
    onWait: (time) => told.push(time),
  });
  waiting.catch(() => {});
  await settled([waiting, acquire(pacer)]);
  expect(told).toHaveLength(1);
  expect(Math.abs((told[0] ?? 0) - until)).toBeLessThan(1_000);
});

test('what is shown begins empty, counts what is out and what waits, and says how many it would like to be asked for', async () => {
  const pacer = new Pacer({ maxConcurrency: 5 });
  expect(pacer.snapshot()).toEqual({ buckets: [], concurrency: 5, inflight: 0, waiting: 0 });
  await acquire(pacer);
  void acquire(pacer);
  expect(pacer.snapshot()).toMatchObject({ inflight: 1, waiting: 1 });
});

test('of a bucket that runs short it would like no more to be asked for than keep it busy', async () => {
  let time = 0;
  const pacer = new Pacer({ now: () => time });
  for (let nth = 0; nth < 8; nth += 1) {
    const slot = await acquire(pacer);
    time += 1_000;
    slot.recordResponse(reading(2, 0, 1_000));
    time += 1_000;
  }
  expect(pacer.snapshot().concurrency).toBeLessThanOrEqual(4);
});

test('without any limit, more and more are out at a time as long as that brings more', async () => {
  let time = 0;
  const pacer = new Pacer({ now: () => time, maxConcurrency: 20 });
  let out: Slot[] = [];
  const ask = (): void =>
    void acquire(pacer).then(
      (slot) => out.push(slot),
      () => {},
    );
  for (let nth = 0; nth < 40; nth += 1) ask();
  for (let round = 0; round < 30; round += 1) {
    await new Promise(setImmediate);
    const answered = out;
    out = [];
    time += 100;
    for (const slot of answered) {
      slot.recordResponse(undefined);
      ask();
    }
  }
  await new Promise(setImmediate);
  expect(out.length).toBe(20);
  expect(pacer.snapshot().concurrency).toBe(20);
});

test('fewer are out at a time when most get no answer', async () => {
  let time = 0;
  const pacer = new Pacer({ now: () => time });
  (await acquire(pacer)).recordResponse(undefined);
  for (let round = 0; round < 3; round += 1) {
    const asked = [1, 2, 3, 4].map(() => acquire(pacer));
    for (const slot of asked) {
      time += 1_000;
      (await slot).recordFailure();
    }
  }
  const asked = [1, 2, 3, 4].map(() => acquire(pacer));
  expect((await settled(asked)).filter(Boolean).length).toBeLessThan(4);
});
