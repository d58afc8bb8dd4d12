import { type JsonObject, toText } from '../src/json';
import { NoSuchEntity } from '../src/data/tenant';
import { type Emulator, startEmulator } from '../src/server';
import { control, readAll, visit, type Visitor } from './visitor';

let emulator: Emulator;
let visitor: Visitor;

async function start(options: Partial<Parameters<typeof startEmulator>[0]> = {}): Promise<void> {
  emulator = await startEmulator({ scenario: 'small', ...options });
  visitor = await visit(emulator);
}
afterEach(() => emulator.close());

const organizationAt = (place: number): string => emulator.tenant.organizations.rows[place]?.id ?? '';
const userAt = (index: number): string => toText(emulator.tenant.users.read(index)?.['user_id']);

it('moves an updated user to the end of the updated_at order', async () => {
  await start();
  const before = Date.now();
  const user_id = userAt(10);
  emulator.tenant.apply({ type: 'updateUser', user_id, patch: { nickname: 'changed' } });
  const { body } = await visitor.get('users', { sort: 'updated_at:-1', per_page: 1 });
  expect(body[0]).toMatchObject({ user_id, nickname: 'changed' });
  expect(Date.parse(toText(body[0]?.['updated_at']))).toBeGreaterThanOrEqual(before);
  const { body: total } = await visitor.get('users', { include_totals: true });
  expect(total['total']).toBe(450);
});

it('removes the memberships of a deleted user', async () => {
  await start();
  const members = `organizations/${organizationAt(0)}/members`;
  const [first] = await readAll(visitor, members, 'members', {});
  emulator.tenant.deleteUser(toText(first?.['user_id']));
  const left = await readAll(visitor, members, 'members', {});
  expect(left).toHaveLength(229);
  expect(left).not.toContainEqual(first);
});

it('continues after a checkpoint whose row is deleted, without gaps or repetitions', async () => {
  await start();
  const members = `organizations/${organizationAt(0)}/members`;
  const all = await readAll(visitor, members, 'members', {});
  const { next } = (await visitor.get(members, { take: 50 })).body;
  const idOf = (place: number): string => toText(all[place]?.['user_id']);
  for (const place of [3, 49, 50]) {
    emulator.tenant.removeMember(organizationAt(0), idOf(place));
  }
  const added = toText(emulator.tenant.createUser()['user_id']);
  emulator.tenant.addMember(organizationAt(0), added, []);
  const rest = await readAll(visitor, members, 'members', { from: toText(next) });
  expect(rest.map((row) => row['user_id'])).toEqual([...all.slice(51).map((row) => row['user_id']), added]);
});

it('answers 404 for an organization that was deleted after it was listed', async () => {
  await start();
  const id = organizationAt(3);
  emulator.tenant.apply({ type: 'deleteOrganization', id });
  const { status, body } = await visitor.get(`organizations/${id}/members`, { take: 100 });
  expect(status).toBe(404);
  expect(body['message']).toBe('No organization found by that id or name');
  expect((await visitor.get('organizations')).body).toHaveLength(11);
});

it('applies every kind of change through the control API', async () => {
  await start();
  const post = async (change: object): Promise<JsonObject> => (await control(emulator, 'mutate', change)).body[0] ?? {};
  const user_id = toText((await post({ type: 'createUser', user: { email: 'made@example.com' } }))['user_id']);
  const org_id = toText((await post({ type: 'createOrganization', organization: { name: 'made' } }))['id']);
  const role = toText((await post({ type: 'createRole', role: { name: 'made' } }))['id']);
  const client_id = toText((await post({ type: 'createClient', client: { name: 'made' } }))['client_id']);
  await control(emulator, 'mutate', [
    { type: 'addMember', org_id, user_id, roles: [role] },
    { type: 'updateRole', id: role, patch: { description: 'Made' } },
    { type: 'updateClient', client_id, patch: { description: 'Made' } },
    { type: 'updateOrganization', id: org_id, patch: { display_name: 'Made' } },
  ]);

  const member = `organizations/${org_id}/members/${encodeURIComponent(user_id)}/roles`;
  expect((await visitor.get(member)).body).toEqual([{ id: role, name: 'made', description: 'Made' }]);
  expect((await visitor.get(`organizations/${org_id}`)).body['display_name']).toBe('Made');
  expect((await visitor.get('clients')).body).toContainEqual(
    expect.objectContaining({ client_id, description: 'Made' }),
  );
  expect((await visitor.get('users', { q: 'email:made@example.com' })).body).toHaveLength(1);

  await control(emulator, 'mutate', { type: 'deleteRole', id: role });
  expect((await visitor.get(member)).body).toEqual([]);
  await control(emulator, 'mutate', [
    { type: 'removeMember', org_id, user_id },
    { type: 'deleteClient', client_id },
    { type: 'deleteUser', user_id },
  ]);
  expect((await visitor.get(member)).status).toBe(404);
  expect((await control(emulator, 'mutate', { type: 'deleteUser', user_id })).status).toBe(404);
});

