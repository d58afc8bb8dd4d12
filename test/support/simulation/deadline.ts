/**
 * Limits a property to the cases of its first seconds: a busy machine tries fewer, and shrinking ends with the case found so
 * far. Interrupting the property instead would leave its last case running.
 */
export function forSeconds<Args extends unknown[]>(
  seconds: number,
  property: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  const end = performance.now() + seconds * 1_000;
  return async (...args) => {
    if (performance.now() < end) await property(...args);
  };
}
