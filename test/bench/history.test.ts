import { measureHistory, mostBytesPerOrganization, type HistoryCost } from '../../bench/history-cost';

jest.setTimeout(120_000);

describe('2,000 organizations of a few members', () => {
  let cost: HistoryCost;

  beforeAll(async () => {
    cost = await measureHistory({
      users: { count: 1_000 },
      organizations: { count: 2_000, members: { min: 0, max: 3 } },
      clients: { count: 0 },
      roles: { count: 20 },
    });
  });

  it('cost one request each', () => {
    expect(cost).toMatchObject({ organizations: 2_000, requests: 2_000 });
  });

  it('cost no more workflow history than makes 5 MB for 100,000', () => {
    expect(cost.bytes / cost.organizations).toBeLessThan(mostBytesPerOrganization);
  });

  it('do not make what a slice is told longer, as more of them have been read', () => {
    expect(Math.max(...cost.runs.map(({ longestInput }) => longestInput))).toBeLessThan(1_500);
  });
});
