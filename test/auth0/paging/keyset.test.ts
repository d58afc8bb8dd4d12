import fc from 'fast-check';
import { type KeysetCursor, usersKeyset } from '../../../src/auth0/paging/keyset';
import type { SearchScope } from '../../../src/auth0/paging/search';
import type { Page } from '../../../src/auth0/request';
import type { JsonObject } from '../../../src/json';
import { type ModelOptions, type ModelUser, SearchModel } from './search-model';

const epoch = Date.parse('2026-01-01T00:00:00.000Z');
const iso = (ms: number): string => new Date(ms).toISOString();
const scope: SearchScope = { key: 'created_at', missing: true };

/** Reads a model to the end; each cursor goes through JSON as it would through a heartbeat. */
function read(
  model: SearchModel,
  given: SearchScope = scope,
  between: (model: SearchModel, request: number) => void = () => {},
): { rows: JsonObject[]; repeated: number; cursors: KeysetCursor[] } {
  const keyset = usersKeyset(given);
  const rows: JsonObject[] = [];
  const cursors = [keyset.start()];
  let repeated = 0;
  for (let cursor = keyset.start(); ;) {
    const request = keyset.next(cursor);
    if (!request) return { rows, repeated, cursors };
    if (model.requests > 3_000) throw new Error('it does not end');
    const step = keyset.advance(cursor, model.answer(request));
    cursor = JSON.parse(JSON.stringify(step.cursor)) as KeysetCursor;
    cursors.push(cursor);
    rows.push(...step.fresh);
    repeated += step.repeated;
    between(model, model.requests);
  }
}

const ids = (rows: JsonObject[]): string[] => rows.map((row) => String(row['user_id']));
const sorted = (list: string[]): string[] => [...list].sort();

