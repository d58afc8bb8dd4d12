import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';
import { toRouteTemplate } from '../route';
import { computeFingerprint } from './fingerprint';
import { advanceOffset, buildOffsetQuery, type OffsetCursor, initialOffsetCursor } from './offset';
import type { PageStep } from './progress';

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
    throw new UnexpectedAnswer(`GET ${toRouteTemplate(base.path)}`, 'a page without a checkpoint in mid-list');
  }
  if (next !== undefined && next === cursor.from) {
    throw new UnexpectedAnswer(`GET ${toRouteTemplate(base.path)}`, 'a page whose next page is itself');
  }
  // Member lists have been seen to end with an empty page that a short one pointed to: only the lack of `next` is an end.
  const more = next !== undefined;
  const empty = rows.length > 0 ? 0 : (cursor.emptyPages ?? 0) + 1;
  if (more && empty >= maxEmptyPages) {
    throw new UnexpectedAnswer(`GET ${toRouteTemplate(base.path)}`, `${empty} empty pages that each point to another one`);
  }
  const again = cursor.restarted ? { again: cursor.restarted } : {};
  const place = { mode: 'checkpoint', pages: cursor.pages + 1, ...(empty > 0 && { empty }), ...again } as const;
  const fresh = cursor.restarted ? rows.filter((row) => !isDelivered(computeFingerprint(row, base.key))) : rows;
  return {
    cursor: more ? { ...place, from: next, done: false } : { ...place, done: true },
    fresh,
    repeated: rows.length - fresh.length,
    fingerprints: more ? fresh.map((row) => computeFingerprint(row, base.key)) : [],
  };
}
