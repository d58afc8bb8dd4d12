import fc from 'fast-check';
import { type ListCursor, createListPaging } from '../../../../src/auth0/paging/list';
import type { ListRequest, Page } from '../../../../src/auth0/request';

const base: ListRequest = {
  path: 'organizations/org_1/members',
  query: { fields: 'user_id' },
  list: 'members',
  key: 'user_id',
};
const row = (i: number) => ({ user_id: `auth0|${i}` });
const rowsOf = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => row(from + i));
const page = (fields: Partial<Page>): Page => ({ rows: [], isBareArray: false, bytes: 0, respondedAt: 0, ...fields });

function read(first: 'checkpoint' | 'offset', answer: (request: ListRequest) => Page) {
  const paging = createListPaging(base, first);
  const ids: unknown[] = [];
  const queries: ListRequest['query'][] = [];
  let cursor: ListCursor = paging.start();
  for (let request = paging.next(cursor); request; request = paging.next(cursor)) {
    if (queries.length > 200) throw new Error('it does not end');
    queries.push(request.query);
    const step = paging.advance(cursor, answer(request), () => false);
    cursor = JSON.parse(JSON.stringify(step.cursor)) as ListCursor;
    ids.push(...step.fresh.map((fresh) => fresh['user_id']));
  }
  return { ids, queries };
}
const whole = (count: number) => rowsOf(0, count).map((one) => one.user_id);

/** Checkpoint paging over `count` rows, `size` a page; `trailing`: the last page of rows still names a next one. */
const checkpoints =
  (count: number, size: number, trailing: boolean) =>
  ({ query }: ListRequest): Page => {
    const from = Number(query['from'] ?? 0);
    const end = Math.min(count, from + size);
    const more = end < count || (trailing && end > from);
    return page({ rows: rowsOf(from, end), ...(more ? { next: String(end) } : {}) });
  };

/** Offset paging over a list that may change between requests. */
const offsets =
  (rows: () => { user_id: string }[], cap: number, totals = true) =>
  ({ query }: ListRequest): Page => {
    if (query['page'] === undefined) return page({ isBareArray: true, rows: rows().slice(0, 50) });
    const size = Math.min(cap, Number(query['per_page']));
    const start = Number(query['page']) * size;
    if ((Number(query['page']) + 1) * Number(query['per_page']) > 1000) throw new Error('exceeds the allowed maximum');
    const shown = rows().slice(start, start + size);
    return totals
      ? page({ rows: shown, start, limit: size, total: rows().length })
      : page({ isBareArray: true, rows: shown });
  };

test('reads a list with checkpoints to its end, with any page size and with or without an empty last page', () => {
  fc.assert(
    fc.property(fc.nat(180), fc.integer({ min: 1, max: 100 }), fc.boolean(), (count, size, trailing) => {
      expect(read('checkpoint', checkpoints(count, size, trailing)).ids).toEqual(whole(count));
    }),
    { numRuns: 60 },
  );
});

test("requests 100 rows with the last page's token and the list's own query", () => {
  const { queries } = read('checkpoint', checkpoints(250, 100, false));
  expect(queries).toEqual([
    { fields: 'user_id', take: 100 },
    { fields: 'user_id', take: 100, from: '100' },
    { fields: 'user_id', take: 100, from: '200' },
  ]);
});

test.each([
  ['a bare array', offsets(() => rowsOf(0, 230), 100)],
  ['pages of 50', offsets(() => rowsOf(0, 230), 50)],
  ['bare arrays only', offsets(() => rowsOf(0, 230), 100, false)],
  ['bare arrays of 50', offsets(() => rowsOf(0, 230), 50, false)],
])('falls back to offsets for a server without checkpoints: %s', (_, answer) => {
  expect(read('checkpoint', answer).ids).toEqual(whole(230));
});

test('does not mistake an envelope with totals for the complete list', () => {
  const byOffset = offsets(() => rowsOf(0, 120), 100);
  const answer = (request: ListRequest): Page =>
    request.query['page'] === undefined ? page({ rows: rowsOf(0, 50), total: 120 }) : byOffset(request);
  expect(read('checkpoint', answer).ids).toEqual(whole(120));
});

test.each([0, 1, 100, 101, 1_000])('reads %i rows by offset', (count) => {
  expect(
    read(
      'offset',
      offsets(() => rowsOf(0, count), 100),
    ).ids,
  ).toEqual(whole(count));
  expect(
    read(
      'offset',
      offsets(() => rowsOf(0, count), 50),
    ).ids,
  ).toEqual(whole(count));
});

