import type { ListCursor } from '../../../src/auth0/paging/list';
import { deliveredIndexName, parentIndexName, sideIndexName } from '../../../src/streams/fetch-task';
import { createListReader, createParentsReader, createSideIndexReader } from '../../../src/streams/list-readers';
import { getStream } from '../../../src/streams/registry';
import type { Reader, ReaderOutput } from '../../../src/streams/stream-reader';
import { nothingKnown, pageOf, readAll } from '../../support/page';

const fingerprintsIn = (outputs: readonly ReaderOutput[]): string[] =>
  outputs.filter(({ stream }) => stream === deliveredIndexName).map(({ data }) => data['fingerprint'] as string);
const recordsIn = (outputs: readonly ReaderOutput[]): ReaderOutput[] =>
  outputs.filter(({ stream }) => stream !== deliveredIndexName);

describe('a list of the tenant', () => {
  const reader = createListReader(getStream('clients'));

  it('is read from token to token, and every row becomes a record of the stream', () => {
    const { outputs, requests } = readAll(reader, ({ query }) =>
      query['from'] === 'second'
        ? pageOf([{ client_id: 'c3' }])
        : pageOf([{ client_id: 'c1' }, { client_id: 'c2' }], { next: 'second' }),
    );
    expect(recordsIn(outputs)).toEqual(
      ['c1', 'c2', 'c3'].map((id) => ({ stream: 'clients', data: { client_id: id } })),
    );
    expect(requests.map(({ path, list, key, query }) => [path, list, key, query['take'], query['from']])).toEqual([
      ['clients', 'clients', 'client_id', 100, undefined],
      ['clients', 'clients', 'client_id', 100, 'second'],
    ]);
  });

  it('requests the exclusion of secret top-level fields', () => {
    const { fields, include_fields: include } = reader.next(reader.start())?.query ?? {};
    expect(include).toBe(false);
    expect(String(fields).split(',')).toEqual(
      getStream('clients').secretFields.filter((field) => !field.includes('.')),
    );
    expect(String(fields)).toContain('client_secret');
  });
});

describe.each<[string, Reader<ListCursor>, string]>([
  ['clients', createListReader(getStream('clients')), 'client_id'],
  ['organizations', createParentsReader(getStream('organizations'), true), 'id'],
])('the list of %s, when its checkpoint has expired', (stream, reader, key) => {
  const first = [{ [key]: 'somebodys-1' }, { [key]: 'somebodys-2' }];
  const { cursor, outputs } = reader.advance(reader.start(), pageOf(first, { next: 'second' }), nothingKnown);

  it('restarts and marks the cursor as restarted', () => {
    const again = reader.restart!(cursor);
    expect(reader.next(again)?.query).toEqual(reader.next(reader.start())?.query);
    expect([reader.start(), cursor, again].map((each) => reader.isRestarted!(each))).toEqual([false, false, true]);
  });

  it('leaves out delivered rows and delivers new ones', () => {
    const delivered = new Set(fingerprintsIn(outputs));
    const known = { ...nothingKnown, delivered };
    const page = reader.advance(reader.restart!(cursor), pageOf([first[1]!, { [key]: 'new' }], { next: 'x' }), known);
    expect(page).toMatchObject({ rows: 1, repeated: 1 });
    expect(recordsIn(page.outputs).every(({ data }) => data[key] === 'new')).toBe(true);
    const last = reader.advance(page.cursor, pageOf([first[0]!, { [key]: 'last' }]), known);
    expect(last).toMatchObject({ rows: 1, repeated: 1 });
    expect(recordsIn(last.outputs)[0]).toEqual({ stream, data: { [key]: 'last' } });
  });

  it('has written a hash of each row except those of the last page', () => {
    expect(fingerprintsIn(outputs)).toHaveLength(2);
    expect(new Set(fingerprintsIn(outputs)).size).toBe(2);
    expect(fingerprintsIn(outputs).join()).not.toContain('somebody');
    const last = reader.advance(cursor, pageOf([{ [key]: 'three' }]), nothingKnown);
    expect(fingerprintsIn(last.outputs)).toEqual([]);
  });
});

describe('the list of organizations', () => {
  const rows = [{ id: 'org_1', name: 'one', display_name: 'One' }];

  it('writes each organization to its stream and only its id to the index', () => {
    expect(readAll(createParentsReader(getStream('organizations'), true), () => pageOf(rows)).outputs).toEqual([
      { stream: 'organizations', data: rows[0] },
      { stream: parentIndexName, data: { id: 'org_1' } },
    ]);
  });

  it('writes only the index when the stream is not synced', () => {
    const { outputs } = readAll(createParentsReader(getStream('organizations'), false), () => pageOf(rows));
    expect(outputs).toEqual([{ stream: parentIndexName, data: { id: 'org_1' } }]);
  });

  it('counts a row once, even with several outputs', () => {
    const reader = createParentsReader(getStream('organizations'), true);
    expect(reader.advance(reader.start(), pageOf(rows, { next: 'x' }), nothingKnown)).toMatchObject({ rows: 1 });
  });

  it('excludes no fields, because none is secret', () => {
    const reader = createParentsReader(getStream('organizations'), true);
    expect(reader.next(reader.start())?.query).toEqual({ take: 100 });
  });
});

describe('the list of roles', () => {
  it('is read by offset and keeps id and description, null when absent', () => {
    const all = [
      { id: 'rol_1', name: 'admin', description: 'May do all' },
      { id: 'rol_2', name: 'guest' },
      { id: 'rol_3', description: '' },
    ];
    const { outputs, requests } = readAll(
      createSideIndexReader(getStream('organization_member_roles').child!.sideIndex!),
      ({ query }) => {
        const page = Number(query['page']);
        return pageOf(all.slice(2 * page, 2 * page + 2), { start: 2 * page, limit: 2, total: 3 });
      },
    );
    expect(outputs).toEqual([
      { stream: sideIndexName, data: { id: 'rol_1', description: 'May do all' } },
      { stream: sideIndexName, data: { id: 'rol_2', description: null } },
      { stream: sideIndexName, data: { id: 'rol_3', description: '' } },
    ]);
    expect(requests.map(({ query }) => query['page'])).toEqual([0, 1]);
    expect(requests.every(({ query }) => !('take' in query))).toBe(true);
  });
});
