import fc from 'fast-check';
import { createUsersKeyset } from '../../../../src/auth0/paging/keyset';
import type { SearchModel } from './search-model';
import { chance, epoch, ids, iso, model, people, population, read, scope, sorted } from './search-reading';

describe('a page with fewer rows than exist', () => {
  /** Reads a tenant that leaves rows out; undefined when it was found out. */
  function readOrRefuse(tenant: SearchModel): ReturnType<typeof read> | undefined {
    try {
      return read(tenant);
    } catch (error) {
      if (['UnexpectedAnswer', 'UnsplittableBlock'].includes((error as Error).name)) return undefined;
      throw error;
    }
  }

  test('never ends the search: every user is delivered or the gap is reported', () => {
    const outcomes = { whole: 0, refused: 0 };
    fc.assert(
      fc.property(
        population,
        fc.constantFrom(100, 50),
        fc.boolean(),
        fc.nat(),
        fc.constantFrom(1, 20, 200, Infinity),
        (users, pageCap, silent, seed, pages) => {
          const random = chance(seed);
          const share = random() < 0.5 ? 0.02 : random();
          const tenant: SearchModel = model(users, {
            pageCap,
            silent,
            hides: () => tenant.requests <= pages && random() < share,
          });
          const result = readOrRefuse(tenant);
          if (result?.notes.missed === 0) expect(sorted(ids(result.rows))).toEqual(sorted(users.map(({ id }) => id)));
          outcomes[result ? 'whole' : 'refused'] += 1;
        },
      ),
      { numRuns: 30 },
    );
    expect(outcomes.whole).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  test.each([1, 150, 1_400])('is detected when one of %i users is never returned', (count) => {
    fc.assert(
      fc.property(fc.nat(count - 1), (hidden) => {
        const users = people(count, (i) => epoch + i);
        expect(readOrRefuse(model(users, { hides: ({ id }) => id === users[hidden]!.id }))).toBeUndefined();
      }),
      { numRuns: 10 },
    );
  });

  test('is read again up to its last key, once if the missing rows then appear', () => {
    const users = people(350, (i) => epoch + i);
    const tenant: SearchModel = model(users, {
      hides: ({ id }) => tenant.requests === 2 && [120, 130].some((nth) => users[nth]!.id === id),
    });
    expect(sorted(ids(read(tenant).rows))).toEqual(sorted(users.map(({ id }) => id)));
    const plain = model(users);
    read(plain);
    expect(tenant.requests).toBe(plain.requests + 1);
  });

  test.each<[string, (nth: number, request: number) => boolean]>([
    ['half of each of two pages', (nth, request) => request % 2 === 1 && nth < 200 && nth % 100 < 50],
    ['the last user of a page, and still as the first one of the next', (nth, request) => request < 4 && nth === 99],
  ])('is not mistaken for the largest page of the server: %s', (_, isHidden) => {
    const users = people(1_500, (i) => epoch + i);
    const nth = new Map(users.map(({ id }, i) => [id, i]));
    const tenant: SearchModel = model(users, { hides: ({ id }) => isHidden(nth.get(id)!, tenant.requests) });
    expect(sorted(ids(read(tenant).rows))).toEqual(sorted(users.map(({ id }) => id)));
  });

  test('is not mistaken for a tie when it has one timestamp: earlier users are also read', () => {
    const users = people(3, (i) => epoch + i);
    const tenant: SearchModel = model(users, { hides: ({ key }) => tenant.requests === 1 && key !== epoch + 2 });
    const { rows, notes } = read(tenant);
    expect(sorted(ids(rows))).toEqual(sorted(users.map(({ id }) => id)));
    expect(notes.ties).toBe(0);
  });

  test('costs one more request when the server silently limits the page size', () => {
    const users = people(2_000, (i) => epoch + i);
    const [reported, silent] = [model(users, { pageCap: 50 }), model(users, { pageCap: 50, silent: true })];
    expect(ids(read(silent).rows)).toEqual(ids(read(reported).rows));
    expect(silent.requests - reported.requests).toBeLessThanOrEqual(1);
  });
});

describe('a total below 1,000', () => {
  const countMissed = (change: (tenant: SearchModel, request: number) => void, searchScope = scope): number =>
    read(model(people(400, (i) => epoch + i)), searchScope, change).notes.missed;
  const remove = (tenant: SearchModel, at: number): void => {
    tenant.users = tenant.users.filter(({ key }) => key !== epoch + at);
  };

  test('reports users as missed when they are deleted before they are read', () => {
    expect(
      countMissed((tenant, request) => {
        if (request === 2) for (const at of [250, 251, 399]) remove(tenant, at);
      }),
    ).toBe(3);
  });

  test('does not report users as missed when they are deleted after they are read', () => {
    expect(
      countMissed((tenant, request) => {
        if (request === 2) for (const at of [0, 50, 150]) remove(tenant, at);
      }),
    ).toBe(0);
  });

  test('reports nothing as missed when users are created meanwhile', () => {
    expect(
      countMissed((tenant, request) => {
        if (request === 2) tenant.users.push(...people(5, (i) => epoch + 500 + i, ['db'], 'new|'));
      }),
    ).toBe(0);
  });

  test('reports users as missed when they move out of the range', () => {
    const to = iso(epoch + 399);
    const move = (tenant: SearchModel, request: number): void => {
      if (request === 1)
        tenant.users = tenant.users.map((user) => (user.key === epoch + 300 ? { ...user, key: epoch + 900 } : user));
    };
    expect(countMissed(move, { ...scope, to })).toBe(1);
  });

  test('does not apply to a range that was split since', () => {
    const tenant = model(people(400, (i) => epoch + i));
    const first = createUsersKeyset(scope);
    const { cursor } = first.advance(first.start(), tenant.answer(first.next(first.start())!));
    const keyset = createUsersKeyset({ key: 'created_at', to: iso(epoch + 149), missing: false });
    const step = keyset.advance(cursor, tenant.answer(keyset.next(cursor)!));
    expect({ phase: step.cursor.phase, rows: step.fresh.length, notes: step.notes }).toEqual({
      phase: 'done',
      rows: 50,
      notes: { missed: 0 },
    });
  });
});
