import { listReader, organizationsReader, rolesReader } from '../../src/streams/list-readers';
import { streamOf } from '../../src/streams/registry';
import { pageOf, readAll } from './page';

describe('a list of the tenant', () => {
  const reader = listReader('clients');

  it('is followed from token to token, and every row becomes a record of the stream', () => {
    const { outputs, requests } = readAll(reader, ({ query }) =>
      query['from'] === 'second'
        ? pageOf([{ client_id: 'c3' }])
        : pageOf([{ client_id: 'c1' }, { client_id: 'c2' }], { next: 'second' }),
    );
    expect(outputs).toEqual(['c1', 'c2', 'c3'].map((id) => ({ stream: 'clients', data: { client_id: id } })));
    expect(requests.map(({ path, list, key, query }) => [path, list, key, query['take'], query['from']])).toEqual([
      ['clients', 'clients', 'client_id', 100, undefined],
      ['clients', 'clients', 'client_id', 100, 'second'],
    ]);
  });

  it('asks that secrets be left out, as far as they are whole fields', () => {
    const { fields, include_fields: include } = reader.next(reader.start())?.query ?? {};
    expect(include).toBe(false);
    expect(String(fields).split(',')).toEqual(streamOf('clients').secretFields.filter((field) => !field.includes('.')));
    expect(String(fields)).toContain('client_secret');
  });

  it('begins anew when its token has expired', () => {
    const { cursor } = reader.advance(reader.start(), pageOf([{ client_id: 'c1' }], { next: 'second' }));
    expect(reader.expired?.(cursor)).toEqual(reader.start());
  });
});

describe('the list of organizations', () => {
  const rows = [{ id: 'org_1', name: 'one', display_name: 'One' }];

  it('gives each organization to its stream, and only its id to the index', () => {
    expect(readAll(organizationsReader(true), () => pageOf(rows)).outputs).toEqual([
      { stream: 'organizations', data: rows[0] },
      { stream: 'organization-ids', data: { id: 'org_1' } },
    ]);
  });

  it('gives the index alone when the stream is not wanted', () => {
    const { outputs } = readAll(organizationsReader(false), () => pageOf(rows));
    expect(outputs).toEqual([{ stream: 'organization-ids', data: { id: 'org_1' } }]);
  });

  it('names no fields, since nothing in it is secret', () => {
    const reader = organizationsReader(true);
    expect(reader.next(reader.start())?.query).toEqual({ take: 100 });
  });
});

describe('the list of roles', () => {
  it('is read by offset and keeps id and description, null where there is none', () => {
    const all = [
      { id: 'rol_1', name: 'admin', description: 'May do all' },
      { id: 'rol_2', name: 'guest' },
      { id: 'rol_3', description: '' },
    ];
    const { outputs, requests } = readAll(rolesReader(), ({ query }) => {
      const page = Number(query['page']);
      return pageOf(all.slice(2 * page, 2 * page + 2), { start: 2 * page, limit: 2, total: 3 });
    });
    expect(outputs).toEqual([
      { stream: 'roles', data: { id: 'rol_1', description: 'May do all' } },
      { stream: 'roles', data: { id: 'rol_2', description: null } },
      { stream: 'roles', data: { id: 'rol_3', description: '' } },
    ]);
    expect(requests.map(({ query }) => query['page'])).toEqual([0, 1]);
    expect(requests.every(({ query }) => !('take' in query))).toBe(true);
  });
});
