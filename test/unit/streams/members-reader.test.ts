import type { Json, JsonObject } from '../../../src/json';
import {
  defaultReadOptions,
  deliveredIndexName,
  emptyLookupResults,
  type RolesSource,
} from '../../../src/streams/fetch-task';
import { getStream } from '../../../src/streams/registry';
import type { Reader, ReaderOutput } from '../../../src/streams/stream-reader';
import { nothingKnown, pageOf, readAll } from '../../support/page';

const both = ['organization_members', 'organization_member_roles'];
const rolesAlone = ['organization_member_roles'];
const member = { user_id: 'auth0|1', email: 'one@example.com', name: 'One', picture: 'https://cdn.example.com/1.png' };
const admin = { id: 'rol_1', name: 'admin' };
const descriptions = new Map([
  ['rol_1', 'May do all'],
  ['rol_2', null],
]);
const unknownDescription = [{ field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' }];

interface MembersReaderOptions {
  streams: readonly string[];
  organizations: readonly string[];
  rolesSource: RolesSource;
  descriptions: ReadonlyMap<string, string | null> | undefined;
}

function readerWith(options: Partial<MembersReaderOptions> = {}): Reader<Json> {
  const whole = { streams: both, organizations: ['org_1'], rolesSource: 'inline' as const, descriptions, ...options };
  return getStream('organization_members').child!.createReader!({
    streams: whole.streams,
    parents: whole.organizations,
    sideIndex: whole.descriptions && [...whole.descriptions].map(([id, description]) => ({ id, description })),
    readOptions: { ...defaultReadOptions, rolesSource: whole.rolesSource },
  });
}

const recordsIn = (outputs: readonly ReaderOutput[]): ReaderOutput[] =>
  outputs.filter(({ stream }) => stream !== deliveredIndexName);

function outputsFor(rows: JsonObject[], options: Partial<MembersReaderOptions> = {}): ReaderOutput[] {
  return readAll(readerWith(options), () => pageOf(rows)).outputs;
}

it('fills both streams from one list, with the ids of the parents', () => {
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
])('requests only the fields that %j need', (streams, fields) => {
  const reader = readerWith({ streams });
  expect(reader.next(reader.start())?.query).toEqual({ fields, take: 100 });
  const stream = new Set(outputsFor([{ ...member, roles: [admin] }], { streams }).map((output) => output.stream));
  expect([...stream]).toEqual(streams);
});

it.each([{}, { roles: [] }, { roles: null }])('reads %j as a member without roles', (roles) => {
  expect(outputsFor([{ ...member, ...roles }])).toEqual([
    { stream: 'organization_members', data: { org_id: 'org_1', ...member } },
  ]);
});

it.each<[string, JsonObject['roles']]>([
  ['a word', 'admin'],
  ['an object', { id: 'rol_1' }],
  ['a list of names', ['admin']],
  ['a list with null', [admin, null]],
  ['roles without ids', [{ name: 'admin' }]],
])('rejects %s as roles', (_, roles) => {
  const reader = readerWith();
  const page = pageOf([{ ...member, roles: roles! }]);
  const unexpected = expect.objectContaining({ name: 'UnexpectedAnswer' }) as Error;
  expect(() => reader.advance(reader.start(), page, nothingKnown)).toThrow(unexpected);
  expect(() => reader.listLookups!(reader.start(), page)).toThrow(unexpected);
});

describe('descriptions of roles', () => {
  const owned = { id: 'rol_9', name: 'of the organization' };
  const page = pageOf([
    { user_id: 'auth0|1', roles: [admin, owned] },
    { user_id: 'auth0|2', roles: [owned] },
  ]);

  it('that the list of roles lacks are looked up, each role once per page', () => {
    const reader = readerWith();
    expect(reader.listLookups!(reader.start(), page)).toEqual([{ kind: 'role', organization: 'org_1', role: 'rol_9' }]);
  });

  it.each<[string, Partial<MembersReaderOptions>]>([
    ['roles are not wanted', { streams: ['organization_members'] }],
    ['no role may be read', { descriptions: undefined }],
  ])('are not looked up when %s', (_, options) => {
    const reader = readerWith(options);
    expect(reader.listLookups!(reader.start(), page)).toEqual([]);
  });

  it.each([['Owned'], [null]])('are those of the lookup, %j', (description) => {
    const reader = readerWith({ streams: rolesAlone });
    const lookupResults = { ...emptyLookupResults, descriptions: new Map([['rol_9', description]]) };
    const { outputs, notes } = reader.advance(reader.start(), page, { ...nothingKnown, lookupResults });
    expect(outputs.map(({ data, changes }) => [data['description'], changes])).toEqual([
      ['May do all', undefined],
      [description, undefined],
      [description, undefined],
    ]);
    expect(notes).toEqual({ undescribed: 0 });
  });

  it.each<[string, MembersReaderOptions['descriptions'], number]>([
    ['whose role is gone', descriptions, 2],
    ['that may not be read', undefined, 3],
  ])('%s are null, marked as not retrieved, and counted', (_, known, undescribed) => {
    const reader = readerWith({ streams: rolesAlone, descriptions: known });
    const { outputs, notes } = reader.advance(reader.start(), page, nothingKnown);
    const unknown = outputs.filter(({ changes }) => changes);
    expect(unknown.map(({ data }) => data['description'])).toEqual(Array(undescribed).fill(null));
    expect(unknown[0]?.changes).toEqual(unknownDescription);
    expect(notes).toEqual({ undescribed });
  });

  it('of roles without one are null, without a mark', () => {
    const [output] = outputsFor([{ user_id: 'auth0|1', roles: [{ id: 'rol_2', name: 'guest' }] }], {
      streams: rolesAlone,
    });
    expect(output?.data['description']).toBeNull();
    expect(output).not.toHaveProperty('changes');
  });
});

describe('roles requested for each member', () => {
  const options = { rolesSource: 'per_member', descriptions: undefined } as const;
  const rows = [member, { ...member, user_id: 'auth0|2' }];

  it('are not part of the list request', () => {
    const reader = readerWith(options);
    expect(reader.next(reader.start())?.query['fields']).toBe('user_id,email,picture,name');
    expect(reader.listLookups!(reader.start(), pageOf(rows))).toEqual([
      { kind: 'member-roles', organization: 'org_1', user: 'auth0|1' },
      { kind: 'member-roles', organization: 'org_1', user: 'auth0|2' },
    ]);
  });

  it('are not requested when the stream is not synced', () => {
    const reader = readerWith({ ...options, streams: ['organization_members'] });
    expect(reader.listLookups!(reader.start(), pageOf(rows))).toEqual([]);
  });

  it('include their descriptions, and a deleted member has none', () => {
    const memberRoles = new Map([
      [
        'auth0|1',
        [
          { ...admin, description: 'May do all' },
          { id: 'rol_2', name: 'guest' },
        ],
      ],
    ]);
    const lookupResults = { ...emptyLookupResults, memberRoles };
    const { outputs } = readAll(readerWith(options), () => pageOf(rows), { ...nothingKnown, lookupResults });
    expect(outputs.map(({ stream, data, changes }) => [stream, data['user_id'], data['description'], changes])).toEqual(
      [
        ['organization_members', 'auth0|1', undefined, undefined],
        ['organization_member_roles', 'auth0|1', 'May do all', undefined],
        ['organization_member_roles', 'auth0|1', null, undefined],
        ['organization_members', 'auth0|2', undefined, undefined],
      ],
    );
  });
});

it('reads the organizations one after the other, each to its end', () => {
  const reader = readerWith({ streams: ['organization_members'], organizations: ['org_1', 'org_2', 'org_3'] });
  const { outputs, requests } = readAll(reader, ({ path, query }) => {
    if (path.includes('org_2')) return pageOf([]);
    const again = query['from'] === 'next';
    return pageOf(
      [{ user_id: again ? 'auth0|2' : 'auth0|1' }],
      path.includes('org_1') && !again ? { next: 'next' } : {},
    );
  });
  expect(recordsIn(outputs).map(({ data }) => [data['org_id'], data['user_id']])).toEqual([
    ['org_1', 'auth0|1'],
    ['org_1', 'auth0|2'],
    ['org_3', 'auth0|1'],
  ]);
  expect(requests.map(({ path }) => path)).toEqual([1, 1, 2, 3].map((nth) => `organizations/org_${nth}/members`));
});

it('percent-encodes ids in the path', () => {
  const reader = readerWith({ organizations: ['../users?x'] });
  expect(reader.next(reader.start())?.path).toBe('organizations/..%2Fusers%3Fx/members');
});

it('skips a deleted organization', () => {
  const reader = readerWith({ organizations: ['org_1', 'org_2'] });
  const { cursor } = reader.advance(reader.start(), pageOf([member], { next: 'next' }), nothingKnown);
  const next = reader.skipVanished?.(cursor);
  expect(next && reader.next(next)).toMatchObject({ path: 'organizations/org_2/members' });
  expect(next && reader.next(next)?.query).not.toHaveProperty('from');
  expect(next && reader.skipVanished && reader.next(reader.skipVanished(next))).toBeUndefined();
});

describe("when an organization's checkpoint has expired", () => {
  const reader = readerWith({ organizations: ['org_1', 'org_2', 'org_3'] });
  const paged = pageOf([{ ...member, roles: [admin] }], { next: 'next' });
  const first = reader.advance(reader.start(), paged, nothingKnown);
  const second = reader.advance(first.cursor, pageOf([{ user_id: 'auth0|0' }]), nothingKnown).cursor;
  const inside = reader.advance(second, paged, nothingKnown);
  const again = reader.restart!(inside.cursor);
  const delivered = new Set(
    [...first.outputs, ...inside.outputs]
      .filter(({ stream }) => stream === deliveredIndexName)
      .map(({ data }) => data['fingerprint'] as string),
  );

  it('only its list is restarted', () => {
    expect(reader.next(inside.cursor)?.query['from']).toBe('next');
    expect(reader.next(again)).toEqual(reader.next(second));
    expect([reader.start(), second, inside.cursor, again].map((each) => reader.isRestarted!(each))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it('its delivered members are left out with their roles, and the next organization is read completely', () => {
    const known = { ...nothingKnown, delivered };
    const step = reader.advance(again, pageOf([{ ...member, roles: [admin] }, { user_id: 'auth0|3' }]), known);
    expect(recordsIn(step.outputs).map(({ data }) => data['user_id'])).toEqual(['auth0|3']);
    expect(step).toMatchObject({ rows: 1, repeated: 1 });
    expect(reader.isRestarted!(step.cursor)).toBe(false);
    const next = reader.advance(step.cursor, pageOf([member]), known);
    expect(recordsIn(next.outputs).map(({ data }) => data['org_id'])).toEqual(['org_3']);
  });

  it('a member delivered for another organization is not left out', () => {
    const [indexed] = first.outputs.filter(({ stream }) => stream === deliveredIndexName);
    const known = { ...nothingKnown, delivered: new Set([indexed!.data['fingerprint'] as string]) };
    expect(reader.advance(again, pageOf([member]), known).rows).toBe(1);
  });
});

it('rejects a page after the end', () => {
  const reader = readerWith({ organizations: [] });
  expect(reader.next(reader.start())).toBeUndefined();
  expect(() => reader.advance(reader.start(), pageOf([]), nothingKnown)).toThrow('have been read');
});
