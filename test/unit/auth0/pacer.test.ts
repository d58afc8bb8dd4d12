import { setMaxListeners } from 'node:events';
import { Pacer, type Slot } from '../../../src/auth0/rate-limit/pacer';

const headers = (limit: number, remaining: number, fullInMs = 60_000) => ({ limit, remaining, fullInMs });
let end: AbortController;
beforeEach(() => {
  end = new AbortController();
  setMaxListeners(0, end.signal);
});
/** Removes waiting requests, whose timers would keep the process alive. */
afterEach(() => end.abort(new Error('the test has ended')));

function acquire(pacer: Pacer, signal = end.signal): Promise<Slot> {
  const slot = pacer.acquire('users', 'GET users', { maxWaitMs: 60_000, signal });
  slot.catch(() => {});
  return slot;
}

/** Which of the promises are resolved. */
async function settled(promises: Promise<unknown>[]): Promise<boolean[]> {
  const pending = Symbol();
  await new Promise((resolve) => setTimeout(resolve, 10));
  return Promise.all(promises.map(async (one) => (await Promise.race([one, Promise.resolve(pending)])) !== pending));
}

test('sends the first request alone, and then as many as there are tokens', async () => {
  const pacer = new Pacer({ reserve: 0 });
  const first = await acquire(pacer);
  const others = [1, 2, 3, 4, 5].map(() => acquire(pacer));
  expect(await settled(others)).toEqual([false, false, false, false, false]);
  first.recordResponse(headers(1_000, 3));
  expect((await settled(others)).slice(0, 3)).toEqual([true, true, true]);
});

test('limits the requests in flight to its concurrency, also without a rate limit', async () => {
  const pacer = new Pacer({ maxConcurrency: 2 });
  (await acquire(pacer)).recordResponse(undefined);
  const asked = [1, 2, 3].map(() => acquire(pacer));
  expect(await settled(asked)).toEqual([true, true, false]);
  (await asked[0])?.recordFailure();
  expect(await settled(asked)).toEqual([true, true, true]);
});

test('leaves a share of the bucket to other clients', async () => {
  const pacer = new Pacer({ reserve: 0.5 });
  (await acquire(pacer)).recordResponse(headers(6, 5));
  const asked = Array.from({ length: 9 }, () => acquire(pacer));
  expect((await settled(asked)).filter(Boolean)).toHaveLength(2);
});

test("rejects an aborted request with its signal's reason and lets the next one advance", async () => {
  const pacer = new Pacer({ maxConcurrency: 1 });
  const first = await acquire(pacer);
  const leaving = new AbortController();
  const second = acquire(pacer, leaving.signal);
  const third = acquire(pacer);
  leaving.abort(new Error('no longer needed'));
  await expect(second).rejects.toThrow('no longer needed');
  first.recordResponse(undefined);
  await expect(third).resolves.toBeDefined();
});

test('waits for an empty bucket and shows the wait in the snapshot', async () => {
  const pacer = new Pacer({ reserve: 0 });
  (await acquire(pacer)).recordResponse(headers(2, 0));
  const [bucket] = pacer.snapshot().buckets;
  expect(bucket).toMatchObject({ name: 'tenant', limit: 2, remaining: 0, waitingUntil: expect.any(Number) as number });
  const startedAt = Date.now();
  const reported: number[] = [];
  await pacer.acquire('users', 'GET users', { maxWaitMs: 60_000, onWait: (until) => reported.push(until) });
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(490);
  expect(reported).toEqual([]);
});

test('reports a wait of a second or more once', async () => {
  const pacer = new Pacer();
  const until = (await acquire(pacer)).recordRefusal({ retryAfterMs: 30_000 });
  const reported: number[] = [];
  const waiting = pacer.acquire('users', 'GET users', {
    maxWaitMs: 60_000,
    signal: end.signal,
    onWait: (time) => reported.push(time),
  });
  waiting.catch(() => {});
  await settled([waiting, acquire(pacer)]);
  expect(reported).toHaveLength(1);
  expect(Math.abs((reported[0] ?? 0) - until)).toBeLessThan(1_000);
});

test('shows requests in flight and waiting, and the concurrency it demands', async () => {
  const pacer = new Pacer({ maxConcurrency: 5 });
  expect(pacer.snapshot()).toEqual({ buckets: [], concurrency: 5, inflight: 0, waiting: 0 });
  await acquire(pacer);
  void acquire(pacer);
  expect(pacer.snapshot()).toMatchObject({ inflight: 1, waiting: 1 });
});

test('demands only the concurrency that keeps a bucket busy when it runs short', async () => {
  let time = 0;
  const pacer = new Pacer({ now: () => time });
  for (let nth = 0; nth < 8; nth += 1) {
    const slot = await acquire(pacer);
    time += 1_000;
    slot.recordResponse(headers(2, 0, 1_000));
    time += 1_000;
  }
  expect(pacer.snapshot().concurrency).toBeLessThanOrEqual(4);
});

test('increases the requests in flight without a rate limit while that increases the throughput', async () => {
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

test('reduces the requests in flight when most of them fail', async () => {
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
