import fc from 'fast-check';
import { type KeysetCursor, createUsersKeyset } from '../../../../src/auth0/paging/keyset';
import type { Page } from '../../../../src/auth0/request';
import type { JsonObject } from '../../../../src/json';
import type { ModelUser } from './search-model';
import { chance, epoch, ids, iso, model, people, population, read, scope, sorted } from './search-reading';

test('delivers every user once, with ties of any size and order, and users without the key', () => {
  fc.assert(
    fc.property(population, fc.constantFrom(100, 50), fc.nat(), fc.boolean(), (users, pageCap, seed, shuffled) => {
      const tenant = model(users, { pageCap, ...(shuffled ? { shuffle: chance(seed) } : {}) });
      const { rows, notes } = read(tenant);
      expect(sorted(ids(rows))).toEqual(sorted(users.map((user) => user.id)));
      expect(notes.missed).toBe(0);
    }),
    { numRuns: 12 },
  );
});

test('delivers all users that stay while others are created, deleted and updated', () => {
  fc.assert(
    fc.property(population, fc.constantFrom(100, 50), fc.nat(), fc.boolean(), (users, pageCap, seed, shuffled) => {
      const random = chance(seed);
      const tenant = model(users, { pageCap, ...(shuffled ? { shuffle: chance(seed + 1) } : {}) });
      const stayed = new Map(users.map((user) => [user.id, user.key]));
      const everHeld = new Set(users.map((user) => user.id));
      let clock = epoch + 1_000_000;
      const { rows } = read(tenant, scope, (current, request) => {
        clock += 1;
        if (request > 60) return; // or the tail would outrun the reader
        for (let i = Math.floor(random() * 6); i > 0 && current.users.length > 0; i -= 1) {
          const at = Math.floor(random() * current.users.length);
          const user = current.users[at] as ModelUser;
          const draw = random();
          if (draw < 0.8) stayed.delete(user.id);
          if (draw < 0.4) current.users.splice(at, 1);
          else if (draw < 0.8) current.users[at] = { ...user, key: clock };
          else {
            const created = { ...user, id: `auth0|new${request}-${i}`, key: clock };
            current.users.push(created);
            everHeld.add(created.id);
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

test('reads 1,200 users of one millisecond and two connections with few additional requests', () => {
  const tenant = model([...people(1_200, () => epoch, ['a', 'b']), ...people(300, (i) => epoch + 1 + i, ['a'], 'x|')]);
  expect(read(tenant).rows).toHaveLength(1_500);
  expect(tenant.requests).toBeLessThanOrEqual(25);
});

test('reads 3,000 users of one millisecond and one connection whose ids differ only at the end', () => {
  const users = people(3_000, () => epoch).map((user, i) => ({
    ...user,
    id: `auth0|5f7c8ec7a1b2c3d4e5${(0xa00000 + i).toString(16)}`,
  }));
  const tenant = model(users);
  expect(new Set(ids(read(tenant).rows)).size).toBe(3_000);
  expect(tenant.requests).toBeLessThan(120);
});

test('counts ties and the parts that their blocks are split into', () => {
  const small = people(150, () => epoch + 5, ['db'], 'small|');
  const big = people(1_100, () => epoch + 9, ['a', 'b'], 'big|');
  const { notes } = read(model([...people(30, (i) => epoch + 100 + i), ...small, ...big]));
  expect(notes).toEqual({ missed: 0, ties: 2, splits: 3 });
});

test('reads a range including both bounds', () => {
  const tenant = model(people(500, (i) => epoch + i));
  const { rows } = read(tenant, { ...scope, from: iso(epoch + 100), to: iso(epoch + 350), missing: false });
  expect(rows.map((row) => row['created_at'])).toEqual(Array.from({ length: 251 }, (_, i) => iso(epoch + 100 + i)));
});

test('adds the filter to every request', () => {
  const keyset = createUsersKeyset({ ...scope, filter: 'a:1 OR b:2' });
  expect(keyset.next(keyset.start())?.query['q']).toBe('created_at:[* TO *] AND (a:1 OR b:2)');
});

test('the frontier never decreases, and all users up to it are delivered at any time', () => {
  const users = [
    ...people(250, (i) => epoch + i),
    ...people(250, () => epoch + 500, ['db'], 'x|'),
    ...people(50, (i) => epoch + 501 + i, ['db'], 'y|'),
  ];
  const tenant = model(users);
  const keyset = createUsersKeyset(scope);
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

test('the frontier of a finished search is its upper bound, even without users', () => {
  const keyset = createUsersKeyset({ ...scope, to: iso(epoch), missing: false });
  const { cursor } = keyset.advance(keyset.start(), {
    rows: [],
    isBareArray: false,
    total: 0,
    bytes: 0,
    respondedAt: 0,
  });
  expect(keyset.next(cursor)).toBeUndefined();
  expect(keyset.frontier(cursor)).toBe(iso(epoch));
});

test('cursors are small and contain no user id', () => {
  const tenant = model([...people(3_000, () => epoch, ['a', 'b']), ...people(400, (i) => epoch + 1 + i, ['a'], 'x|')]);
  const everyId = tenant.users.map((user) => user.id);
  for (const cursor of read(tenant).cursors) {
    const text = JSON.stringify(cursor);
    expect(text.length).toBeLessThan(20_000);
    expect(everyId.some((id) => text.includes(id))).toBe(false);
  }
});

describe('a response that contradicts the request is rejected', () => {
  const row = (id: string, ms: number): JsonObject => ({ user_id: id, created_at: iso(epoch + ms) });
  const page = (rows: JsonObject[], total?: number): Page => ({
    rows,
    isBareArray: false,
    ...(total === undefined ? {} : { total }),
    bytes: 0,
    respondedAt: 0,
  });
  const at = (ms: number): KeysetCursor => ({
    phase: 'range',
    range: { lo: iso(epoch + ms), after: false, deliveredAtLo: [] },
  });

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
      { phase: 'range', range: { lo: iso(epoch + 1), after: true, deliveredAtLo: [] } },
    ],
  ])('%s', (_, answer, cursor) => {
    expect(() => createUsersKeyset(scope).advance(cursor, answer)).toThrow(
      expect.objectContaining({ name: 'UnexpectedAnswer' }) as Error,
    );
  });

  test('leaves users updated after the upper bound to the next run', () => {
    const keyset = createUsersKeyset({ key: 'created_at', to: iso(epoch + 10), missing: false });
    const step = keyset.advance(keyset.start(), page([row('a', 1), row('moved', 99), row('b', 2)], 3));
    expect(ids(step.fresh)).toEqual(['a', 'b']);
    expect(step.cursor.phase).toBe('done');
  });

  test('reports a block that cannot be split, without an id', () => {
    const keyset = createUsersKeyset(scope);
    const tied = page(
      Array.from({ length: 100 }, () => row('auth0|same', 5)),
      1000,
    );
    const inBlock = keyset.advance(at(5), tied).cursor;
    expect(() => keyset.advance(inBlock, tied)).toThrow(
      expect.objectContaining({
        name: 'UnsplittableBlock',
        block: `the users with created_at ${iso(epoch + 5)}`,
      }) as Error,
    );
  });

  test('detects a server that ignores prefix conditions', () => {
    const keyset = createUsersKeyset(scope);
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
