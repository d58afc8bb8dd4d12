import { ConcurrencyWindow } from '../../../src/auth0/rate-limit/concurrency-window';

/** Sends requests to a server with a response time of `latency(inflight)`; returns the final window size. */
function simulateWindow(
  window: ConcurrencyWindow,
  responses: number,
  latency: (inflight: number) => number,
  fails: (nth: number) => boolean,
  begin = 0,
): number {
  const due: number[] = [];
  let now = begin;
  for (let nth = 0; nth < responses; nth += 1) {
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

test('grows to its maximum while that increases the throughput', () => {
  expect(simulateWindow(new ConcurrencyWindow(64), 2_000, () => 50, never)).toBe(64);
  expect(simulateWindow(new ConcurrencyWindow(10), 2_000, () => 50, never)).toBe(10);
});

test('grows to the full capacity of a distant server within seconds', () => {
  const window = new ConcurrencyWindow(64);
  simulateWindow(window, 120, () => 500, never);
  expect(window.getCapacity(0, 0)).toBeGreaterThanOrEqual(20);
});

test('evaluates a new size by requests sent with it, not by those sent before', () => {
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
  for (const [index, { nth, from }] of grown.slice(1).entries()) {
    const former = grown[index];
    expect(nth - (former?.nth ?? 0)).toBeGreaterThanOrEqual((former?.from ?? 0) + from);
  }
});

test('measures the same throughput when responses arrive in batches', () => {
  const window = new ConcurrencyWindow(64);
  let now = 0;
  window.recordResponse(now, 400);
  for (let round = 0; round < 60; round += 1) {
    // The tenant guarantees more than the window allows so far; the server answers 30 requests a second, in batches.
    const inflight = window.getCapacity(20, 0);
    const latency = Math.max(400, inflight * 33);
    now += latency;
    for (let nth = 0; nth < inflight; nth += 1) {
      window.recordBlocked();
      window.recordResponse(now, latency);
    }
  }
  expect(window.getCapacity(0, 0)).toBeLessThan(30);
});

test('does not shrink after a single lost request', () => {
  const window = new ConcurrencyWindow(2);
  for (let now = 100; now < 10_000; now += 100) {
    if (now % 400 === 0) window.recordFailure(now);
    else window.recordResponse(now, 100);
  }
  expect(window.getCapacity(0, 0)).toBe(2);
});

test('stops growing where more requests only increase the latency', () => {
  const size = simulateWindow(new ConcurrencyWindow(64), 5_000, (inflight) => 50 * Math.max(1, inflight / 12), never);
  expect(size).toBeGreaterThanOrEqual(9);
  expect(size).toBeLessThanOrEqual(28);
});

test('ignores an estimated rate after growth without effect or failed requests', () => {
  const busy = new ConcurrencyWindow(64);
  const size = simulateWindow(busy, 5_000, (inflight) => 50 * Math.max(1, inflight / 12), never);
  expect(busy.getCapacity(0, 1_000_000)).toBe(size);
  expect(busy.getDemand(Infinity, 1_000_000)).toBe(Math.ceil(size * 1.5));

  const failing = new ConcurrencyWindow(64);
  const left = simulateWindow(
    failing,
    100,
    () => 50,
    (nth) => nth % 2 === 0,
  );
  expect(failing.getCapacity(0, 1_000_000)).toBe(left);
});

test('does not grow while no request waits for it', () => {
  const window = new ConcurrencyWindow(64);
  for (let now = 0; now < 10_000; now += 10) window.recordResponse(now, 50);
  expect(window.getCapacity(0, 0)).toBe(4);
});

test('shrinks when many requests fail, but not when a few do', () => {
  const latency = (): number => 50;
  expect(simulateWindow(new ConcurrencyWindow(64), 3_000, latency, (nth) => nth % 20 === 0)).toBeGreaterThan(40);
  const window = new ConcurrencyWindow(64);
  simulateWindow(window, 2_000, latency, never);
  expect(simulateWindow(window, 400, latency, (nth) => nth % 2 === 0, 1_000_000)).toBeLessThan(10);
});

test('stays at 1 when that is the maximum', () => {
  expect(
    simulateWindow(
      new ConcurrencyWindow(1),
      100,
      () => 50,
      (nth) => nth % 2 === 0,
    ),
  ).toBe(1);
});

test('always allows the requests that a guaranteed rate needs at the measured latency', () => {
  const window = new ConcurrencyWindow(64);
  window.recordResponse(0, 500);
  expect(window.getCapacity(16, 0)).toBe(12);
  expect(window.getCapacity(1, 0)).toBe(4);
  expect(window.getCapacity(1_000, 0)).toBe(64);
});

test('allows a few more requests than tried before for an estimated rate', () => {
  const window = new ConcurrencyWindow(64);
  window.recordResponse(0, 500);
  expect(window.getCapacity(0, 8)).toBe(6);
  expect(window.getCapacity(0, 1_000)).toBe(8);
  expect(window.getCapacity(20, 8)).toBe(15);
});

test('demands what a saturated tenant accepts, and otherwise more than its capacity, to be able to grow', () => {
  const window = new ConcurrencyWindow(64);
  window.recordResponse(0, 100);
  expect(window.getDemand(16, 20)).toBe(4);
  expect(window.getDemand(2, 20)).toBe(2);
  expect(window.getDemand(Infinity, 0)).toBe(6);
  expect(window.getDemand(Infinity, 50)).toBe(9);
  expect(window.getDemand(Infinity, 1_000_000)).toBe(12);
});
