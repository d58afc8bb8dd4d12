import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';

/** Which users a search is about. */
export interface SearchScope {
  /** The timestamp to walk by. `created_at` never changes; `updated_at` moves with every login. */
  key: 'created_at' | 'updated_at';
  /** Lower bound, inclusive, ISO 8601 with milliseconds; absent: from the beginning. */
  from?: string;
  /** Upper bound, inclusive; absent: open. */
  to?: string;
  /** Whether to read, at the end, the users that have no `key`. */
  missing: boolean;
  /** A further condition on all of them, in Lucene. */
  filter?: string;
}

export const searchLabel = 'GET users';

/** `total` and offsets of a search end here: https://auth0.com/docs/manage-users/user-search/view-search-results-by-page */
export const maxSearchRows = 1000;
export const searchPageSize = 100;

export function buildSearchRequest({ filter }: SearchScope, q: string, page: number, sort?: string): ListRequest {
  return {
    path: 'users',
    query: {
      q: filter === undefined ? q : `${q} AND (${filter})`,
      ...(sort === undefined ? {} : { sort }),
      page,
      per_page: searchPageSize,
      include_totals: true,
      search_engine: 'v3',
    },
    list: 'users',
    key: 'user_id',
  };
}

/** The page's total. Throws UnexpectedAnswer when it has none, or one that its rows contradict. */
export function readTotal({ total, rows, start = 0 }: Page): number {
  if (total === undefined) throw new UnexpectedAnswer(searchLabel, 'a page without a total');
  if (rows.length > total || (rows.length === 0 && total > start)) {
    throw new UnexpectedAnswer(searchLabel, `${rows.length} rows at offset ${start}, total ${total}`);
  }
  return total;
}
