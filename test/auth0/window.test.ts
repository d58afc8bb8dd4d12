import { Window } from '../../src/auth0/window';

/** Requests without end against a server that answers in `latency(out)` ms; how large the window is in the end. */
function play(
  window: Window,
  answers: number,
  latency: (out: number) => number,
  fails: (nth: number) => boolean,
  begin = 0,
): number {
  const due: number[] = [];
  let now = begin;
  for (let nth = 0; nth < answers; nth += 1) {
    while (due.length < window.room(0, 0)) due.push(now + latency(due.length + 1));
    window.hold();
    due.sort((one, other) => one - other);
    now = Math.max(now, due.shift() ?? now);
    if (fails(nth)) window.failed(now);
    else window.answered(now, 50);
  }
  return window.room(0, 0);
}
const never = (): boolean => false;

test('it grows as long as more at a time brings more, up to the most', () => {
  expect(play(new Window(64), 2_000, () => 50, never)).toBe(64);
  expect(play(new Window(10), 2_000, () => 50, never)).toBe(10);
});

test('it grows fast: a server far away is used to the full within seconds', () => {
  const window = new Window(64);
  play(window, 120, () => 500, never);
  expect(window.room(0, 0)).toBeGreaterThanOrEqual(20);
});

test('a new size is judged by a round of its own requests, after those that were out before', () => {
  const window = new Window(64);
  const grown: { nth: number; from: number }[] = [];
  for (let nth = 1, now = 0; nth <= 100; nth += 1) {
    const size = window.room(0, 0);
    now += 50 / size;
    window.hold();
    window.answered(now, 50);
    if (window.room(0, 0) > size) grown.push({ nth, from: size });
  }
  expect(grown.length).toBeGreaterThanOrEqual(3);
  for (const [place, { nth, from }] of grown.slice(1).entries()) {
    const former = grown[place];
    expect(nth - (former?.nth ?? 0)).toBeGreaterThanOrEqual((former?.from ?? 0) + from);
  }
});

test('answers that come in batches are no faster for it', () => {
  const window = new Window(64);
  let now = 0;
  window.answered(now, 400);
  for (let round = 0; round < 60; round += 1) {
    // The tenant is known to give more than the window holds so far; the server answers 30 a second, in batches.
    const out = window.room(20, 0);
    const latency = Math.max(400, out * 33);
    now += latency;
    for (let nth = 0; nth < out; nth += 1) {
      window.hold();
      window.answered(now, latency);
    }
  }
  expect(window.room(0, 0)).toBeLessThan(30);
});

test('a single request that is lost does not make it smaller', () => {
  const window = new Window(2);
  for (let now = 100; now < 10_000; now += 100) {
    if (now % 400 === 0) window.failed(now);
    else window.answered(now, 100);
  }
  expect(window.room(0, 0)).toBe(2);
});

test('it stops where more at a time only takes longer', () => {
  const size = play(new Window(64), 5_000, (out) => 50 * Math.max(1, out / 12), never);
  expect(size).toBeGreaterThanOrEqual(9);
  expect(size).toBeLessThanOrEqual(28);
});

test('where more at a time has not paid, or answers stay out, a guess at the limit counts for nothing', () => {
  const busy = new Window(64);
  const size = play(busy, 5_000, (out) => 50 * Math.max(1, out / 12), never);
  expect(busy.room(0, 1_000_000)).toBe(size);
  expect(busy.wanted(Infinity, 1_000_000)).toBe(Math.ceil(size * 1.5));

  const failing = new Window(64);
  const left = play(
    failing,
    100,
    () => 50,
    (nth) => nth % 2 === 0,
  );
  expect(failing.room(0, 1_000_000)).toBe(left);
});

test('it stays as it is while nothing waits for it', () => {
  const window = new Window(64);
  for (let now = 0; now < 10_000; now += 10) window.answered(now, 50);
  expect(window.room(0, 0)).toBe(4);
});

test('it shrinks when many requests stay without an answer, not when a few do', () => {
  const latency = (): number => 50;
  expect(play(new Window(64), 3_000, latency, (nth) => nth % 20 === 0)).toBeGreaterThan(40);
  const window = new Window(64);
  play(window, 2_000, latency, never);
  expect(play(window, 400, latency, (nth) => nth % 2 === 0, 1_000_000)).toBeLessThan(10);
});

test('a single one is as many as there ever are when no more are allowed', () => {
  expect(
    play(
      new Window(1),
      100,
      () => 50,
      (nth) => nth % 2 === 0,
    ),
  ).toBe(1);
});

test('as many may be out as the tenant gives in the time of an answer, and some more, tried or not', () => {
  const window = new Window(64);
  window.answered(0, 500);
  expect(window.room(16, 0)).toBe(12);
  expect(window.room(1, 0)).toBe(4);
  expect(window.room(1_000, 0)).toBe(64);
});

test('on a guess at the limit some more may be out than have been tried, and not many more', () => {
  const window = new Window(64);
  window.answered(0, 500);
  expect(window.room(0, 8)).toBe(6);
  expect(window.room(0, 1_000)).toBe(8);
  expect(window.room(20, 8)).toBe(15);
});

test('as many are wanted as the tenant takes; where that is not known, more than are allowed, so that more can be tried', () => {
  const window = new Window(64);
  window.answered(0, 100);
  expect(window.wanted(16, 20)).toBe(4);
  expect(window.wanted(2, 20)).toBe(2);
  expect(window.wanted(Infinity, 0)).toBe(6);
  expect(window.wanted(Infinity, 50)).toBe(9);
  expect(window.wanted(Infinity, 1_000_000)).toBe(12);
});
