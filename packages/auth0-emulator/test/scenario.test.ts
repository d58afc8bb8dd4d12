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

it('makes the same tenant of the same seed and another of another', () => {
  const first = usersOf({ ...scenarios.small, seed: 5 });
  expect(usersOf({ ...scenarios.small, seed: 5 })).toEqual(first);
  expect(usersOf({ ...scenarios.small, seed: 6 })).not.toEqual(first);
});

it('gives every user, client, organization and role an id of its own', () => {
  const tenant = tenantOf(scenarios.caps);
  const ids = [...tenant.users.iterateUsers()].map((user) => user['user_id']);
  for (const { rows } of [tenant.clients, tenant.organizations, tenant.roles]) ids.push(...rows.map(({ id }) => id));
  expect(ids).toHaveLength(3_000 + 1_100 + 1_200 + 40);
  expect(new Set(ids).size).toBe(ids.length);
});

it('exceeds every cap in the scenario of that name, by what it says', () => {
  const tenant = tenantOf(scenarios.caps);
  const users = [...tenant.users.iterateUsers()];
  const [[at, size] = ['', 0]] = [...countBy(users, 'created_at')].sort((one, other) => other[1] - one[1]);
  const connections = users.filter((user) => user['created_at'] === at).map(connectionOf);
  expect(size).toBe(1_200);
  expect(new Set(connections).size).toBe(2);
  expect(tenant.memberships.list(tenant.organizations.rows[0]?.id ?? '')).toHaveLength(2_300);
});

it('holds nothing in the empty scenario', () => {
  const tenant = tenantOf(scenarios.empty);
  expect([
    ...tenant.users.iterateUsers(),
    ...tenant.clients.rows,
    ...tenant.organizations.rows,
    ...tenant.roles.rows,
  ]).toEqual([]);
});

it('lays tie blocks where they are asked for, in one order of creation', () => {
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

it('refuses more tied users than there are', () => {
  expect(() => tenantOf(population({ count: 10, ties: [{ size: 11 }] }))).toThrow(RangeError);
});

it('leaves timestamps out of as many records as it is told to', () => {
  const users = usersOf(population({ count: 500, missingCreatedAt: 20, missingUpdatedAt: 30, ties: [{ size: 300 }] }));
  expect(users.filter((user) => !('created_at' in user))).toHaveLength(20);
  expect(users.filter((user) => !('updated_at' in user))).toHaveLength(30);
  expect(Math.max(...countBy(users, 'created_at').values())).toBe(300);
});

it('gives as many users as it is told to a profile of a megabyte', () => {
  const users = usersOf(population({ count: 200, hugeProfiles: 2, ties: [{ size: 150 }] }));
  const sizes = users.map((user) => JSON.stringify(user).length);
  expect(sizes.filter((size) => size > 1_000_000 && size < 1_048_576)).toHaveLength(2);
});

it('gives members zero to three roles, or as many as it is told to', () => {
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
    'metadata that holds a number',
    (user) => typeof (user['user_metadata'] as JsonObject | undefined)?.['score'] === 'number',
  ],
  [
    'metadata that holds the same as text',
    (user) => typeof (user['user_metadata'] as JsonObject | undefined)?.['score'] === 'string',
  ],
  ['a large profile', (user) => JSON.stringify(user).length > 20_000],
  ['no sign-in', (user) => !('last_login' in user)],
])('holds users with %s', (_what, holds) => {
  expect(usersOf(scenarios.small).some(holds)).toBe(true);
});

it('holds none of the unusual users when told not to', () => {
  const users = usersOf(population({ count: 500, edgeCases: false }));
  expect(users.every((user) => 'email' in user && /^(auth0|google-oauth2)\|\w+$/.test(toText(user['user_id'])))).toBe(
    true,
  );
});

it('writes no lone surrogate', () => {
  const text = JSON.stringify(usersOf(scenarios.small));
  expect(text).not.toMatch(/\\ud[89a-f]/i);
});
