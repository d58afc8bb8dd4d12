import type { ListRequest, Page } from '../../src/auth0/request';
import type { JsonObject } from '../../src/json';
import { searchReader } from '../../src/streams/search-reader';
import { pageOf, readAll } from './page';

const key = 'updated_at';
const incremental = { kind: 'search', stream: 'users', key, frozen: true } as const;
const user = (name: string, time?: string): JsonObject => ({ user_id: `auth0|${name}`, ...(time && { [key]: time }) });
const whole = (rows: JsonObject[]): Page => pageOf(rows, { total: rows.length, start: 0, limit: 100 });
const isLacking = ({ query }: ListRequest): boolean => String(query['q']).includes('NOT _exists_');

it('reads the rows in the order of the key, and at last those without it', () => {
  const dated = [user('a', '2026-01-01T00:00:00.000Z'), user('b', '2026-01-02T00:00:00.000Z')];
  const undated = [user('c')];
  const reader = searchReader({ ...incremental, frozen: false });
  const { outputs, requests } = readAll(reader, (request) => whole(isLacking(request) ? undated : dated));
  expect(outputs).toEqual([...dated, ...undated].map((data) => ({ stream: 'users', data })));
  expect(requests[0]?.query).toMatchObject({ q: 'updated_at:[* TO *]', sort: 'updated_at:1' });
});

it('begins at the lower bound, inclusive', () => {
  const reader = searchReader({ ...incremental, from: '2026-02-01T00:00:00.000Z' });
  expect(reader.next(reader.start())?.query['q']).toBe('updated_at:[2026-02-01T00:00:00.000Z TO *]');
});

it("freezes the upper bound at the end of the second in which the tenant's clock stood at the first answer", () => {
  const reader = searchReader(incremental);
  const rows = Array.from({ length: 100 }, (_, nth) =>
    user(`u${nth}`, new Date(Date.UTC(2026, 1, 1) + nth).toISOString()),
  );
  const first = reader.advance(reader.start(), pageOf(rows, { total: 150, start: 0, limit: 100 }));
  expect(first.cursor.begun).toBe('2026-03-01T12:00:00.999Z');
  const next = reader.next(first.cursor);
  expect(next?.query['q']).toBe('updated_at:[2026-02-01T00:00:00.099Z TO 2026-03-01T12:00:00.999Z]');

  const later = { at: Date.parse('2026-03-01T13:00:00Z'), total: 2, start: 0 };
  const moved = [rows[99]!, user('late', '2026-03-01T12:30:00.000Z')];
  const second = reader.advance(first.cursor, pageOf(moved, later));
  expect(second.cursor.begun).toBe(first.cursor.begun);
  expect(second.outputs).toEqual([]);
  expect(second.repeated).toBe(2);
});

it('leaves what changes meanwhile to the next run, which begins at the frontier', () => {
  const reader = searchReader(incremental);
  const rows = [user('a', '2026-02-01T00:00:00.000Z'), user('changed', '2026-03-01T12:00:01.000Z')];
  const { outputs, cursors } = readAll(reader, (request) => whole(isLacking(request) ? [] : rows));
  expect(outputs.map(({ data }) => data['user_id'])).toEqual(['auth0|a']);
  expect(reader.frontier?.(cursors.at(-1)!)).toBe('2026-03-01T12:00:00.999Z');
});

it('keeps the range of a first read open, and has then delivered what changed until it began', () => {
  const reader = searchReader({ ...incremental, frozen: false });
  const first = reader.advance(reader.start(), whole([user('a', '2027-01-01T00:00:00.000Z')]));
  expect(first.outputs).toHaveLength(1);
  expect(reader.next(first.cursor)?.query['q']).toBe('NOT _exists_:updated_at');
  expect(reader.frontier?.(first.cursor)).toBeUndefined();
  const last = reader.advance(first.cursor, pageOf([], { total: 0, at: Date.parse('2026-03-01T13:00:00Z') }));
  expect(reader.next(last.cursor)).toBeUndefined();
  expect(reader.frontier?.(last.cursor)).toBe('2026-03-01T12:00:00.999Z');
});

it('ends at once, with no more than the bound, when the saved place lies in the future', () => {
  const reader = searchReader({ ...incremental, from: '2026-04-01T00:00:00.000Z' });
  const { outputs, requests, cursors } = readAll(reader, () => whole([]));
  expect({ outputs, requests: requests.length }).toEqual({ outputs: [], requests: 1 });
  expect(reader.frontier?.(cursors[0]!)).toBe('2026-03-01T12:00:00.999Z');
});

it('knows no frontier before anything is read, and none that could skip a row of the same millisecond', () => {
  const reader = searchReader(incremental);
  expect(reader.frontier?.(reader.start())).toBeUndefined();
  const rows = Array.from({ length: 100 }, (_, nth) =>
    user(`u${nth}`, new Date(Date.UTC(2026, 1, 1) + nth).toISOString()),
  );
  const { cursor } = reader.advance(reader.start(), pageOf(rows, { total: 150, start: 0, limit: 100 }));
  expect(reader.frontier?.(cursor)).toBe('2026-02-01T00:00:00.098Z');
});

it("keeps nobody's data in its cursor", () => {
  const reader = searchReader(incremental);
  const times = Array.from({ length: 100 }, (_, nth) => `2026-02-01T00:00:00.00${nth < 99 ? 0 : 1}Z`);
  const rows = times.map((time, nth) => ({ ...user(`somebody${nth}`, time), email: `somebody${nth}@example.com` }));
  const { cursor } = reader.advance(reader.start(), pageOf(rows, { total: 150, start: 0, limit: 100 }));
  expect(JSON.stringify(cursor)).toContain('2026-02-01T00:00:00.001Z');
  expect(JSON.stringify(cursor)).not.toMatch(/somebody|example/);
});
