/**
 * A property that only looks at what is generated in its first seconds: on a busy machine fewer cases are tried, and
 * shrinking ends with what it has come to. (To interrupt a property would leave its last case running.)
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
