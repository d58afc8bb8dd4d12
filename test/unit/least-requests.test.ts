import {
  allowance,
  countHoldings,
  countLeastRequests,
  countLeastRequestsForChanges,
} from '../../bench/support/least-requests';
import { EmulatedTenant, scenarios, type TenantScenario } from 'auth0-emulator';

const leastOf = (scenario: TenantScenario): ReturnType<typeof countLeastRequests> =>
  countLeastRequests(countHoldings(new EmulatedTenant(scenario, () => 0)));

it('an empty tenant needs one request per list, and two for its users', () => {
  expect(leastOf(scenarios.empty)).toEqual({ clients: 1, users: 2, organizations: 1, members: 0, roles: 1 });
});

it('an organization needs one request per page of members, and one if it has none', () => {
  const organizations = { count: 4, members: 3, firstMemberCounts: [0, 100, 201] };
  const tenant = { users: { count: 300 }, clients: { count: 101 }, roles: { count: 100 }, organizations };
  expect(leastOf(tenant)).toMatchObject({ clients: 2, organizations: 1, members: 1 + 1 + 3 + 1, roles: 1 });
});

it('users need one request per page and per part of a tie, one at the end, and one for users without a timestamp', () => {
  const users = { count: 3_000, ties: [{ size: 1_200 }], missingCreatedAt: 5 };
  // 2,995 users and two repeated rows; two parts; the end; users without a timestamp.
  expect(leastOf({ ...scenarios.empty, users }).users).toBe(30 + 2 + 1 + 1);
});

it('roles need one request per organization that owns some', () => {
  const roles = { count: 5, owned: { organizations: 4, each: 3 } };
  expect(leastOf({ ...scenarios['owned-roles'], roles }).roles).toBe(1 + 4);
});

it('changes need one request per page, and one for users without an update time', () => {
  expect([0, 1, 100, 101].map((changed) => countLeastRequestsForChanges(changed, 3))).toEqual([1, 2, 2, 3]);
});

it('a sync may make 3 % and five requests more', () => {
  expect([0, 10, 1_000].map(allowance)).toEqual([5, 15, 1_035]);
});
