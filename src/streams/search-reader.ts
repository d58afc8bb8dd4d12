import { createUsersKeyset, type KeysetCursor, readSearchKey, type UsersKeyset } from '../auth0/paging/keyset';
import { buildSearchRequest, maxSearchRows } from '../auth0/paging/user-search';
import type { Page } from '../auth0/request';
import type { SearchEndTask, SearchKey, SearchTask } from './fetch-task';
import { computeUpperBound, type RemainingRange } from './partition';
import type { Reader } from './stream-reader';

/** Where a search stands. */
export type SearchCursor = {
  /** The tenant's time at the first answer, rounded up. */
  startedAt?: string;
  /** Key of the first row. */
  firstKey?: string;
  keyset: KeysetCursor;
};

/** The rows of a search, in the order of the task's key, and at last those without it. */
export function createSearchReader({ stream, key, from, to, missing }: SearchTask): Reader<SearchCursor> {
  const keysetOf = (begun: string | undefined): UsersKeyset => {
    const end = computeUpperBound(to, begun);
    return createUsersKeyset({
      key,
      missing,
      ...(from === undefined ? {} : { from }),
      ...(end === undefined ? {} : { to: end }),
    });
  };
  return {
    start: () => ({ keyset: keysetOf(undefined).start() }),
    next: ({ startedAt, keyset }) => keysetOf(startedAt).next(keyset),
    advance(cursor, page) {
      const startedAt = cursor.startedAt ?? roundUpToSecondEnd(page.respondedAt);
      const end = computeUpperBound(to, startedAt);
      // A saved cursor from the future: there is nothing to read until then, and no reason to give up the place.
      if (from !== undefined && end !== undefined && end < from) {
        return { cursor: { startedAt, keyset: { phase: 'done' } }, outputs: [], rows: 0, repeated: 0 };
      }
      const isBoundNew = end !== undefined && end !== computeUpperBound(to, cursor.startedAt);
      const known = isBoundNew ? limitToEnd(page, key, end) : page;
      if (!known) return { cursor: { ...cursor, startedAt }, outputs: [], rows: 0, repeated: 0 };
      const { cursor: keyset, fresh, ...progress } = keysetOf(startedAt).advance(cursor.keyset, known);
      const first = cursor.firstKey ?? firstKey(cursor.keyset, fresh[0]);
      return {
        cursor: { startedAt, ...(first === undefined ? {} : { firstKey: first }), keyset },
        outputs: fresh.map((data) => ({ stream, data })),
        rows: fresh.length,
        ...progress,
      };
    },
    // A search with an open end has delivered what changed until it began, in whatever order, once it is done.
    readFrontier: ({ startedAt, keyset }) =>
      to === undefined ? (keyset.phase === 'done' ? startedAt : undefined) : keysetOf(startedAt).frontier(keyset),
    readStartedAt: ({ startedAt }) => startedAt,
    readRemainingRange,
  };

  function firstKey(before: KeysetCursor, row: Parameters<typeof readSearchKey>[0] | undefined): string | undefined {
    return before.phase === 'missing' || row === undefined ? undefined : readSearchKey(row, key);
  }
}

/**
 * What the first page of a search says whose end is known only since its answer: its total counts what is beyond the end
 * as well. Undefined when such rows are on the page: it must then be asked for again, with the end.
 */
function limitToEnd(page: Page, key: SearchKey, end: string): Page | undefined {
  if (page.total === undefined || page.rows.length >= page.total) return page;
  return page.rows.some((row) => readSearchKey(row, key) > end) ? undefined : { ...page, total: maxSearchRows };
}

function readRemainingRange({ firstKey, keyset }: SearchCursor): RemainingRange | undefined {
  if (firstKey === undefined || keyset.phase !== 'range' || keyset.range.lo === undefined) return undefined;
  return { firstKey, nextKey: keyset.range.lo };
}

/** The `Date` header has whole seconds, and the answer may hold rows of the second that it names. */
function roundUpToSecondEnd(at: number): string {
  return new Date(Math.floor(at / 1000) * 1000 + 999).toISOString();
}

/** Where a search ended. */
export type SearchEndCursor = { done: boolean; endKey?: string };

/** Only the last row of a search is asked for, and only for its key. */
export function createSearchEndReader({ key, from = '*', to = '*' }: SearchEndTask): Reader<SearchEndCursor> {
  const request = buildSearchRequest({}, { q: `${key}:[${from} TO ${to}]`, page: 0, sort: `${key}:-1` });
  return {
    start: () => ({ done: false }),
    next: ({ done }) => (done ? undefined : { ...request, query: { ...request.query, per_page: 1 } }),
    advance(_, { rows: [row] }) {
      return {
        cursor: { done: true, ...(row ? { endKey: readSearchKey(row, key) } : {}) },
        outputs: [],
        rows: 0,
        repeated: 0,
      };
    },
    readEndKey: ({ endKey }) => endKey,
  };
}
