import { countRequests, isWithin } from '../../../bench/request-count';
import { scenarios, type TenantScenario } from 'auth0-emulator';

jest.setTimeout(300_000);

const tenants: Record<string, TenantScenario> = {
  'a small tenant': scenarios.small,
  'a tenant beyond every cap of the API': scenarios.caps,
  'an empty tenant': scenarios.empty,
  'a tenant whose organizations own roles': scenarios['owned-roles'],
  'a tenant of 20,000 users': {
    users: { count: 20_000 },
    organizations: { count: 0 },
    clients: { count: 0 },
    roles: { count: 0 },
  },
};

it.each(Object.entries(tenants))('%s is copied with hardly more requests than the least', async (_, scenario) => {
  const { full, later } = await countRequests(scenario, 250);
  expect(full.find(({ stream }) => stream === 'users')?.rows).toBe(scenario.users.count);
  expect([...full, ...later].filter((cost) => !isWithin(cost))).toEqual([]);
});
