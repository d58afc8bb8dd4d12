import type { ListRequest, Page } from '../../../src/auth0/request';
import type { JsonObject } from '../../../src/json';
import { createSearchEndReader, createSearchReader } from '../../../src/streams/search-reader';
import { nothingKnown, pageOf, readAll } from '../../support/page';

const key = 'updated_at';
const everything = { kind: 'search', stream: 'users', key, missing: true } as const;
const incremental = { ...everything, to: { lagSeconds: 0 } } as const;
const user = (name: string, time?: string): JsonObject => ({ user_id: `auth0|${name}`, ...(time && { [key]: time }) });
const whole = (rows: JsonObject[]): Page => pageOf(rows, { total: rows.length, start: 0, limit: 100 });
/** A full page, one row a millisecond. */
const hundred = (first: string): JsonObject[] =>
  Array.from({ length: 100 }, (_, nth) => user(`u${nth}`, new Date(Date.parse(first) + nth).toISOString()));
const isLacking = ({ query }: ListRequest): boolean => String(query['q']).includes('NOT _exists_');

it('reads the rows in the order of the key, followed by those without it', () => {
  const dated = [user('a', '2026-01-01T00:00:00.000Z'), user('b', '2026-01-02T00:00:00.000Z')];
  const undated = [user('c')];
  const reader = createSearchReader(everything);
  const { outputs, requests } = readAll(reader, (request) => whole(isLacking(request) ? undated : dated));
  expect(outputs).toEqual([...dated, ...undated].map((data) => ({ stream: 'users', data })));
  expect(requests[0]?.query).toMatchObject({ q: 'updated_at:[* TO *]', sort: 'updated_at:1' });
});

it('starts at the inclusive lower bound', () => {
  const reader = createSearchReader({ ...incremental, from: '2026-02-01T00:00:00.000Z' });
  expect(reader.next(reader.start())?.query['q']).toBe('updated_at:[2026-02-01T00:00:00.000Z TO *]');
});

it("fixes the upper bound at the end of the tenant's second of the first response", () => {
  const reader = createSearchReader(incremental);
  const rows = hundred('2026-02-01T00:00:00.000Z');
  const first = reader.advance(reader.start(), pageOf(rows, { total: 150, start: 0, limit: 100 }), nothingKnown);
  expect(first.cursor.startedAt).toBe('2026-03-01T12:00:00.999Z');
  const next = reader.next(first.cursor);
  expect(next?.query['q']).toBe('updated_at:[2026-02-01T00:00:00.099Z TO 2026-03-01T12:00:00.999Z]');

  const later = { at: Date.parse('2026-03-01T13:00:00Z'), total: 2, start: 0 };
  const moved = [rows[99]!, user('late', '2026-03-01T12:30:00.000Z')];
  const second = reader.advance(first.cursor, pageOf(moved, later), nothingKnown);
  expect(second.cursor.startedAt).toBe(first.cursor.startedAt);
  expect(second.outputs).toEqual([]);
  expect(second.repeated).toBe(2);
});

it('leaves later changes to the next run, which starts at the frontier', () => {
  const reader = createSearchReader(incremental);
  const rows = [user('a', '2026-02-01T00:00:00.000Z'), user('changed', '2026-03-01T12:00:01.000Z')];
  const { outputs, cursors } = readAll(reader, (request) => whole(isLacking(request) ? [] : rows));
  expect(outputs.map(({ data }) => data['user_id'])).toEqual(['auth0|a']);
  expect(reader.readFrontier?.(cursors.at(-1)!)).toBe('2026-03-01T12:00:00.999Z');
});

