import { isWithinAllowance, measureRequests, requestScenarios } from '../../../bench/requests';

jest.setTimeout(300_000);

it.each(['caps', '20,000 users', 'one organization of 5,000 members'])(
  'a sync of the tenant "%s" makes few requests more than the minimum',
  async (name) => {
    const scenario = requestScenarios[name]!;
    const { full, later } = await measureRequests(scenario, 250);
    expect(full.find(({ stream }) => stream === 'users')?.rows).toBe(scenario.users.count);
    expect([...full, ...later].filter((cost) => !isWithinAllowance(cost))).toEqual([]);
  },
);