function people(count: number, key: (i: number) => number | null, connections = ['db'], name = 'auth0|'): ModelUser[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${name}${(i * 2_654_435_761).toString(16).padStart(12, '0')}`,
    key: key(i),
    connections: [connections[i % connections.length] ?? 'db'],
  }));
}
const model = (users: ModelUser[], options: Partial<ModelOptions> = {}): SearchModel =>
  new SearchModel(users, { keyName: 'created_at', ...options });

/** A small generator of its own, so that a failing case is found again by its seed. */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (state * 1_664_525 + 1_013_904_223) >>> 0) / 2 ** 32;
}

const tie = fc.record({
  size: fc.nat(260),
  gap: fc.integer({ min: 1, max: 5 }),
  connections: fc.integer({ min: 1, max: 3 }),
});
const population = fc
  .record({
    spread: fc.nat(260),
    ties: fc.array(tie, { maxLength: 3 }),
    big: fc.option(
      fc.record({ size: fc.integer({ min: 1_000, max: 1_400 }), connections: fc.integer({ min: 1, max: 3 }) }),
      {
        nil: undefined,
        freq: 2,
      },
    ),
    missing: fc.nat(130),
  })
  .map(({ spread, ties, big, missing }) => {
    const names = ['db', 'google "x"', 'saml\\y'];
    let at = epoch + 10_000;
    const blocks = [...ties, ...(big ? [{ ...big, gap: 2 }] : [])].map(({ size, gap, connections }, i) => {
      at += gap;
      const key = at;
      return people(size, () => key, names.slice(0, connections), `auth0|t${i}`);
    });
    return [
      ...people(spread, (i) => epoch + i * 7, names),
      ...blocks.flat(),
      ...people(missing, () => null, names, 'waad|a b:c@d.example|'),
    ];
  });

test('every user is delivered once, with ties of any size, users without the key, and ties in no order', () => {
  fc.assert(
    fc.property(population, fc.constantFrom(100, 50), fc.nat(), fc.boolean(), (users, pageCap, seed, shuffled) => {
      const tenant = model(users, { pageCap, ...(shuffled ? { shuffle: chance(seed) } : {}) });
      expect(sorted(ids(read(tenant).rows))).toEqual(sorted(users.map((user) => user.id)));
    }),
    { numRuns: 12 },
  );
});

test('users that come, go and move while it reads cost none of those who stay', () => {
  fc.assert(
    fc.property(population, fc.constantFrom(100, 50), fc.nat(), fc.boolean(), (users, pageCap, seed, shuffled) => {
      const random = chance(seed);
      const tenant = model(users, { pageCap, ...(shuffled ? { shuffle: chance(seed + 1) } : {}) });
      const stayed = new Map(users.map((user) => [user.id, user.key]));
      const everHeld = new Set(users.map((user) => user.id));
      let clock = epoch + 1_000_000;
      const { rows } = read(tenant, scope, (held, request) => {
        clock += 1;
        if (request > 60) return; // or the tail would outrun the reader
        for (let i = Math.floor(random() * 6); i > 0 && held.users.length > 0; i -= 1) {
          const at = Math.floor(random() * held.users.length);
          const user = held.users[at] as ModelUser;
          const fate = random();
          if (fate < 0.8) stayed.delete(user.id);
          if (fate < 0.4) held.users.splice(at, 1);
          else if (fate < 0.8) held.users[at] = { ...user, key: clock };
          else {
            const born = { ...user, id: `auth0|new${request}-${i}`, key: clock };
            held.users.push(born);
            everHeld.add(born.id);
          }
        }
      });
      const delivered = ids(rows);
      const set = new Set(delivered);
      expect([...stayed.keys()].filter((id) => !set.has(id))).toEqual([]);
      expect(delivered.filter((id) => !everHeld.has(id))).toEqual([]);
      const versions = rows.map((row) => `${String(row['user_id'])} ${String(row['created_at'])}`);
      expect(new Set(versions).size).toBe(versions.length);
    }),
    { numRuns: 12 },
  );
});

test.each([0, 1, 99, 100, 101, 1_000, 12_345])(
  '%i users without ties take no more than 3 %% and 5 requests too many',
  (count) => {
    const tenant = model(people(count, (i) => epoch + i));
    expect(read(tenant).rows).toHaveLength(count);
    expect(tenant.requests).toBeLessThanOrEqual(Math.ceil(count / 100) * 1.03 + 5);
  },
);

test('1,200 users of one millisecond over two connections take few requests more than their pages', () => {
  const tenant = model([...people(1_200, () => epoch, ['a', 'b']), ...people(300, (i) => epoch + 1 + i, ['a'], 'x|')]);
  expect(read(tenant).rows).toHaveLength(1_500);
  expect(tenant.requests).toBeLessThanOrEqual(25);
});

test('3,000 users of one millisecond in one connection, whose ids differ only in their ends, are all read', () => {
  const users = people(3_000, () => epoch).map((user, i) => ({
    ...user,
    id: `auth0|5f7c8ec7a1b2c3d4e5${(0xa00000 + i).toString(16)}`,
  }));
  const tenant = model(users);
  expect(new Set(ids(read(tenant).rows)).size).toBe(3_000);
  expect(tenant.requests).toBeLessThan(120);
});

test('a range is kept to, both ends included', () => {
  const tenant = model(people(500, (i) => epoch + i));
  const { rows } = read(tenant, { ...scope, from: iso(epoch + 100), to: iso(epoch + 350), missing: false });
  expect(rows.map((row) => row['created_at'])).toEqual(Array.from({ length: 251 }, (_, i) => iso(epoch + 100 + i)));
});

test('a further condition goes with every request', () => {
  const keyset = usersKeyset({ ...scope, filter: 'a:1 OR b:2' });
  expect(keyset.next(keyset.start())?.query['q']).toBe('created_at:[* TO *] AND (a:1 OR b:2)');
});

test('the frontier grows, and all up to it has been delivered whenever it is asked', () => {
  const users = [
    ...people(250, (i) => epoch + i),
    ...people(250, () => epoch + 500, ['db'], 'x|'),
    ...people(50, (i) => epoch + 501 + i, ['db'], 'y|'),
  ];
  const tenant = model(users);
  const keyset = usersKeyset(scope);
  const delivered = new Set<string>();
  let last = '';
  let cursor = keyset.start();
  expect(keyset.frontier(cursor)).toBeUndefined();
  for (let request = keyset.next(cursor); request; request = keyset.next(cursor)) {
    const step = keyset.advance(cursor, tenant.answer(request));
    cursor = step.cursor;
    for (const id of ids(step.fresh)) delivered.add(id);
    const frontier = keyset.frontier(cursor);
    if (frontier === undefined) continue;
    expect(frontier >= last).toBe(true);
    last = frontier;
    const owed = users.filter((user) => user.key !== null && iso(user.key) <= frontier && !delivered.has(user.id));
    expect(owed).toEqual([]);
  }
  expect(last).toBe(iso(epoch + 550));
});

test('a search with an upper bound has all up to that bound, even when it found nobody', () => {
  const keyset = usersKeyset({ ...scope, to: iso(epoch), missing: false });
  const { cursor } = keyset.advance(keyset.start(), { rows: [], bare: false, total: 0, bytes: 0, at: 0 });
  expect(keyset.next(cursor)).toBeUndefined();
  expect(keyset.frontier(cursor)).toBe(iso(epoch));
});

test('no cursor holds a user id, and none is large', () => {
  const tenant = model([...people(3_000, () => epoch, ['a', 'b']), ...people(400, (i) => epoch + 1 + i, ['a'], 'x|')]);
  const everyId = tenant.users.map((user) => user.id);
  for (const cursor of read(tenant).cursors) {
    const text = JSON.stringify(cursor);
    expect(text.length).toBeLessThan(20_000);
    expect(everyId.some((id) => text.includes(id))).toBe(false);
  }
});

describe('what contradicts the request is not taken', () => {
  const row = (id: string, ms: number): JsonObject => ({ user_id: id, created_at: iso(epoch + ms) });
  const page = (rows: JsonObject[], total?: number): Page => ({
    rows,
    bare: false,
    ...(total === undefined ? {} : { total }),
    bytes: 0,
    at: 0,
  });
  const at = (ms: number): KeysetCursor => ({ phase: 'range', range: { lo: iso(epoch + ms), after: false, at: [] } });

  test.each<[string, Page, KeysetCursor]>([
    ['rows out of order', page([row('a', 2), row('b', 1)], 5), at(0)],
    ['rows below the range', page([row('a', 1), row('b', 3)], 5), at(2)],
    ['a row without the key', page([{ user_id: 'a' }], 5), at(0)],
    ['a key that is no time', page([{ user_id: 'a', created_at: 'soon' }], 5), at(0)],
    ['no total', page([row('a', 1)]), at(0)],
    ['fewer in total than on the page', page([row('a', 1), row('b', 2)], 1), at(0)],
    ['an empty page before the end', page([], 3), at(0)],
    [
      'a row at a time that was closed',
      page([row('a', 1), row('b', 2)], 5),
      { phase: 'range', range: { lo: iso(epoch + 1), after: true, at: [] } },
    ],
  ])('%s', (_, answer, cursor) => {
    expect(() => usersKeyset(scope).advance(cursor, answer)).toThrow(
      expect.objectContaining({ name: 'UnexpectedAnswer' }) as Error,
    );
  });

  test('users that were updated after the upper bound are left to the next run', () => {
    const keyset = usersKeyset({ key: 'created_at', to: iso(epoch + 10), missing: false });
    const step = keyset.advance(keyset.start(), page([row('a', 1), row('moved', 99), row('b', 2)], 3));
    expect(ids(step.fresh)).toEqual(['a', 'b']);
    expect(step.cursor.phase).toBe('done');
  });

  test('a block that nothing divides is named, without an id', () => {
    const keyset = usersKeyset(scope);
    const tied = page(
      Array.from({ length: 100 }, () => row('auth0|same', 5)),
      1000,
    );
    const inBlock = keyset.advance(at(5), tied).cursor;
    expect(() => keyset.advance(inBlock, tied)).toThrow(
      expect.objectContaining({
        name: 'UnsplittableBlock',
        block: `the block of users with created_at ${iso(epoch + 5)}`,
      }) as Error,
    );
  });

  test('a server that does not search by prefix is found out rather than followed', () => {
    const keyset = usersKeyset(scope);
    const tied = page(
      Array.from({ length: 100 }, (_, i) => row(`auth0|${i}`, 5)),
      1000,
    );
    let cursor = keyset.advance(at(5), tied).cursor;
    expect(() => {
      for (let i = 0; i < 100; i += 1) cursor = keyset.advance(cursor, tied).cursor;
    }).toThrow(expect.objectContaining({ name: 'UnsplittableBlock' }) as Error);
  });
});