it('applies a scripted change after the nth response', async () => {
  await start({ churn: { script: [{ afterRequest: 2, change: { type: 'createRole', role: { name: 'late' } } }] } });
  const counts: number[] = [];
  for (let nth = 0; nth < 3; nth += 1) counts.push((await visitor.get('roles')).body.length);
  expect(counts).toEqual([6, 6, 7]);
});

it('applies scripted changes of every kind before the nth response', async () => {
  await start();
  const org_id = organizationAt(0);
  const [gone = '', updated = ''] = [1, 2].map(userAt);
  const isOutside = (user_id: string): boolean => emulator.tenant.memberships.find(org_id, user_id) === undefined;
  const added = [3, 4, 5, 6, 7, 8, 9].map(userAt).find(isOutside) ?? '';
  const member = toText((await readAll(visitor, `organizations/${org_id}/members`, 'members', {}))[5]?.['user_id']);
  emulator.resetStatistics();
  emulator.setScript([
    { atRequest: 1, change: { type: 'removeMember', org_id, user_id: member } },
    { atRequest: 2, change: { type: 'addMember', org_id, user_id: added } },
    { atRequest: 3, change: { type: 'deleteUser', user_id: gone } },
    { atRequest: 3, change: { type: 'deleteUser', user_id: gone } },
    { atRequest: 4, change: { type: 'updateUser', user_id: updated, patch: { nickname: 'scripted' } } },
    { atRequest: 5, change: { type: 'createUser', user: { user_id: 'auth0|scripted' } } },
    { atRequest: 6, change: { type: 'deleteOrganization', id: org_id } },
  ]);
  const total = async (path: string, query = {}): Promise<unknown> =>
    (await visitor.get(path, { include_totals: true, ...query })).body['total'];
  const members = `organizations/${org_id}/members`;
  expect([await total(members), await total(members)]).toEqual([229, 230]);
  expect(await total('users')).toBe(449);
  expect((await visitor.get('users', { sort: 'updated_at:-1' })).body[0]).toMatchObject({ nickname: 'scripted' });
  expect(await total('users', { q: 'user_id:"auth0|scripted"' })).toBe(1);
  expect((await visitor.get(members)).status).toBe(404);
});

it('does not restore memberships when a deleted user is created again', async () => {
  await start();
  const members = `organizations/${organizationAt(0)}/members`;
  const count = async (): Promise<number> => (await readAll(visitor, members, 'members', {})).length;
  const user_id = toText(emulator.tenant.memberships.list(organizationAt(0))[0]?.id);
  const unread = emulator.tenant.organizations.rows.slice(2).map(({ id }) => id);
  emulator.tenant.deleteUser(user_id);
  emulator.tenant.createUser({ user_id });
  expect(await count()).toBe(229);
  for (const id of unread) expect(emulator.tenant.memberships.find(id, user_id)).toBeUndefined();
  emulator.tenant.addMember(organizationAt(0), user_id);
  expect(await count()).toBe(230);
});

it('rejects a reused id and an unknown role', async () => {
  await start();
  const id = organizationAt(3);
  const create = (): unknown => emulator.tenant.apply({ type: 'createOrganization', organization: { id } });
  expect(create).toThrow(RangeError);
  emulator.tenant.apply({ type: 'deleteOrganization', id });
  expect(create).toThrow(RangeError);
  expect(() => emulator.tenant.addMember(organizationAt(0), userAt(1), ['rol_x'])).toThrow(NoSuchEntity);
});

it('changes users continuously if configured', async () => {
  await start({ churn: { perSecond: 200 } });
  const before = emulator.readTruth().users;
  await new Promise((resolve) => setTimeout(resolve, 300));
  const after = emulator.readTruth().users;
  const changed = [...before].filter(([key, hash]) => after.get(key) !== hash);
  expect(changed.length).toBeGreaterThan(10);
});
