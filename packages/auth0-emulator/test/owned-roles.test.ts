import { type JsonObject, toText } from '../src/json';
import { hashContent } from '../src/data/truth';
import { type Emulator, startEmulator } from '../src/server';
import { readAll, visit, type Visitor } from './visitor';

let emulator: Emulator;
let visitor: Visitor;

beforeEach(async () => {
  emulator = await startEmulator({ scenario: 'owned-roles' });
  visitor = await visit(emulator);
});
afterEach(() => emulator.close());

const organizationAt = (place: number): string => emulator.tenant.organizations.rows[place]?.id ?? '';
const idsOf = (rows: JsonObject[]): string[] => rows.map(({ id }) => toText(id));
const listRoles = async (query: Record<string, string>): Promise<JsonObject[]> =>
  (await visitor.get('roles', query)).body;
const ownedBy = (owner_id: string): Promise<JsonObject[]> => listRoles({ type: 'organization', owner_id });
const readMembers = (place: number): Promise<JsonObject[]> =>
  readAll(visitor, `organizations/${organizationAt(place)}/members`, 'members', { fields: 'user_id,roles' });
const readMemberRoles = async (place: number, user: unknown): Promise<JsonObject[]> =>
  (await visitor.get(`organizations/${organizationAt(place)}/members/${encodeURIComponent(toText(user))}/roles`)).body;

/** A member of the first organization with one of its roles, and that role. */
async function findHolder(): Promise<{ user: unknown; role: JsonObject }> {
  const owned = await ownedBy(organizationAt(0));
  for (const { user_id: user, roles } of await readMembers(0)) {
    const role = owned.find(({ id }) => idsOf(roles as JsonObject[]).includes(toText(id)));
    if (role) return { user, role };
  }
  throw new Error('No member has a role of the organization');
}

it("lists an organization's roles only by owner", async () => {
  const [tenantRoles, typed] = [await listRoles({}), await listRoles({ type: 'tenant' })];
  expect(tenantRoles).toHaveLength(5);
  expect(tenantRoles.every((role) => !('type' in role) && !('owner_id' in role))).toBe(true);
  expect(typed).toEqual(tenantRoles);
  const owned = await Promise.all([0, 1, 2, 3, 4].map((place) => ownedBy(organizationAt(place))));
  expect(owned.map((roles) => roles.length)).toEqual([3, 3, 3, 3, 0]);
  expect(new Set([...owned.flat(), ...tenantRoles].map(({ id }) => id)).size).toBe(17);
  for (const role of owned[2] ?? []) expect(role).toMatchObject({ type: 'organization', owner_id: organizationAt(2) });
});

it('lists them with the roles of the tenant if configured', async () => {
  emulator.updateSettings({ ownedRolesListed: true });
  expect(await listRoles({})).toHaveLength(17);
  expect(await listRoles({ type: 'tenant' })).toHaveLength(5);
});

it('rejects a list of organization roles without an owner', async () => {
  const { status, body } = await visitor.get('roles', { type: 'organization' });
  expect(status).toBe(400);
  expect(body).toMatchObject({ errorCode: 'invalid_query_string' });
  expect(body['message']).toContain('owner_id');
});

it('returns each by id', async () => {
  for (const role of await ownedBy(organizationAt(1))) {
    expect((await visitor.get(`roles/${toText(role['id'])}`)).body).toEqual(role);
  }
});

it('assigns to members roles of the tenant and of their own organization only', async () => {
  const tenantRoles = idsOf(await listRoles({}));
  const seen = { owned: 0, tenant: 0 };
  for (let place = 0; place < 8; place += 1) {
    const owned = idsOf(await ownedBy(organizationAt(place)));
    const assigned = (await readMembers(place)).flatMap(({ roles }) => idsOf(roles as JsonObject[]));
    expect(assigned.filter((id) => !owned.includes(id) && !tenantRoles.includes(id))).toEqual([]);
    seen.owned += assigned.filter((id) => owned.includes(id)).length;
    seen.tenant += assigned.filter((id) => tenantRoles.includes(id)).length;
  }
  expect(Math.min(seen.owned, seen.tenant)).toBeGreaterThan(20);
});

