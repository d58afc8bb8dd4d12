import { type JsonObject, toText } from '../src/json';
import { type Emulator, startEmulator } from '../src/server';
import { readerScopes } from '../src/settings';
import { readAll, visit } from './visitor';

let emulator: Emulator;
let path: string;

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'small' });
  path = `organizations/${emulator.tenant.organizations.rows[0]?.id ?? ''}/members`;
});
afterAll(() => emulator.close());
afterEach(() => emulator.updateSettings({ scopes: readerScopes, emptyRoles: 'list' }));

const withRoles = { fields: 'user_id,email,picture,name,roles' };

it('returns id, picture, name and email of a member, and no roles, by default', async () => {
  const rows = await readAll(await visit(emulator), path, 'members', {});
  const keys = new Set(rows.flatMap((row) => Object.keys(row)));
  expect([...keys].sort()).toEqual(['email', 'name', 'picture', 'user_id']);
  expect(rows.some((row) => !('email' in row))).toBe(true);
});

it('returns no roles when fields are excluded', async () => {
  const { body } = await (await visit(emulator)).get(path, { fields: 'picture,roles', include_fields: false });
  expect(new Set(body.flatMap((row) => Object.keys(row)))).toEqual(new Set(['user_id', 'name', 'email']));
});

it('returns id and name of roles, without description, when fields name them', async () => {
  const rows = await readAll(await visit(emulator), path, 'members', { fields: 'user_id,roles' });
  const roles = rows.flatMap((row) => row['roles'] as JsonObject[]);
  const counts = new Set(rows.map((row) => (row['roles'] as JsonObject[]).length));
  expect([...counts].sort()).toEqual([0, 1, 2, 3]);
  expect(rows.every((row) => Object.keys(row).sort().join() === 'roles,user_id')).toBe(true);
  expect(roles.every((role) => Object.keys(role).join() === 'id,name')).toBe(true);
});

it('omits the roles of members without roles if configured', async () => {
  emulator.updateSettings({ emptyRoles: 'absent' });
  const rows = await readAll(await visit(emulator), path, 'members', withRoles);
  expect(rows.some((row) => !('roles' in row))).toBe(true);
  expect(rows.every((row) => (row['roles'] as JsonObject[] | undefined)?.length !== 0)).toBe(true);
});

it("returns the same roles with their descriptions in the list of one member's roles", async () => {
  const visitor = await visit(emulator);
  const rows = await readAll(visitor, path, 'members', withRoles);
  const member = rows.find((row) => (row['roles'] as JsonObject[]).length === 2);
  const ofMember = `${path}/${encodeURIComponent(toText(member?.['user_id']))}/roles`;
  const array = (await visitor.get(ofMember)).body;
  const envelope = (await visitor.get(ofMember, { include_totals: true })).body;
  expect(array.map(({ id, name }) => ({ id, name }))).toEqual(member?.['roles']);
  expect(array.every((role) => typeof role['description'] === 'string')).toBe(true);
  expect(envelope).toEqual({ roles: array, start: 0, limit: 50, total: 2 });
});

it('rejects a request for roles without their scope, or omits them if configured', async () => {
  emulator.updateSettings({ scopes: ['read:organization_members'] });
  const visitor = await visit(emulator);
  const refused = await visitor.get(path, withRoles);
  expect(refused.status).toBe(403);
  expect(refused.body).toEqual({
    statusCode: 403,
    error: 'Forbidden',
    message: 'Insufficient scope, expected any of: read:organization_member_roles',
    errorCode: 'insufficient_scope',
  });
  expect((await visitor.get(path)).status).toBe(200);
  emulator.updateSettings({ rolesWithoutScope: 'omit' });
  const { status, body } = await visitor.get(path, withRoles);
  expect(status).toBe(200);
  expect(body.some((row) => 'roles' in row)).toBe(false);
  emulator.updateSettings({ rolesWithoutScope: 'refuse' });
});

it('returns an empty list for an organization without members', async () => {
  const empty = `organizations/${emulator.tenant.organizations.rows[1]?.id ?? ''}/members`;
  const visitor = await visit(emulator);
  expect((await visitor.get(empty, { take: 100 })).body).toEqual({ members: [] });
  expect((await visitor.get(empty)).body).toEqual([]);
});

it('answers 404 for the roles of a user who is not a member', async () => {
  const { status, body } = await (await visit(emulator)).get(`${path}/auth0%7Cnobody/roles`);
  expect(status).toBe(404);
  expect(body).toMatchObject({ message: 'The user does not exist.', errorCode: 'inexistent_user' });
});
