/** Most resident memory of a process that syncs, in bytes. */
export const maxMemory = 300_000_000;

/**
 * Whether memory does not grow: in the second half of the rows it is at most a quarter more than in the first.
 * @param tenths most resident memory in each tenth of the rows
 */
export function isFlat({ tenths }: { tenths: readonly number[] }): boolean {
  return Math.max(...tenths.slice(5)) <= 1.25 * Math.max(...tenths.slice(0, 5));
}