it("returns id and name in the list of members, and the description in the list of one member's roles and in the truth", async () => {
  const { user, role } = await findHolder();
  const [owner, id, name, description] = [organizationAt(0), role['id'], role['name'], role['description']];
  const listed = (await readMembers(0)).find((member) => member['user_id'] === user);
  expect(listed?.['roles']).toContainEqual({ id, name });
  expect(await readMemberRoles(0, user)).toContainEqual({ id, name, description });
  const key = [owner, toText(user), toText(id)].join();
  const content = { id: toText(id), name: toText(name), description: toText(description) };
  expect(emulator.readTruth().organization_member_roles.get(key)).toBe(hashContent(content));
});

it('answers 404 for a deleted role and removes it from members', async () => {
  const { user, role } = await findHolder();
  const id = toText(role['id']);
  emulator.tenant.apply({ type: 'deleteRole', id });
  const { status, body } = await visitor.get(`roles/${id}`);
  expect([status, body['message']]).toEqual([404, 'The role does not exist.']);
  expect(idsOf(await readMemberRoles(0, user))).not.toContain(id);
  expect(JSON.stringify(await readMembers(0))).not.toContain(id);
});

it('keeps a deleted role in the list of members only, if requested', async () => {
  const { user, role } = await findHolder();
  const id = toText(role['id']);
  const before = await readMembers(0);
  emulator.tenant.apply({ type: 'deleteRole', id, lingers: true });
  expect(await readMembers(0)).toEqual(before);
  expect((await visitor.get(`roles/${id}`)).status).toBe(404);
  expect(idsOf(await ownedBy(organizationAt(0)))).not.toContain(id);
  expect(idsOf(await readMemberRoles(0, user))).not.toContain(id);
  expect([...emulator.readTruth().organization_member_roles.keys()].join()).not.toContain(id);
});

it('deletes them with their organization', async () => {
  const [first] = await ownedBy(organizationAt(0));
  emulator.tenant.apply({ type: 'deleteOrganization', id: organizationAt(0) });
  expect((await visitor.get(`roles/${toText(first?.['id'])}`)).status).toBe(404);
  emulator.updateSettings({ ownedRolesListed: true });
  expect(await listRoles({})).toHaveLength(14);
});

it('creates a role for an organization', async () => {
  const owner_id = organizationAt(7);
  emulator.tenant.apply({ type: 'createRole', role: { name: 'made', type: 'organization', owner_id } });
  expect(await ownedBy(owner_id)).toEqual([expect.objectContaining({ name: 'made', owner_id })]);
});

it('generates the same roles from the same seed, without an effect on other data', async () => {
  const scenario = { users: { count: 60 }, organizations: { count: 3 }, clients: { count: 1 } };
  const roles = { count: 4 };
  const truthOf = async (owned?: { organizations: number; each: number }): Promise<Map<string, string>[]> => {
    const other = await startEmulator({ scenario: { ...scenario, roles: { ...roles, ...(owned && { owned }) } } });
    const truth = other.readTruth();
    await other.close();
    return Object.values(truth);
  };
  const [plain, owning] = [await truthOf(), await truthOf({ organizations: 9, each: 2 })];
  expect(await truthOf({ organizations: 9, each: 2 })).toEqual(owning);
  const added = owning.flatMap((truth, place) => [...truth].filter(([key, hash]) => plain[place]?.get(key) !== hash));
  expect(owning.map(({ size }) => size).slice(0, 4)).toEqual(plain.map(({ size }) => size).slice(0, 4));
  expect(owning[4]?.size).toBe((plain[4]?.size ?? 0) + added.length);
  expect(added.length).toBeGreaterThan(10);
});
