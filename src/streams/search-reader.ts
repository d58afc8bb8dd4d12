import { usersKeyset, type KeysetCursor, type UsersKeyset } from '../auth0/paging/keyset';
import { keyOf } from '../auth0/paging/range';
import { mostRows, searchRequest } from '../auth0/paging/search';
import type { Page } from '../auth0/request';
import type { Reader } from './reader';
import { upperBound, type Rest } from './span';
import type { SearchEndTask, SearchKey, SearchTask } from './task';

/** Where a search stands. */
export type SearchCursor = {
  /** The tenant's time at the first answer, rounded up. */
  begun?: string;
  /** Key of the first row. */
  first?: string;
  keyset: KeysetCursor;
};

/** The rows of a search, in the order of the task's key, and at last those without it. */
export function searchReader({ stream, key, from, to, missing }: SearchTask): Reader<SearchCursor> {
  const keysetOf = (begun: string | undefined): UsersKeyset => {
    const end = upperBound(to, begun);
    return usersKeyset({
      key,
      missing,
      ...(from === undefined ? {} : { from }),
      ...(end === undefined ? {} : { to: end }),
    });
  };
  return {
    start: () => ({ keyset: keysetOf(undefined).start() }),
    next: ({ begun, keyset }) => keysetOf(begun).next(keyset),
    advance(cursor, page) {
      const begun = cursor.begun ?? endOfSecond(page.at);
      const end = upperBound(to, begun);
      // A saved cursor from the future: there is nothing to read until then, and no reason to give up the place.
      if (from !== undefined && end !== undefined && end < from) {
        return { cursor: { begun, keyset: { phase: 'done' } }, outputs: [], rows: 0, repeated: 0 };
      }
      const isBoundNew = end !== undefined && end !== upperBound(to, cursor.begun);
      const known = isBoundNew ? withinEnd(page, key, end) : page;
      if (!known) return { cursor: { ...cursor, begun }, outputs: [], rows: 0, repeated: 0 };
      const { cursor: keyset, fresh, ...progress } = keysetOf(begun).advance(cursor.keyset, known);
      const first = cursor.first ?? firstKey(cursor.keyset, fresh[0]);
      return {
        cursor: { begun, ...(first === undefined ? {} : { first }), keyset },
        outputs: fresh.map((data) => ({ stream, data })),
        rows: fresh.length,
        ...progress,
      };
    },
    // A search with an open end has delivered what changed until it began, in whatever order, once it is done.
    frontier: ({ begun, keyset }) =>
      to === undefined ? (keyset.phase === 'done' ? begun : undefined) : keysetOf(begun).frontier(keyset),
    begun: ({ begun }) => begun,
    rest: restOf,
  };

  function firstKey(before: KeysetCursor, row: Parameters<typeof keyOf>[0] | undefined): string | undefined {
    return before.phase === 'missing' || row === undefined ? undefined : keyOf(row, key);
  }
}

/**
 * What the first page of a search says whose end is known only since its answer: its total counts what is beyond the end
 * as well. Undefined when such rows are on the page: it must then be asked for again, with the end.
 */
function withinEnd(page: Page, key: SearchKey, end: string): Page | undefined {
  if (page.total === undefined || page.rows.length >= page.total) return page;
  return page.rows.some((row) => keyOf(row, key) > end) ? undefined : { ...page, total: mostRows };
}

function restOf({ first, keyset }: SearchCursor): Rest | undefined {
  if (first === undefined || keyset.phase !== 'range' || keyset.range.lo === undefined) return undefined;
  return { first, from: keyset.range.lo };
}

/** The `Date` header has whole seconds, and the answer may hold rows of the second that it names. */
function endOfSecond(at: number): string {
  return new Date(Math.floor(at / 1000) * 1000 + 999).toISOString();
}

/** Where a search ended. */
export type SearchEndCursor = { done: boolean; end?: string };

/** Only the last row of a search is asked for, and only for its key. */
export function searchEndReader({ key, from = '*', to = '*' }: SearchEndTask): Reader<SearchEndCursor> {
  const request = searchRequest({ key, missing: false }, `${key}:[${from} TO ${to}]`, 0, `${key}:-1`);
  return {
    start: () => ({ done: false }),
    next: ({ done }) => (done ? undefined : { ...request, query: { ...request.query, per_page: 1 } }),
    advance(_, { rows: [row] }) {
      return { cursor: { done: true, ...(row ? { end: keyOf(row, key) } : {}) }, outputs: [], rows: 0, repeated: 0 };
    },
    end: ({ end }) => end,
  };
}
