import { ConcurrencyWindow } from '../../../src/auth0/rate-limit/concurrency-window';

/** Requests without end against a server that answers in `latency(out)` ms; how large the window is in the end. */
function play(
  window: ConcurrencyWindow,
  answers: number,
  latency: (out: number) => number,
  fails: (nth: number) => boolean,
  begin = 0,
): number {
  const due: number[] = [];
  let now = begin;
  for (let nth = 0; nth < answers; nth += 1) {
    while (due.length < window.getCapacity(0, 0)) due.push(now + latency(due.length + 1));
    window.recordBlocked();
    due.sort((one, other) => one - other);
    now = Math.max(now, due.shift() ?? now);
    if (fails(nth)) window.recordFailure(now);
    else window.recordResponse(now, 50);
  }
  return window.getCapacity(0, 0);
}
const never = (): boolean => false;

test('it grows as long as more at a time brings more, up to the most', () => {
  expect(play(new ConcurrencyWindow(64), 2_000, () => 50, never)).toBe(64);
  expect(play(new ConcurrencyWindow(10), 2_000, () => 50, never)).toBe(10);
});

test('it grows fast: a server far away is used to the full within seconds', () => {
  const window = new ConcurrencyWindow(64);
  play(window, 120, () => 500, never);
  expect(window.getCapacity(0, 0)).toBeGreaterThanOrEqual(20);
});

test('a new size is judged by a round of its own requests, after those that were out before', () => {
  const window = new ConcurrencyWindow(64);
  const grown: { nth: number; from: number }[] = [];
  for (let nth = 1, now = 0; nth <= 100; nth += 1) {
    const size = window.getCapacity(0, 0);
    now += 50 / size;
    window.recordBlocked();
    window.recordResponse(now, 50);
    if (window.getCapacity(0, 0) > size) grown.push({ nth, from: size });
  }
  expect(grown.length).toBeGreaterThanOrEqual(3);
  for (const [place, { nth, from }] of grown.slice(1).entries()) {
    const former = grown[place];
    expect(nth - (former?.nth ?? 0)).toBeGreaterThanOrEqual((former?.from ?? 0) + from);
  }
});

test('answers that come in batches are no faster for it', () => {
  const window = new ConcurrencyWindow(64);
  let now = 0;
  window.recordResponse(now, 400);
  for (let round = 0; round < 60; round += 1) {
    // The tenant is known to give more than the window holds so far; the server answers 30 a second, in batches.
    const out = window.getCapacity(20, 0);
    const latency = Math.max(400, out * 33);
    now += latency;
    for (let nth = 0; nth < out; nth += 1) {
      window.recordBlocked();
      window.recordResponse(now, latency);
    }
  }
  expect(window.getCapacity(0, 0)).toBeLessThan(30);
});

test('a single request that is lost does not make it smaller', () => {
  const window = new ConcurrencyWindow(2);
  for (let now = 100; now < 10_000; now += 100) {
    if (now % 400 === 0) window.recordFailure(now);
    else window.recordResponse(now, 100);
  }
  expect(window.getCapacity(0, 0)).toBe(2);
});

test('it stops where more at a time only takes longer', () => {
  const size = play(new ConcurrencyWindow(64), 5_000, (out) => 50 * Math.max(1, out / 12), never);
  expect(size).toBeGreaterThanOrEqual(9);
  expect(size).toBeLessThanOrEqual(28);
});

test('where more at a time has not paid, or answers stay out, a guess at the limit counts for nothing', () => {
  const busy = new ConcurrencyWindow(64);
  const size = play(busy, 5_000, (out) => 50 * Math.max(1, out / 12), never);
  expect(busy.getCapacity(0, 1_000_000)).toBe(size);
  expect(busy.getDemand(Infinity, 1_000_000)).toBe(Math.ceil(size * 1.5));

  const failing = new ConcurrencyWindow(64);
  const left = play(
    failing,
    100,
    () => 50,
    (nth) => nth % 2 === 0,
  );
  expect(failing.getCapacity(0, 1_000_000)).toBe(left);
});

test('it stays as it is while nothing waits for it', () => {
  const window = new ConcurrencyWindow(64);
  for (let now = 0; now < 10_000; now += 10) window.recordResponse(now, 50);
  expect(window.getCapacity(0, 0)).toBe(4);
});

test('it shrinks when many requests stay without an answer, not when a few do', () => {
  const latency = (): number => 50;
  expect(play(new ConcurrencyWindow(64), 3_000, latency, (nth) => nth % 20 === 0)).toBeGreaterThan(40);
  const window = new ConcurrencyWindow(64);
  play(window, 2_000, latency, never);
  expect(play(window, 400, latency, (nth) => nth % 2 === 0, 1_000_000)).toBeLessThan(10);
});

test('a single one is as many as there ever are when no more are allowed', () => {
  expect(
    play(
      new ConcurrencyWindow(1),
      100,
      () => 50,
      (nth) => nth % 2 === 0,
    ),
  ).toBe(1);
});

test('as many may be out as the tenant gives in the time of an answer, and some more, tried or not', () => {
  const window = new ConcurrencyWindow(64);
  window.recordResponse(0, 500);
  expect(window.getCapacity(16, 0)).toBe(12);
  expect(window.getCapacity(1, 0)).toBe(4);
  expect(window.getCapacity(1_000, 0)).toBe(64);
});

test('on a guess at the limit some more may be out than have been tried, and not many more', () => {
  const window = new ConcurrencyWindow(64);
  window.recordResponse(0, 500);
  expect(window.getCapacity(0, 8)).toBe(6);
  expect(window.getCapacity(0, 1_000)).toBe(8);
  expect(window.getCapacity(20, 8)).toBe(15);
});

test('as many are wanted as the tenant takes; where that is not known, more than are allowed, so that more can be tried', () => {
  const window = new ConcurrencyWindow(64);
  window.recordResponse(0, 100);
  expect(window.getDemand(16, 20)).toBe(4);
  expect(window.getDemand(2, 20)).toBe(2);
  expect(window.getDemand(Infinity, 0)).toBe(6);
  expect(window.getDemand(Infinity, 50)).toBe(9);
  expect(window.getDemand(Infinity, 1_000_000)).toBe(12);
});
