/** Seconds for each property, from FC_SECONDS, which `npm run test:extended` sets; absent: what the test gives. */
const secondsFromEnvironment = Number(process.env['FC_SECONDS']) || undefined;
/** More than most properties try. The time ends them. */
const casesPerSecond = 5;

/**
 * Limits a property to the cases of its first seconds: a busy machine tries fewer, and shrinking ends with the case found so
 * far. Interrupting the property instead would leave its last case running.
 */
export function forSeconds<Args extends unknown[]>(
  seconds: number,
  property: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  const end = performance.now() + (secondsFromEnvironment ?? seconds) * 1_000;
  return async (...args) => {
    if (performance.now() < end) await property(...args);
  };
}

/** How many cases to generate: `runs`, or more when FC_SECONDS gives more time. */
export function countRuns(runs: number): number {
  return Math.max(runs, (secondsFromEnvironment ?? 0) * casesPerSecond);
}
