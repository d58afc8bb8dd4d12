import { type Json, type JsonObject, toText } from '../src/json';
import { EmulatedTenant } from '../src/data/tenant';
import { scenarios, type TenantScenario } from '../src/scenario';

const tenantOf = (scenario: TenantScenario): EmulatedTenant => new EmulatedTenant(scenario, Date.now);
const usersOf = (scenario: TenantScenario): JsonObject[] => [...tenantOf(scenario).users.iterateUsers()];
const population = (users: TenantScenario['users']): TenantScenario => ({ ...scenarios.empty, users });

function countBy(users: JsonObject[], field: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const user of users) {
    const value = toText(user[field]);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

const connectionOf = (user: JsonObject): Json | undefined => (user['identities'] as JsonObject[])[0]?.['connection'];

it('generates the same tenant from the same seed, and another from another seed', () => {
  const first = usersOf({ ...scenarios.small, seed: 5 });
  expect(usersOf({ ...scenarios.small, seed: 5 })).toEqual(first);
  expect(usersOf({ ...scenarios.small, seed: 6 })).not.toEqual(first);
});

it('generates unique ids for users, clients, organizations and roles', () => {
  const tenant = tenantOf(scenarios.caps);
  const ids = [...tenant.users.iterateUsers()].map((user) => user['user_id']);
  for (const { rows } of [tenant.clients, tenant.organizations, tenant.roles]) ids.push(...rows.map(({ id }) => id));
  expect(ids).toHaveLength(3_000 + 1_100 + 1_200 + 40);
  expect(new Set(ids).size).toBe(ids.length);
});

it('exceeds every limit in the scenario `caps`', () => {
  const tenant = tenantOf(scenarios.caps);
  const users = [...tenant.users.iterateUsers()];
  const [[at, size] = ['', 0]] = [...countBy(users, 'created_at')].sort((one, other) => other[1] - one[1]);
  const connections = users.filter((user) => user['created_at'] === at).map(connectionOf);
  expect(size).toBe(1_200);
  expect(new Set(connections).size).toBe(2);
  expect(tenant.memberships.list(tenant.organizations.rows[0]?.id ?? '')).toHaveLength(2_300);
});

it('generates nothing in the scenario `empty`', () => {
  const tenant = tenantOf(scenarios.empty);
  expect([
    ...tenant.users.iterateUsers(),
    ...tenant.clients.rows,
    ...tenant.organizations.rows,
    ...tenant.roles.rows,
  ]).toEqual([]);
});

it('places tie blocks at their timestamps, in order of creation', () => {
  const at = '2024-02-29T12:00:00.123Z';
  const users = usersOf(
    population({
      count: 1_000,
      ties: [{ size: 40, connections: 4, at, updatedTogether: true }, { size: 30 }],
    }),
  );
  const tied = users.filter((user) => user['created_at'] === at);
  expect(tied).toHaveLength(40);
  expect(new Set(tied.map(connectionOf)).size).toBe(4);
  expect(new Set(tied.map((user) => user['updated_at']))).toEqual(new Set([at]));
  expect(
    Math.max(
      ...[
        ...countBy(
          users.filter((user) => !tied.includes(user)),
          'created_at',
        ).values(),
      ],
    ),
  ).toBe(30);
  const created = users.map((user) => toText(user['created_at']));
  expect(created).toEqual([...created].sort());
});

it('rejects tie blocks with more users than exist', () => {
  expect(() => tenantOf(population({ count: 10, ties: [{ size: 11 }] }))).toThrow(RangeError);
});

it('omits timestamps from the configured number of users', () => {
  const users = usersOf(population({ count: 500, missingCreatedAt: 20, missingUpdatedAt: 30, ties: [{ size: 300 }] }));
  expect(users.filter((user) => !('created_at' in user))).toHaveLength(20);
  expect(users.filter((user) => !('updated_at' in user))).toHaveLength(30);
  expect(Math.max(...countBy(users, 'created_at').values())).toBe(300);
});

it('generates the configured number of large profiles', () => {
  const users = usersOf(population({ count: 200, hugeProfiles: 2, ties: [{ size: 150 }] }));
  const sizes = users.map((user) => JSON.stringify(user).length);
  expect(sizes.filter((size) => size > 1_000_000 && size < 1_048_576)).toHaveLength(2);
});

it('assigns zero to three roles to members, or as many as configured', () => {
  const rolesHeld = (perMember?: number): Set<number> => {
    const roles = { count: 50, ...(perMember !== undefined && { perMember }) };
    const tenant = tenantOf({ ...scenarios.small, roles });
    const members = tenant.organizations.rows.flatMap(({ id }) => tenant.memberships.list(id));
    return new Set(members.map((member) => member.roles.length));
  };
  expect(rolesHeld()).toEqual(new Set([0, 1, 2, 3]));
  expect(rolesHeld(0)).toEqual(new Set([0]));
});

const identities = (user: JsonObject): JsonObject[] => user['identities'] as JsonObject[];

it.each<[string, (user: JsonObject) => boolean]>([
  ['no e-mail', (user) => !('email' in user)],
  ['a number for an identity', (user) => typeof identities(user)[0]?.['user_id'] === 'number'],
  ['a linked identity with profile data', (user) => identities(user)[1]?.['profileData'] !== undefined],
  ['a phone number', (user) => 'phone_number' in user],
  ['keys of an enterprise directory', (user) => 'upn' in user],
  ['an id that must be encoded', (user) => /[@ :/+]/.test(toText(user['user_id']))],
  ['text beyond ASCII', (user) => /[^ -~]/.test(toText(user['name']))],
  [
    'metadata with a number',
    (user) => typeof (user['user_metadata'] as JsonObject | undefined)?.['score'] === 'number',
  ],
  [
    'metadata with the same number as text',
    (user) => typeof (user['user_metadata'] as JsonObject | undefined)?.['score'] === 'string',
  ],
  ['a large profile', (user) => JSON.stringify(user).length > 20_000],
  ['no sign-in', (user) => !('last_login' in user)],
])('generates users with %s', (_what, isPresent) => {
  expect(usersOf(scenarios.small).some(isPresent)).toBe(true);
});

it('generates no unusual users if configured', () => {
  const users = usersOf(population({ count: 500, edgeCases: false }));
  expect(users.every((user) => 'email' in user && /^(auth0|google-oauth2)\|\w+$/.test(toText(user['user_id'])))).toBe(
    true,
  );
});

it('generates no lone surrogate', () => {
  const text = JSON.stringify(usersOf(scenarios.small));
  expect(text).not.toMatch(/\\ud[89a-f]/i);
});
