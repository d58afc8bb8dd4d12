import { z } from 'zod';
import { createUsersKeyset, keysetCursorSchema, readSearchKey, type UsersKeyset } from '../auth0/paging/keyset';
import { timeSchema } from '../auth0/paging/page-step';
import { buildSearchRequest, maxSearchRows } from '../auth0/paging/user-search';
import type { Page } from '../auth0/request';
import { defined } from '../json';
import type { SearchEndTask, SearchKey, SearchTask } from './fetch-task';
import { computeUpperBound, type RemainingRange } from './partition';
import type { Reader } from './stream-reader';

/** Position in a search. */
export const searchCursorSchema = z.object({
  /** The tenant's time at the first response, rounded up. */
  startedAt: timeSchema.exactOptional(),
  /** Key of the first row. */
  firstKey: timeSchema.exactOptional(),
  keyset: keysetCursorSchema,
});
export type SearchCursor = z.infer<typeof searchCursorSchema>;

/** Reads the rows of a search in the order of the task's key, followed by those without it. */
export function createSearchReader({ stream, key, from, to, missing }: SearchTask): Reader<SearchCursor> {
  const createKeyset = (startedAt: string | undefined): UsersKeyset =>
    createUsersKeyset({ key, missing, ...defined({ from, to: computeUpperBound(to, startedAt) }) });
  return {
    start: () => ({ keyset: createKeyset(undefined).start() }),
    next: ({ startedAt, keyset }) => createKeyset(startedAt).next(keyset),
    advance(cursor, page) {
      const startedAt = cursor.startedAt ?? roundUpToSecondEnd(page.respondedAt);
      const end = computeUpperBound(to, startedAt);
      const nothing = { outputs: [], rows: 0, repeated: 0 };
      // A saved cursor in the future: there is nothing to read yet, and the position stays.
      if (from !== undefined && end !== undefined && end < from) {
        return { cursor: { startedAt, keyset: { phase: 'done' } }, ...nothing };
      }
      const isBoundNew = end !== undefined && end !== computeUpperBound(to, cursor.startedAt);
      const bounded = isBoundNew ? limitToEnd(page, key, end) : page;
      if (!bounded) return { cursor: { ...cursor, startedAt }, ...nothing };
      const { cursor: keyset, fresh, ...progress } = createKeyset(startedAt).advance(cursor.keyset, bounded);
      const [row] = cursor.keyset.phase === 'missing' ? [] : fresh;
      const firstKey = cursor.firstKey ?? (row && readSearchKey(row, key));
      return {
        cursor: { startedAt, ...defined({ firstKey }), keyset },
        outputs: fresh.map((data) => ({ stream, data })),
        rows: fresh.length,
        ...progress,
      };
    },
    // At its end, a search without an upper bound has delivered all changes up to its start, in whatever order.
    readFrontier: ({ startedAt, keyset }) =>
      to === undefined ? (keyset.phase === 'done' ? startedAt : undefined) : createKeyset(startedAt).frontier(keyset),
    readStartedAt: ({ startedAt }) => startedAt,
    readRemainingRange,
  };
}

/**
 * Limits the first page of a search to an upper bound that is known only since its response. The page's total also counts
 * rows above the bound. Returns undefined when the page contains such rows: it must be requested again with the bound.
 */
function limitToEnd(page: Page, key: SearchKey, end: string): Page | undefined {
  if (page.total === undefined || page.rows.length >= page.total) return page;
  return page.rows.some((row) => readSearchKey(row, key) > end) ? undefined : { ...page, total: maxSearchRows };
}

function readRemainingRange({ firstKey, keyset }: SearchCursor): RemainingRange | undefined {
  if (firstKey === undefined || keyset.phase !== 'range' || keyset.range.lo === undefined) return undefined;
  return { firstKey, nextKey: keyset.range.lo };
}

/** The `Date` header has whole seconds, and the response may contain rows of that second. */
function roundUpToSecondEnd(at: number): string {
  return new Date(Math.floor(at / 1000) * 1000 + 999).toISOString();
}

/** The end of a search. */
type SearchEndCursor = { done: boolean; endKey?: string };

/** Reads the key of the last row of a search, from one request. */
export function createSearchEndReader({ key, from = '*', to = '*' }: SearchEndTask): Reader<SearchEndCursor> {
  const request = buildSearchRequest({}, { q: `${key}:[${from} TO ${to}]`, page: 0, sort: `${key}:-1` });
  return {
    start: () => ({ done: false }),
    next: ({ done }) => (done ? undefined : { ...request, query: { ...request.query, per_page: 1 } }),
    advance: (_, { rows: [row] }) => ({
      cursor: { done: true, ...(row && { endKey: readSearchKey(row, key) }) },
      outputs: [],
      rows: 0,
      repeated: 0,
    }),
    readEndKey: ({ endKey }) => endKey,
  };
}
