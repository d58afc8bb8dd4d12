import { startPostgres, type PostgresServer } from '../postgres/server';
import type { Victim } from './plan';
import { runOnce } from './run';

jest.setTimeout(240_000);

/** One sync for each victim, about fifteen blows altogether; `npm run test:crash` deals more. */
const runs: [Victim, number][] = [
  ['worker', 23],
  ['cli', 353],
  ['server', 146],
  ['emulator', 82],
  ['postgres', 332],
  ['disk', 335],
];

describe('a sync that is struck again and again ends by itself, and its copy is exact', () => {
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
