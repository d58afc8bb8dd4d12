import fc from 'fast-check';
import { type GeneratedOrder, type IndexEntry, KeyIndex, createSortedOrder } from '../src/data/key-index';

const values = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 20 });
const changes = fc.array(
  fc.record({
    handle: fc.integer({ min: 0, max: 25 }),
    change: fc.oneof(fc.constant('remove' as const), fc.constant(undefined), fc.integer({ min: 0, max: 30 })),
  }),
  { maxLength: 30 },
);
const bound = fc.integer({ min: -2, max: 32 });

function listOrder(order: GeneratedOrder): IndexEntry[] {
  return Array.from({ length: order.length }, (_, position) => order.at(position));
}

const compare = (one: IndexEntry, other: IndexEntry): number => one.value - other.value || one.handle - other.handle;

it('iterates any range in both directions like a sorted list, after any writes', () => {
  fc.assert(
    fc.property(values, changes, bound, bound, (values, changes, from, to) => {
      const model = new Map<number, number | undefined>(values.map((value, handle) => [handle, value]));
      const index = new KeyIndex(
        createSortedOrder(values.length, 0, (handle) => values[handle] ?? 0),
        [],
      );
      for (const { handle, change } of changes) {
        if (change === 'remove') {
          model.delete(handle);
          index.remove(handle);
        } else {
          model.set(handle, change);
          index.set(handle, change);
        }
      }
      const present = [...model].flatMap(([handle, value]) => (value === undefined ? [] : [{ handle, value }]));
      const expected = present.filter(({ value }) => value >= from && value <= to).sort(compare);
      expect([...index.iterateAscending({ from, to })]).toEqual(expected);
      expect([...index.iterateDescending({ from, to })]).toEqual(expected.reverse());
      expect([...index.missing].sort()).toEqual(
        [...model]
          .filter(([, value]) => value === undefined)
          .map(([handle]) => handle)
          .sort(),
      );
    }),
  );
});

it('sorts timestamps with millisecond precision', () => {
  const origin = Date.UTC(2022, 0, 1);
  const instants = fc.array(fc.integer({ min: origin, max: Date.UTC(2040, 0, 1) }), { maxLength: 50 });
  fc.assert(
    fc.property(instants, (values) => {
      const expected = values.map((value, handle) => ({ handle, value })).sort(compare);
      expect(listOrder(createSortedOrder(values.length, origin, (handle) => values[handle] ?? 0))).toEqual(expected);
    }),
  );
});
