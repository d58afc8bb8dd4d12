import { measureHistory, maxBytesPerOrganization, type HistoryCost } from '../../../bench/history';

jest.setTimeout(120_000);

describe('a sync of 4,000 organizations of a few members', () => {
  let cost: HistoryCost;

  beforeAll(async () => {
    const scenario = {
      users: { count: 1_000 },
      organizations: { count: 4_000, members: { min: 0, max: 3 } },
      clients: { count: 0 },
      roles: { count: 20 },
    };
    // By default, slow responses increase the concurrency, and each concurrent read costs the same for few organizations as
    // for many.
    cost = await measureHistory(scenario, { max_concurrency: 4 });
  });

  it('makes one request per organization', () => {
    expect(cost).toMatchObject({ organizations: 4_000, requests: 4_000 });
  });

  it('writes at most the share of 5 MB of workflow history for 100,000 organizations', () => {
    // The first and last pages of the list are split into small batches, to keep all concurrent reads busy.
    const bytesOfFirstAndLastPages = 60_000;
    expect(cost.bytes).toBeLessThan(bytesOfFirstAndLastPages + maxBytesPerOrganization * cost.organizations);
  });

  it('keeps the input of a fetch short when many organizations have been read', () => {
    const longest = Math.max(...cost.runs.map(({ longestInput }) => longestInput));
    expect(longest).toBeGreaterThan(100);
    expect(longest).toBeLessThan(1_500);
  });
});
