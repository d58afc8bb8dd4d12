import { startPostgres } from '../postgres/server';
import { createDatabase, createNamespace } from '../servers';
import type { Target } from './plan';
import { runOnce } from './run';

/** Registers a test for each target and seed: a short version of `npm run test:crash`, on the servers of all suites. */
export function describeCrashRuns(runs: readonly [Target, number][]): void {
  describe('a sync under repeated faults ends by itself with an exact copy', () => {
    let database: string;
    beforeAll(async () => {
      database = await createDatabase();
    });

    it.each(runs)('faults of %s, seed %i', async (target, seed) => {
      // Faults of Postgres end the sessions of all suites.
      const postgres = target === 'postgres' ? await startPostgres() : undefined;
      try {
        const { injected, failures } = await runOnce(seed, target, {
          postgres: postgres ?? { url: database },
          createNamespace,
        });
        expect({ injected, failures }).toEqual({ injected, failures: [] });
        expect(injected).not.toEqual([]);
      } finally {
        await postgres?.stop();
      }
    });
  });
}
