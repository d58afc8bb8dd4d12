import { startPostgres, type PostgresServer } from '../postgres/server';
import type { Victim } from './plan';
import { runOnce } from './run';

/** Registers a test for each victim and seed; together they are a short version of `npm run test:crash`. */
export function testRuns(runs: readonly [Victim, number][]): void {
  describe('a sync under repeated faults ends by itself with an exact copy', () => {
    let postgres: PostgresServer;
    beforeAll(async () => {
      postgres = await startPostgres();
    });
    afterAll(() => postgres.stop());

    it.each(runs)('%s, seed %i', async (victim, seed) => {
      const { blows, faults } = await runOnce(seed, victim, postgres);
      expect({ blows, faults }).toEqual({ blows, faults: [] });
      expect(blows).not.toEqual([]);
    });
  });
}
