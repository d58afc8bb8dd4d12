import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';
import { templateOf } from '../route';
import { advanceOffset, offsetQuery, type OffsetCursor, startOffset } from './offset';
import type { Progress } from './progress';

export type CheckpointCursor = {
  mode: 'checkpoint';
  /** Token of the next page. */
  from?: string;
  pages: number;
  done: boolean;
};

/** Where a list stands. */
export type ListCursor = CheckpointCursor | OffsetCursor;

/** How one list is read to its end. `base` is its request without any paging. */
export interface ListPaging {
  start(): ListCursor;
  next(cursor: ListCursor): ListRequest | undefined;
  /** Takes the answer to `next(cursor)`; throws UnexpectedAnswer when it contradicts the request. */
  advance(cursor: ListCursor, page: Page): Progress<ListCursor>;
}

/** Asked of every list; a server may send fewer a page. */
const pageSize = 100;

/**
 * @param base the list's request, without paging parameters
 * @param first `checkpoint` where the API documents it: a server that does not know it for this list answers in another
 *   form, and the list is then read by offset. `offset` where it does not (`/roles`).
 */
export function listPaging(base: ListRequest, first: 'checkpoint' | 'offset'): ListPaging {
  return {
    start: () => (first === 'offset' ? startOffset : { mode: 'checkpoint', pages: 0, done: false }),
    next(cursor) {
      if (cursor.done) return undefined;
      const paging =
        cursor.mode === 'offset'
          ? offsetQuery(cursor)
          : { take: pageSize, ...(cursor.from === undefined ? {} : { from: cursor.from }) };
      return { ...base, query: { ...base.query, ...paging } };
    },
    advance: (cursor, page) =>
      cursor.mode === 'offset' ? advanceOffset(base, cursor, page) : advanceCheckpoint(base, cursor, page),
  };
}

function advanceCheckpoint(base: ListRequest, cursor: CheckpointCursor, page: Page): Progress<ListCursor> {
  const { rows, next, bare, total } = page;
  const byOffset = bare || (next === undefined && total !== undefined && total > rows.length);
  if (byOffset) {
    if (cursor.pages === 0) return { cursor: startOffset, fresh: [], repeated: 0 };
    throw new UnexpectedAnswer(`GET ${templateOf(base.path)}`, 'a page without a checkpoint in mid-list');
  }
  if (next !== undefined && next === cursor.from) {
    throw new UnexpectedAnswer(`GET ${templateOf(base.path)}`, 'a page whose next page is itself');
  }
  // Member lists have been seen to end with an empty page that a short one pointed to.
  const more = next !== undefined && rows.length > 0;
  const pages = cursor.pages + 1;
  return {
    cursor: more ? { mode: 'checkpoint', from: next, pages, done: false } : { mode: 'checkpoint', pages, done: true },
    fresh: rows,
    repeated: 0,
  };
}
