/** A user's key value (epoch ms) and handle. */
export interface IndexEntry {
  value: number;
  handle: number;
}

/** The generated users in ascending order of a key; computed, not stored. */
export interface GeneratedOrder {
  length: number;
  at(position: number): IndexEntry;
}

/** Inclusive bounds. An exclusive bound is the neighbouring millisecond. */
export interface KeyBounds {
  from: number;
  to: number;
}

export const unbounded: KeyBounds = { from: -Infinity, to: Infinity };

/**
 * Users in the order of one timestamp: the generated order, without the users that were moved or removed, merged with those
 * added later. Finding a bound is a binary search, so a page costs the same anywhere among 1,000,000 users.
 */
export class KeyIndex {
  private readonly moved = new Set<number>();
  private readonly added: IndexEntry[] = [];
  /** Users without the key. */
  readonly missing: Set<number>;

  constructor(
    private readonly base: GeneratedOrder,
    lacking: Iterable<number>,
  ) {
    this.missing = new Set(lacking);
    for (const handle of this.missing) this.moved.add(handle);
  }

  /** Moves a user to the baseIndex of `value`; undefined for a user without the key. */
  set(handle: number, value: number | undefined): void {
    this.remove(handle);
    if (value === undefined) this.missing.add(handle);
    else this.added.splice(this.findAddedIndex({ value, handle }), 0, { value, handle });
  }

  remove(handle: number): void {
    this.moved.add(handle);
    this.missing.delete(handle);
    const addedIndex = this.added.findIndex((entry) => entry.handle === handle);
    if (addedIndex >= 0) this.added.splice(addedIndex, 1);
  }

  *iterateAscending({ from, to }: KeyBounds): Generator<IndexEntry> {
    let baseIndex = findLowerBound(this.base.length, (index) => this.base.at(index).value >= from);
    let addedIndex = findLowerBound(this.added.length, (index) => (this.added[index] as IndexEntry).value >= from);
    for (;;) {
      while (baseIndex < this.base.length && this.moved.has(this.base.at(baseIndex).handle)) baseIndex += 1;
      const generated = baseIndex < this.base.length ? this.base.at(baseIndex) : undefined;
      const later = this.added[addedIndex];
      const first = !later || (generated && compareEntries(generated, later) <= 0) ? generated : later;
      if (!first || first.value > to) return;
      if (first === later) addedIndex += 1;
      else baseIndex += 1;
      yield first;
    }
  }

  *iterateDescending({ from, to }: KeyBounds): Generator<IndexEntry> {
    let baseIndex = findLowerBound(this.base.length, (index) => this.base.at(index).value > to) - 1;
    let addedIndex = findLowerBound(this.added.length, (index) => (this.added[index] as IndexEntry).value > to) - 1;
    for (;;) {
      while (baseIndex >= 0 && this.moved.has(this.base.at(baseIndex).handle)) baseIndex -= 1;
      const generated = baseIndex >= 0 ? this.base.at(baseIndex) : undefined;
      const later = this.added[addedIndex];
      const first = !later || (generated && compareEntries(generated, later) >= 0) ? generated : later;
      if (!first || first.value < from) return;
      if (first === later) addedIndex -= 1;
      else baseIndex -= 1;
      yield first;
    }
  }

  private findAddedIndex(entry: IndexEntry): number {
    return findLowerBound(this.added.length, (index) => compareEntries(this.added[index] as IndexEntry, entry) > 0);
  }
}

function compareEntries(one: IndexEntry, other: IndexEntry): number {
  return one.value - other.value || one.handle - other.handle;
}

/** The first index at which `isReached` is true, or `length`. It must be false before and true after one point. */
export function findLowerBound(length: number, isReached: (index: number) => boolean): number {
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
 * The order of `count` values that do not follow their index, sorted on first use. Value and index are packed into a 64-bit
 * number, because typed arrays sort natively only without a comparator: 1,000,000 users take a tenth of a second.
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

/** The low half contains 21 bits of the index and the lowest 11 bits of the value; the high half the rest of the value. */
const indexRange = 2 ** 21;
const valueRange = 2 ** 11;

/** Returns the low and high half of each packed number, ascending. Little-endian, as all platforms that Node supports. */
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
