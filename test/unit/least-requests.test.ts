import { allowance, countHoldings, leastRequests, leastRequestsForChanges } from '../../../bench/least-requests';
import { EmulatedTenant, scenarios, type TenantScenario } from 'auth0-emulator';

const leastOf = (scenario: TenantScenario): ReturnType<typeof leastRequests> =>
  leastRequests(countHoldings(new EmulatedTenant(scenario, () => 0)));

it('an empty tenant takes one request for each list, and two to see that there are no users', () => {
  expect(leastOf(scenarios.empty)).toEqual({ clients: 1, users: 2, organizations: 1, members: 0, roles: 1 });
});

it('every organization takes a request for each page of its members, also one that has none', () => {
  const organizations = { count: 4, members: 3, firstMemberCounts: [0, 100, 201] };
  const held = { users: { count: 300 }, clients: { count: 101 }, roles: { count: 100 }, organizations };
  expect(leastOf(held)).toMatchObject({ clients: 2, organizations: 1, members: 1 + 1 + 3 + 1, roles: 1 });
});

it('users take a request for each page, for each part of a tie, for the end, and for those that no range finds', () => {
  const users = { count: 3_000, ties: [{ size: 1_200 }], missingCreatedAt: 5 };
  // 2,995 users and two rows that come twice; two parts; the end; those without.
  expect(leastOf({ ...scenarios.empty, users }).users).toBe(30 + 2 + 1 + 1);
});

it('roles of organizations take a request each, or one for each list of them', () => {
  const roles = { count: 5, owned: { organizations: 4, each: 3 } };
  expect(leastOf({ ...scenarios['owned-roles'], roles }).roles).toBe(1 + 4);
});

it('changes take a request for each page of them, and one for the users that have no time of change', () => {
  expect([0, 1, 100, 101].map((changed) => leastRequestsForChanges(changed, 3))).toEqual([1, 2, 2, 3]);
});

it('three in a hundred are allowed, and five', () => {
  expect([0, 10, 1_000].map(allowance)).toEqual([5, 15, 1_035]);
});
