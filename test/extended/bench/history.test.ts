import { measureHistory, mostBytesPerOrganization, type HistoryCost } from '../../../bench/history-cost';

jest.setTimeout(120_000);

describe('4,000 organizations of a few members', () => {
  let cost: HistoryCost;

  beforeAll(async () => {
    const scenario = {
      users: { count: 1_000 },
      organizations: { count: 4_000, members: { min: 0, max: 3 } },
      clients: { count: 0 },
      roles: { count: 20 },
    };
    // Left to itself, it takes more lanes the slower the answers come, and each lane costs the same for few organizations
    // as for many.
    cost = await measureHistory(scenario, { max_concurrency: 4 });
  });

  it('cost one request each', () => {
    expect(cost).toMatchObject({ organizations: 4_000, requests: 4_000 });
  });

  it('cost no more workflow history than makes 5 MB for 100,000', () => {
    // The list's first and last pages are cut finely, so that no lane is idle.
    const atBothEnds = 60_000;
    expect(cost.bytes).toBeLessThan(atBothEnds + mostBytesPerOrganization * cost.organizations);
  });

  it('do not make what a slice is told longer, as more of them have been read', () => {
    expect(Math.max(...cost.runs.map(({ longestInput }) => longestInput))).toBeLessThan(1_500);
  });
});
