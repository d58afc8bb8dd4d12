/** One user's place under a key: the key's value (epoch ms) and the user's handle. */
export interface IndexEntry {
  value: number;
  handle: number;
}

/** The generated users in ascending order of a key, computed rather than stored. */
export interface GeneratedOrder {
  length: number;
  at(position: number): IndexEntry;
}

/** Values between two bounds, both inclusive (a millisecond is the smallest step, so an exclusive bound is its neighbour). */
export interface KeyBounds {
  from: number;
  to: number;
}

export const unbounded: KeyBounds = { from: -Infinity, to: Infinity };

/**
 * Users in the order of one timestamp: the generated order, less those that were moved or removed, merged with those that
 * were put in later. Finding a bound is a binary search, so a page in mid-range costs the same with 1,000,000 users.
 */
export class KeyIndex {
  private readonly moved = new Set<number>();
  private readonly added: IndexEntry[] = [];
  /** Users whose record lacks the key. */
  readonly missing: Set<number>;

  constructor(
    private readonly base: GeneratedOrder,
    lacking: Iterable<number>,
  ) {
    this.missing = new Set(lacking);
    for (const handle of this.missing) this.moved.add(handle);
  }

  /** Puts a user where `value` belongs; `undefined` when its record lacks the key. */
  set(handle: number, value: number | undefined): void {
    this.remove(handle);
    if (value === undefined) this.missing.add(handle);
    else this.added.splice(this.findAddedIndex({ value, handle }), 0, { value, handle });
  }

  remove(handle: number): void {
    this.moved.add(handle);
    this.missing.delete(handle);
    const place = this.added.findIndex((entry) => entry.handle === handle);
    if (place >= 0) this.added.splice(place, 1);
  }

  *iterateAscending({ from, to }: KeyBounds): Generator<IndexEntry> {
    let position = findLowerBound(this.base.length, (place) => this.base.at(place).value >= from);
    let place = findLowerBound(this.added.length, (at) => (this.added[at] as IndexEntry).value >= from);
    for (;;) {
      while (position < this.base.length && this.moved.has(this.base.at(position).handle)) position += 1;
      const generated = position < this.base.length ? this.base.at(position) : undefined;
      const later = this.added[place];
      const first = !later || (generated && compareEntries(generated, later) <= 0) ? generated : later;
      if (!first || first.value > to) return;
      if (first === later) place += 1;
      else position += 1;
      yield first;
    }
  }

  *iterateDescending({ from, to }: KeyBounds): Generator<IndexEntry> {
    let position = findLowerBound(this.base.length, (place) => this.base.at(place).value > to) - 1;
    let place = findLowerBound(this.added.length, (at) => (this.added[at] as IndexEntry).value > to) - 1;
    for (;;) {
      while (position >= 0 && this.moved.has(this.base.at(position).handle)) position -= 1;
      const generated = position >= 0 ? this.base.at(position) : undefined;
      const later = this.added[place];
      const first = !later || (generated && compareEntries(generated, later) >= 0) ? generated : later;
      if (!first || first.value < from) return;
      if (first === later) place -= 1;
      else position -= 1;
      yield first;
    }
  }

  private findAddedIndex(entry: IndexEntry): number {
    return findLowerBound(this.added.length, (place) => compareEntries(this.added[place] as IndexEntry, entry) > 0);
  }
}

function compareEntries(one: IndexEntry, other: IndexEntry): number {
  return one.value - other.value || one.handle - other.handle;
}

/** The first position for which `holds` is true, given that it is false before and true after; `length` when none is. */
export function findLowerBound(length: number, isReached: (position: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isReached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The order of `count` values that do not follow their index, sorted on first use. Value and index are packed into one
 * 64-bit number, because typed arrays sort natively only without a comparator: 1,000,000 users take a tenth of a second.
 */
export function createSortedOrder(count: number, origin: number, readValue: (index: number) => number): GeneratedOrder {
  let halves: Uint32Array | undefined;
  return {
    length: count,
    at(position) {
      halves ??= sortPacked(count, (index) => readValue(index) - origin);
      const low = halves[2 * position] as number;
      const high = halves[2 * position + 1] as number;
      return { handle: low % indexRange, value: origin + high * valueRange + floor(low / indexRange) };
    },
  };
}

const { floor } = Math;

/** 21 bits for the index, the rest for the value; the value's lowest 11 bits share the lower half with the index. */
const indexRange = 2 ** 21;
const valueRange = 2 ** 11;

/** Low half, high half of each packed number, ascending (little-endian, as every platform that Node runs on). */
function sortPacked(count: number, readValue: (index: number) => number): Uint32Array {
  if (count > indexRange) throw new RangeError(`At most ${indexRange} users can be sorted, not ${count}`);
  const packed = new BigUint64Array(count);
  const halves = new Uint32Array(packed.buffer);
  for (let index = 0; index < count; index += 1) {
    const value = readValue(index);
    halves[2 * index] = (value % valueRange) * indexRange + index;
    halves[2 * index + 1] = floor(value / valueRange);
  }
  packed.sort();
  return halves;
}
