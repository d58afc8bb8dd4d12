// A constant, because global look-ups are slow in a test runner's sandbox and these functions run millions of times.
const { imul } = Math;

/** Hashes a seed, a salt (the purpose) and an index to 32 bits. Deterministic across platforms. */
export function hash(seed: number, salt: number, index: number): number {
  let bits = imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ imul(salt + 0x165667b1, 0xc2b2ae35);
  bits = imul(bits ^ (bits >>> 15) ^ index, 0x2c1b3c6d);
  bits = imul(bits ^ (bits >>> 12), 0x297a2d39);
  return (bits ^ (bits >>> 15)) >>> 0;
}

/**
 * Returns a generator of reproducible 32-bit numbers for one entity, so entity n can be generated without the others.
 *
 * @example const draw = createDraws(seed, 6, index); const plan = pick(['free', 'team'], draw());
 */
export function createDraws(seed: number, salt: number, index: number): () => number {
  let state = hash(seed, salt, index);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + imul(bits ^ (bits >>> 7), bits | 61);
    return (bits ^ (bits >>> 14)) >>> 0;
  };
}

/** Selects an element by a drawn number. The list must not be empty. */
export function pick<T>(list: readonly T[], drawn: number): T {
  return list[drawn % list.length] as T;
}

const multiplier = 0x9e3779b1;
/** Inverse of `multiplier` modulo 2³². */
const inverse = invert(multiplier);

function invert(odd: number): number {
  let inverse = odd;
  for (let round = 0; round < 5; round += 1) inverse = imul(inverse, 2 - imul(odd, inverse));
  return inverse;
}

/** Converts an index to a unique 32-bit code that looks random. `decodeIndex` reverses it. */
export function encodeIndex(seed: number, index: number): number {
  return (imul(index, multiplier) ^ hash(seed, 1, 0)) >>> 0;
}

export function decodeIndex(seed: number, code: number): number {
  return imul(code ^ hash(seed, 1, 0), inverse) >>> 0;
}

/** Eight hexadecimal digits. */
export function toHex(bits: number): string {
  return bits.toString(16).padStart(8, '0');
}