test('fails for a list that is longer than offsets reach', () => {
  for (const answer of [offsets(() => rowsOf(0, 1_001), 100), offsets(() => rowsOf(0, 1_500), 100, false)]) {
    expect(() => read('offset', answer)).toThrow(expect.objectContaining({ name: 'UnexpectedAnswer' }) as Error);
  }
});

test('delivers all rows that stay while others are added and removed', () => {
  let rows = rowsOf(0, 350);
  let requests = 0;
  const answer = offsets(() => rows, 100);
  const { ids } = read('offset', (request) => {
    const given = answer(request);
    if ((requests += 1) === 2) rows = rows.slice(5);
    if (requests === 4) rows = [row(900), ...rows];
    return given;
  });
  expect(ids).toEqual(expect.arrayContaining(rowsOf(5, 350).map((one) => one.user_id)));
  expect(new Set(ids).size).toBe(ids.length);
});

describe('a restarted list', () => {
  /** Reads until `refuseAt` tokens have been refused, one after each so many pages; the list may change each time. */
  function readWithRefusals(answer: (request: ListRequest) => Page, pagesBefore: number[], change = () => {}) {
    const paging = createListPaging(base, 'checkpoint');
    const ids: string[] = [];
    const prints = new Set<string>();
    let repeated = 0;
    const left = [...pagesBefore];
    let pages = 0;
    let cursor: ListCursor = paging.start();
    for (let request = paging.next(cursor); request; request = paging.next(cursor)) {
      if (left.length > 0 && pages >= left[0]! && 'from' in request.query) {
        left.shift();
        pages = 0;
        cursor = paging.restart();
        change();
        continue;
      }
      pages += 1;
      // What is known when a list is begun again, and what it delivers from then on.
      const step = paging.advance(cursor, answer(request), (print) => prints.has(print));
      for (const print of step.fingerprints) prints.add(print);
      cursor = JSON.parse(JSON.stringify(step.cursor)) as ListCursor;
      ids.push(...step.fresh.map((fresh) => String(fresh['user_id'])));
      repeated += step.repeated;
    }
    return { ids, prints, repeated };
  }

  test('delivers every row once, wherever and however often its checkpoint is rejected', () => {
    fc.assert(
      fc.property(
        fc.nat(180),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 3 }),
        (count, size, trailing, refusals) => {
          expect(readWithRefusals(checkpoints(count, size, trailing), refusals).ids).toEqual(whole(count));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('delivers new rows and counts the rows it leaves out', () => {
    let count = 120;
    const { ids, repeated } = readWithRefusals(
      (request) => checkpoints(count, 50, false)(request),
      [2],
      () => (count = 130),
    );
    expect(ids).toEqual(whole(130));
    expect(repeated).toBe(100);
  });

  test('returns a hash of each row except those of the last page, and no id', () => {
    const { prints } = readWithRefusals(checkpoints(130, 50, false), []);
    expect(prints.size).toBe(100);
    expect([...prints].every((print) => /^[\w-]{11}$/.test(print))).toBe(true);
  });

  test('needs no hashes when it is read by offset', () => {
    const paging = createListPaging(base, 'offset');
    const step = paging.advance(
      paging.start(),
      page({ rows: rowsOf(0, 100), start: 0, limit: 100, total: 150 }),
      () => true,
    );
    expect({ fresh: step.fresh.length, prints: step.fingerprints }).toEqual({ fresh: 100, prints: [] });
  });
});

describe('a response that contradicts the request is rejected', () => {
  const paging = createListPaging(base, 'checkpoint');
  const middle: ListCursor = { mode: 'checkpoint', from: 'x', pages: 3, done: false };
  test.each<[string, ListCursor, Page]>([
    ['a page whose checkpoint points to itself', middle, page({ rows: [row(1)], next: 'x' })],
    ['a bare array in mid-list', middle, page({ rows: [row(1)], isBareArray: true })],
    [
      'a gap between pages',
      { mode: 'offset', page: 1, size: 100, read: 50, total: 300, seen: [], done: false },
      page({ rows: [row(1)], start: 100, total: 300 }),
    ],
    [
      'an empty page before the end',
      { mode: 'offset', page: 1, size: 100, read: 100, total: 300, seen: [], done: false },
      page({ total: 300 }),
    ],
  ])('%s', (_, cursor, answer) => {
    expect(() => paging.advance(cursor, answer, () => false)).toThrow(
      expect.objectContaining({ name: 'UnexpectedAnswer' }) as Error,
    );
  });
});
