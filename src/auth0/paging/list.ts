import { UnexpectedAnswer } from '../errors';
import { type ListRequest, type Page, toRouteTemplate } from '../request';
import { computeFingerprint, type PageStep } from './page-step';

export type OffsetCursor = {
  mode: 'offset';
  page: number;
  /** Rows asked for a page. */
  size: number;
  /** Rows that the pages so far held. */
  read: number;
  /** What the pages so far said there are. */
  total?: number;
  /** Fingerprints of the rows delivered; at most about as many as an offset list can show. */
  seen: string[];
  done: boolean;
};

/** https://auth0.com/docs/api/management/v2: no offset list goes further, whatever it holds. */
const maxOffsetRows = 1000;

export const initialOffsetCursor: OffsetCursor = { mode: 'offset', page: 0, size: 100, read: 0, seen: [], done: false };

export function buildOffsetQuery({ page, size }: OffsetCursor): ListRequest['query'] {
  return { page, per_page: size, include_totals: true };
}

/**
 * Offsets shift when rows come or go between pages, which shows in the total: the list is then read from its beginning
 * again, and what had been delivered is left out. Throws UnexpectedAnswer when the list is longer than offsets reach.
 */
export function advanceOffset(base: ListRequest, cursor: OffsetCursor, page: Page): PageStep<OffsetCursor> {
  const label = `GET ${toRouteTemplate(base.path)}`;
  const seen = new Set(cursor.seen);
  const fresh = page.rows.filter((row) => {
    const print = computeFingerprint(row, base.key);
    return !seen.has(print) && seen.add(print);
  });
  const repeated = page.rows.length - fresh.length;
  const total = page.total === undefined ? {} : { total: page.total };
  const kept = { ...cursor, seen: [...seen] };

  if (cursor.page > 0 && page.total !== cursor.total) {
    return { cursor: { ...initialOffsetCursor, size: cursor.size, seen: kept.seen }, fresh, repeated };
  }
  if (page.start !== undefined && page.start > cursor.read) {
    throw new UnexpectedAnswer(label, `rows starting at ${page.start}, expected ${cursor.read}`);
  }
  const read = cursor.read + page.rows.length;
  if (page.rows.length === 0 && read < (page.total ?? 0)) {
    throw new UnexpectedAnswer(label, 'an empty page before the reported total was reached');
  }
  if (page.rows.length === 0 || (page.total !== undefined && read >= page.total)) {
    return { cursor: { ...kept, ...total, read, done: true }, fresh, repeated };
  }
  // A server may hold itself to a smaller page than it was asked for; pages are counted in its size then.
  const told = cursor.page === 0 ? (page.limit ?? 0) : 0;
  const size = told > 0 ? Math.min(cursor.size, told) : cursor.size;
  if ((cursor.page + 2) * size > maxOffsetRows) {
    throw new UnexpectedAnswer(
      label,
      `more than the ${maxOffsetRows} rows that this list can show`,
      'The list cannot be read completely: this tenant does not support checkpoint paging for it.',
    );
  }
  return { cursor: { ...kept, ...total, page: cursor.page + 1, size, read }, fresh, repeated };
}

export type CheckpointCursor = {
  mode: 'checkpoint';
  /** Token of the next page. */
  from?: string;
  pages: number;
  done: boolean;
  /** Empty pages in a row. */
  emptyPages?: number;
  /** The list was begun again after some of it had been delivered. */
  restarted?: true;
};

/** Where a list stands. */
export type ListCursor = CheckpointCursor | OffsetCursor;

/** How one list is read to its end. `base` is its request without any paging. */
export interface ListPaging {
  start(): ListCursor;
  next(cursor: ListCursor): ListRequest | undefined;
  /**
   * Takes the answer to `next(cursor)`; throws UnexpectedAnswer when it contradicts the request.
   * @param isDelivered of a fingerprint (`ListProgress.prints`): whether its row was delivered before the list was begun again
   */
  advance(cursor: ListCursor, page: Page, isDelivered: (print: string) => boolean): ListPageStep;
  /** Where to go on when the server does not know the place any more: a checkpoint token is good for 24 h. */
  restart(): ListCursor;
}

export interface ListPageStep extends PageStep<ListCursor> {
  /** Fingerprints of the fresh rows when the list goes on: to be kept for the case that it has to be begun again. */
  fingerprints: string[];
}

/** A list that goes on for so many pages without a row is no list. */
const maxEmptyPages = 3;

/** Asked of every list; a server may send fewer a page. */
const listPageSize = 100;

/**
 * @param base the list's request, without paging parameters
 * @param firstMode `checkpoint` where the API documents it: a server that does not know it for this list answers in another
 *   form, and the list is then read by offset. `offset` where it does not (`/roles`).
 */
export function createListPaging(base: ListRequest, firstMode: 'checkpoint' | 'offset'): ListPaging {
  return {
    start: () => (firstMode === 'offset' ? initialOffsetCursor : { mode: 'checkpoint', pages: 0, done: false }),
    next(cursor) {
      if (cursor.done) return undefined;
      const paging =
        cursor.mode === 'offset'
          ? buildOffsetQuery(cursor)
          : { take: listPageSize, ...(cursor.from === undefined ? {} : { from: cursor.from }) };
      return { ...base, query: { ...base.query, ...paging } };
    },
    advance: (cursor, page, isDelivered) =>
      cursor.mode === 'offset'
        ? { ...advanceOffset(base, cursor, page), fingerprints: [] }
        : advanceCheckpoint(base, cursor, page, isDelivered),
    restart: () => ({ mode: 'checkpoint', pages: 0, done: false, restarted: true }),
  };
}

function advanceCheckpoint(
  base: ListRequest,
  cursor: CheckpointCursor,
  page: Page,
  isDelivered: (print: string) => boolean,
): ListPageStep {
  const { rows, next, isBareArray, total } = page;
  const byOffset = isBareArray || (next === undefined && total !== undefined && total > rows.length);
  if (byOffset) {
    if (cursor.pages === 0) return { cursor: initialOffsetCursor, fresh: [], repeated: 0, fingerprints: [] };
    throw new UnexpectedAnswer(
      `GET ${toRouteTemplate(base.path)}`,
      'a page without a checkpoint in the middle of the list',
    );
  }
  if (next !== undefined && next === cursor.from) {
    throw new UnexpectedAnswer(`GET ${toRouteTemplate(base.path)}`, 'a page whose checkpoint points to itself');
  }
  // Member lists have been seen to end with an empty page that a short one pointed to: only the lack of `next` is an end.
  const more = next !== undefined;
  const empty = rows.length > 0 ? 0 : (cursor.emptyPages ?? 0) + 1;
  if (more && empty >= maxEmptyPages) {
    throw new UnexpectedAnswer(
      `GET ${toRouteTemplate(base.path)}`,
      `${empty} consecutive empty pages with a next checkpoint`,
    );
  }
  const again = cursor.restarted ? { restarted: cursor.restarted } : {};
  const place = {
    mode: 'checkpoint',
    pages: cursor.pages + 1,
    ...(empty > 0 && { emptyPages: empty }),
    ...again,
  } as const;
  const fresh = cursor.restarted ? rows.filter((row) => !isDelivered(computeFingerprint(row, base.key))) : rows;
  return {
    cursor: more ? { ...place, from: next, done: false } : { ...place, done: true },
    fresh,
    repeated: rows.length - fresh.length,
    fingerprints: more ? fresh.map((row) => computeFingerprint(row, base.key)) : [],
  };
}
