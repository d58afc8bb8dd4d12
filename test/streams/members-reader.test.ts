import { membersReader } from '../../src/streams/members-reader';
import { pageOf, readAll } from './page';

const both = ['organization_members', 'organization_member_roles'];
const member = { user_id: 'auth0|1', email: 'one@example.com', name: 'One', picture: 'https://cdn.example.com/1.png' };
const admin = { id: 'rol_1', name: 'admin' };
const descriptions = new Map([
  ['rol_1', 'May do all'],
  ['rol_2', null],
]);

function outputsFor(rows: object[], streams = both, known: typeof descriptions | undefined = descriptions) {
  return readAll(membersReader(streams, ['org_1'], known), () => pageOf(rows as never)).outputs;
}

it('fills both streams from one reading, with the ids of the parents', () => {
  expect(outputsFor([{ ...member, roles: [admin, { id: 'rol_2', name: 'guest' }] }])).toEqual([
    { stream: 'organization_members', data: { org_id: 'org_1', ...member } },
    {
      stream: 'organization_member_roles',
      data: { org_id: 'org_1', user_id: 'auth0|1', ...admin, description: 'May do all' },
    },
    {
      stream: 'organization_member_roles',
      data: { org_id: 'org_1', user_id: 'auth0|1', id: 'rol_2', name: 'guest', description: null },
    },
  ]);
});

it.each([
  [both, 'user_id,email,picture,name,roles'],
  [['organization_members'], 'user_id,email,picture,name'],
  [['organization_member_roles'], 'user_id,roles'],
])('asks for no more than %j need', (streams, fields) => {
  const reader = membersReader(streams, ['org_1'], undefined);
  expect(reader.next(reader.start())?.query).toEqual({ fields, take: 100 });
  const stream = new Set(outputsFor([{ ...member, roles: [admin] }], streams).map((output) => output.stream));
  expect([...stream]).toEqual(streams);
});

it('says of a role whose description is not known that the source could not tell it', () => {
  const unknown = [{ field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' }];
  const rows = [{ user_id: 'auth0|1', roles: [{ id: 'rol_9', name: 'new' }] }];
  const roles = ['organization_member_roles'];
  for (const known of [undefined, descriptions]) {
    const [output] = readAll(membersReader(roles, ['org_1'], known), () => pageOf(rows)).outputs;
    expect(output?.data['description']).toBeNull();
    expect(output?.changes).toEqual(unknown);
  }
});

it('says nothing of changes where the role simply has no description', () => {
  const [output] = outputsFor([{ user_id: 'auth0|1', roles: [{ id: 'rol_2', name: 'guest' }] }], both.slice(1));
  expect(output).not.toHaveProperty('changes');
});

it.each([{}, { roles: [] }, { roles: null }])('takes %j for a member without roles', (roles) => {
  expect(outputsFor([{ ...member, ...roles }])).toEqual([
    { stream: 'organization_members', data: { org_id: 'org_1', ...member } },
  ]);
});

it('reads one organization after the other, each to its end', () => {
  const reader = membersReader(['organization_members'], ['org_1', 'org_2', 'org_3'], undefined);
  const { outputs, requests } = readAll(reader, ({ path, query }) => {
    if (path.includes('org_2')) return pageOf([]);
    const again = query['from'] === 'next';
    return pageOf(
      [{ user_id: again ? 'auth0|2' : 'auth0|1' }],
      path.includes('org_1') && !again ? { next: 'next' } : {},
    );
  });
  expect(outputs.map(({ data }) => [data['org_id'], data['user_id']])).toEqual([
    ['org_1', 'auth0|1'],
    ['org_1', 'auth0|2'],
    ['org_3', 'auth0|1'],
  ]);
  expect(requests.map(({ path }) => path)).toEqual([1, 1, 2, 3].map((nth) => `organizations/org_${nth}/members`));
});

it('puts ids into the path in a form that does not change it', () => {
  const reader = membersReader(both, ['../users?x'], undefined);
  expect(reader.next(reader.start())?.path).toBe('organizations/..%2Fusers%3Fx/members');
});

it('passes over an organization that has vanished, to the beginning of the next', () => {
  const reader = membersReader(both, ['org_1', 'org_2'], undefined);
  const { cursor } = reader.advance(reader.start(), pageOf([member], { next: 'next' }));
  const next = reader.vanished?.(cursor);
  expect(next && reader.next(next)).toMatchObject({ path: 'organizations/org_2/members' });
  expect(next && reader.next(next)?.query).not.toHaveProperty('from');
  expect(next && reader.vanished && reader.next(reader.vanished(next))).toBeUndefined();
});

it('reads an organization from its beginning again when its token has expired, and those before it not', () => {
  const reader = membersReader(both, ['org_1', 'org_2'], undefined);
  const second = reader.advance(reader.start(), pageOf([member])).cursor;
  const inside = reader.advance(second, pageOf([member], { next: 'next' })).cursor;
  expect(reader.next(inside)?.query['from']).toBe('next');
  expect(reader.expired?.(inside)).toEqual(second);
});

it('refuses a page that nobody asked for', () => {
  const reader = membersReader(both, [], undefined);
  expect(reader.next(reader.start())).toBeUndefined();
  expect(() => reader.advance(reader.start(), pageOf([]))).toThrow('have been read');
});
