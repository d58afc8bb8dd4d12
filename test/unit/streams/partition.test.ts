import fc from 'fast-check';
import type { SearchTask } from '../../../src/streams/fetch-task';
import {
  computeUpperBound,
  createPartition,
  estimateRemainingRows,
  type Partition,
  splitPartition,
} from '../../../src/streams/partition';

const epoch = Date.parse('2026-01-01T00:00:00.000Z');
const iso = (ms: number): string => new Date(epoch + ms).toISOString();
const ms = (time: string): number => Date.parse(time) - epoch;

interface Shape {
  missing: boolean;
  /** The search has an upper bound of its own, rather than the greatest key that was found. */
  bounded: boolean;
  /** Keys, in ms: of the first row, of the last one read, of the end. */
  first: number;
  read: number;
  end: number;
  rows: number;
}

function createShapedPartition({ missing, bounded, first, read, end, rows }: Shape): Partition {
  const task: SearchTask = {
    kind: 'search',
    stream: 'users',
    key: 'created_at',
    from: iso(0),
    missing,
    ...(bounded ? { to: iso(end) } : {}),
  };
  return {
    ...createPartition(task, { place: 'opaque' }),
    rows,
    total: 1000,
    remainingRange: { firstKey: iso(first), nextKey: iso(read) },
  };
}

const shape = fc
  .tuple(fc.nat(50), fc.nat(500), fc.nat(3_000), fc.nat(20_000), fc.boolean(), fc.boolean())
  .map(([first, read, left, rows, missing, bounded]): Shape => {
    const at = { first, read: first + read, end: first + read + left };
    return { ...at, missing, bounded, rows };
  });

const getSearch = ({ task }: Partition): SearchTask & { to?: string } => {
  if (task.kind !== 'search' || typeof task.to === 'object') throw new Error('not a range of a search');
  return task as SearchTask & { to?: string };
};

test('the parts of a split cover the remaining range in order, without overlap, and none is empty', () => {
  fc.assert(
    fc.property(shape, fc.integer({ min: 1, max: 40 }), (given, count) => {
      const whole = createShapedPartition(given);
      const parts = splitPartition(whole, count, iso(given.end));
      const tasks = parts.map(getSearch);
      expect([1, count]).toContain(parts.length);

      const bounds = tasks.map(({ from = '', to = iso(given.end) }) => [ms(from), ms(to)] as const);
      expect(bounds[0]![0]).toBe(0);
      expect(bounds[0]![1]).toBeGreaterThanOrEqual(given.read);
      for (const [from, to] of bounds.slice(1)) expect(to).toBeGreaterThanOrEqual(from);
      expect(bounds.slice(1).map(([from]) => from)).toEqual(bounds.slice(0, -1).map(([, to]) => to + 1));
      expect(tasks.at(-1)!.to).toBe(getSearch(whole).to);

      expect(tasks.map(({ missing }) => missing)).toEqual(
        tasks.map((_, nth) => given.missing && nth === tasks.length - 1),
      );
      expect(tasks.every(({ kind, stream, key }) => `${kind} ${stream} ${key}` === 'search users created_at')).toBe(
        true,
      );
    }),
    { numRuns: 300 },
  );
});

test('the first part of a split keeps the cursor and the count, and the others start at 0', () => {
  const whole = createShapedPartition({ missing: true, bounded: false, first: 0, read: 100, end: 1_000, rows: 500 });
  const [first, ...others] = splitPartition(whole, 3, iso(1_000));
  expect(first).toEqual({ ...whole, task: { ...whole.task, to: iso(399), missing: false } });
  expect(others.map(({ task, ...rest }) => [getSearch({ ...rest, task }).from, rest])).toEqual(
    [400, 700].map((from) => [iso(from), { cursor: null, done: false, rows: 0 }]),
  );
});

test('a part can be split again', () => {
  const whole = createShapedPartition({ missing: true, bounded: false, first: 0, read: 100, end: 1_000, rows: 500 });
  const last = splitPartition(whole, 3, iso(1_000)).at(-1)!;
  const read = { ...last, remainingRange: { firstKey: iso(700), nextKey: iso(800) } };
  expect(splitPartition(read, 2, iso(1_000)).map((part) => [getSearch(part).from, getSearch(part).to])).toEqual([
    [iso(700), iso(899)],
    [iso(900), undefined],
  ]);
});

test('a single millisecond, an unknown range and a list are not split', () => {
  const instant = createShapedPartition({ missing: true, bounded: true, first: 0, read: 500, end: 502, rows: 9 });
  const { remainingRange: _, ...unknown } = createShapedPartition({
    missing: true,
    bounded: true,
    first: 0,
    read: 5,
    end: 900,
    rows: 9,
  });
  const beyond = createShapedPartition({ missing: true, bounded: false, first: 0, read: 500, end: 500, rows: 9 });
  const list = createPartition({ kind: 'list', stream: 'clients' });
  for (const partition of [instant, unknown, beyond, list])
    expect(splitPartition(partition, 3, iso(400))).toEqual([partition]);
});

test('the estimate is never negative and grows with the distance of the end', () => {
  fc.assert(
    fc.property(shape, fc.option(fc.nat(4_000), { nil: undefined }), (given, end) => {
      const partition = createShapedPartition(given);
      const left = estimateRemainingRows(partition, end === undefined ? undefined : iso(end));
      expect(Number.isFinite(left)).toBe(true);
      expect(left).toBeGreaterThanOrEqual(0);
      if (given.bounded) expect(left).toBe(estimateRemainingRows(partition, undefined));
      if (end !== undefined) expect(estimateRemainingRows(partition, iso(end + 1_000))).toBeGreaterThanOrEqual(left);
    }),
    { numRuns: 300 },
  );
});

test('the estimate assumes the density of the rows read', () => {
  const half = createShapedPartition({ missing: false, bounded: true, first: 100, read: 300, end: 500, rows: 40 });
  expect(estimateRemainingRows(half, undefined)).toBe(40);
  expect(estimateRemainingRows({ ...half, task: { kind: 'list', stream: 'users' } }, iso(700))).toBe(80);
});

test('the estimate is 0 before the first row and without an end', () => {
  const open = createShapedPartition({ missing: false, bounded: false, first: 100, read: 300, end: 500, rows: 40 });
  const { remainingRange: _, ...unread } = open;
  expect([estimateRemainingRows(open, undefined), estimateRemainingRows(unread, iso(900))]).toEqual([0, 0]);
});

test("a lag sets the upper bound before the tenant's time, once that is known", () => {
  expect(computeUpperBound({ lagSeconds: 90 }, iso(90_500))).toBe(iso(500));
  expect(computeUpperBound({ lagSeconds: 90 }, undefined)).toBeUndefined();
  expect(computeUpperBound(iso(7), iso(90_500))).toBe(iso(7));
  expect(computeUpperBound(undefined, iso(90_500))).toBeUndefined();
});