it('has no upper bound in a first read, whose frontier is its start', () => {
  const reader = createSearchReader(everything);
  const first = reader.advance(reader.start(), whole([user('a', '2027-01-01T00:00:00.000Z')]), nothingKnown);
  expect(first.outputs).toHaveLength(1);
  expect(reader.next(first.cursor)?.query['q']).toBe('NOT _exists_:updated_at');
  expect(reader.readFrontier?.(first.cursor)).toBeUndefined();
  const last = reader.advance(
    first.cursor,
    pageOf([], { total: 0, respondedAt: Date.parse('2026-03-01T13:00:00Z') }),
    nothingKnown,
  );
  expect(reader.next(last.cursor)).toBeUndefined();
  expect(reader.readFrontier?.(last.cursor)).toBe('2026-03-01T12:00:00.999Z');
});

it('ends at once when the saved cursor is in the future', () => {
  const reader = createSearchReader({ ...incremental, from: '2026-04-01T00:00:00.000Z' });
  const { outputs, requests, cursors } = readAll(reader, () => whole([]));
  expect({ outputs, requests: requests.length }).toEqual({ outputs: [], requests: 1 });
  expect(reader.readFrontier?.(cursors[0]!)).toBe('2026-03-01T12:00:00.999Z');
});

it('has no frontier before the first row, and none that skips a row of the same millisecond', () => {
  const reader = createSearchReader(incremental);
  expect(reader.readFrontier?.(reader.start())).toBeUndefined();
  const rows = hundred('2026-02-01T00:00:00.000Z');
  const { cursor } = reader.advance(reader.start(), pageOf(rows, { total: 150, start: 0, limit: 100 }), nothingKnown);
  expect(reader.readFrontier?.(cursor)).toBe('2026-02-01T00:00:00.098Z');
});

it('keeps no personal data in its cursor', () => {
  const reader = createSearchReader(incremental);
  const times = Array.from({ length: 100 }, (_, nth) => `2026-02-01T00:00:00.00${nth < 99 ? 0 : 1}Z`);
  const rows = times.map((time, nth) => ({ ...user(`somebody${nth}`, time), email: `somebody${nth}@example.com` }));
  const { cursor } = reader.advance(reader.start(), pageOf(rows, { total: 150, start: 0, limit: 100 }), nothingKnown);
  expect(JSON.stringify(cursor)).toContain('2026-02-01T00:00:00.001Z');
  expect(JSON.stringify(cursor)).not.toMatch(/somebody|example/);
});

it('reports the remaining range while it reads the range', () => {
  const reader = createSearchReader(everything);
  expect(reader.readRemainingRange?.(reader.start())).toBeUndefined();
  const page = pageOf(hundred('2026-02-01T00:00:00.000Z'), { total: 1000, start: 0, limit: 100 });
  const { cursor } = reader.advance(reader.start(), page, nothingKnown);
  const rest = { firstKey: '2026-02-01T00:00:00.000Z', nextKey: '2026-02-01T00:00:00.099Z' };
  expect(reader.readRemainingRange?.(cursor)).toEqual(rest);
  const tied = pageOf(
    Array.from({ length: 100 }, (_, nth) => user(`t${nth}`, rest.nextKey)),
    { total: 1000, start: 0, limit: 100 },
  );
  const inBlock = reader.advance(cursor, tied, nothingKnown);
  expect(inBlock).toMatchObject({ rows: 0, notes: { ties: 1 } });
  expect(reader.readRemainingRange?.(inBlock.cursor)).toBeUndefined();
  const lacking = reader.advance(reader.start(), whole([]), nothingKnown).cursor;
  const end = reader.advance(lacking, whole([user('c')]), nothingKnown).cursor;
  expect([reader.readRemainingRange?.(lacking), reader.readRemainingRange?.(end)]).toEqual([undefined, undefined]);
});

it('reads only its part of the range, and users without the key only if requested', () => {
  const bounds = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-31T23:59:59.999Z' };
  const reader = createSearchReader({ ...everything, ...bounds, missing: false });
  const { requests, cursors } = readAll(reader, () => whole([user('a', '2026-01-02T00:00:00.000Z')]));
  expect(requests.map(({ query }) => query['q'])).toEqual([`updated_at:[${bounds.from} TO ${bounds.to}]`]);
  expect(reader.readFrontier?.(cursors.at(-1)!)).toBe(bounds.to);
});

describe('an upper bound before the current time', () => {
  const reader = createSearchReader({ ...incremental, from: '2026-02-28T00:00:00.000Z', to: { lagSeconds: 60 } });
  const end = '2026-03-01T11:59:00.999Z';

  it("is the tenant's time minus the lag, and newer rows are left to the next run", () => {
    const rows = [user('a', '2026-03-01T11:58:00.000Z'), user('new', '2026-03-01T11:59:30.000Z')];
    const { outputs, cursors, requests } = readAll(reader, (request) => whole(isLacking(request) ? [] : rows));
    expect(outputs.map(({ data }) => data['user_id'])).toEqual(['auth0|a']);
    expect(requests).toHaveLength(2);
    expect(reader.readFrontier?.(cursors.at(-1)!)).toBe(end);
  });

  it('causes a second request with the bound when the first page is full of newer rows', () => {
    const newer = pageOf(hundred('2026-03-01T11:59:30.000Z'), { total: 300, start: 0, limit: 100 });
    const { outputs, requests } = readAll(reader, ({ query }) =>
      String(query['q']).endsWith('TO *]') ? newer : whole([]),
    );
    expect(outputs).toEqual([]);
    expect(requests.map(({ query }) => query['q'])).toEqual([
      'updated_at:[2026-02-28T00:00:00.000Z TO *]',
      `updated_at:[2026-02-28T00:00:00.000Z TO ${end}]`,
      'NOT _exists_:updated_at',
    ]);
  });

  it('does not count newer rows as missed', () => {
    const rows = hundred('2026-03-01T11:00:00.000Z');
    const first = pageOf(rows, { total: 150, start: 0, limit: 100 });
    const step = reader.advance(reader.start(), first, nothingKnown);
    const last = reader.advance(step.cursor, whole([rows[99]!, user('b', '2026-03-01T11:30:00.000Z')]), nothingKnown);
    expect(last).toMatchObject({ rows: 1, repeated: 1, notes: { missed: 0 } });
  });

  it('counts announced rows within it as missed', () => {
    const rows = hundred('2026-03-01T11:00:00.000Z');
    const first = reader.advance(reader.start(), pageOf(rows, { total: 300 }), nothingKnown);
    const more = [rows[99]!, ...hundred('2026-03-01T11:30:00.000Z').slice(1)];
    const second = reader.advance(first.cursor, pageOf(more, { total: 110 }), nothingKnown);
    const last = reader.advance(second.cursor, whole(more.slice(-1)), nothingKnown);
    expect(last.notes).toEqual({ missed: 10 });
  });
});

describe('the end of a search', () => {
  const reader = createSearchEndReader({
    kind: 'search-end',
    stream: 'users',
    key: 'created_at',
    from: '2026-01-01T00:00:00.000Z',
  });
  const endOf = (rows: JsonObject[]) => readAll(reader, () => pageOf(rows, { total: 7 }));

  it('is the key of its last row, read with one request', () => {
    const { requests, outputs, cursors } = endOf([{ user_id: 'auth0|z', created_at: '2026-05-01T00:00:00Z' }]);
    expect(requests.map(({ query }) => query)).toEqual([
      expect.objectContaining({
        q: 'created_at:[2026-01-01T00:00:00.000Z TO *]',
        sort: 'created_at:-1',
        page: 0,
        per_page: 1,
      }),
    ]);
    expect(outputs).toEqual([]);
    expect(reader.readEndKey?.(cursors[0]!)).toBe('2026-05-01T00:00:00.000Z');
    expect(JSON.stringify(cursors)).not.toContain('auth0');
  });

  it('is undefined without rows', () => {
    const { cursors } = endOf([]);
    expect(reader.readEndKey?.(cursors[0]!)).toBeUndefined();
  });
});
