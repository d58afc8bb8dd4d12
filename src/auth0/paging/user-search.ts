import { defined } from '../../json';
import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';

/** The users that a search returns. */
export interface SearchScope {
  /** The timestamp to order by. `created_at` never changes; `updated_at` changes with every login. */
  key: 'created_at' | 'updated_at';
  /** Inclusive lower bound, ISO 8601 with milliseconds. Default: none. */
  from?: string;
  /** Inclusive upper bound. Default: none. */
  to?: string;
  /** Whether to read the users without `key` at the end. */
  missing: boolean;
  /** An additional Lucene condition on all users. */
  filter?: string;
}

export const searchLabel = 'GET users';

/** Limit of `total` and of offsets: https://auth0.com/docs/manage-users/user-search/view-search-results-by-page */
export const maxSearchRows = 1000;
export const searchPageSize = 100;

/**
 * @param search.q Lucene condition, without the scope's filter
 * @param search.sort `field:1` or `field:-1`. Default: the server's order.
 */
export function buildSearchRequest(
  { filter }: Pick<SearchScope, 'filter'>,
  { q, page, sort }: { q: string; page: number; sort?: string },
): ListRequest {
  return {
    path: 'users',
    query: {
      q: filter === undefined ? q : `${q} AND (${filter})`,
      ...defined({ sort }),
      page,
      per_page: searchPageSize,
      include_totals: true,
      search_engine: 'v3',
    },
    list: 'users',
    key: 'user_id',
  };
}

/** Returns the page's total. Throws UnexpectedAnswer when it is absent or contradicts the rows. */
export function readTotal({ total, rows, start = 0 }: Page): number {
  if (total === undefined) throw new UnexpectedAnswer(searchLabel, 'a page without a total');
  if (rows.length > total || (rows.length === 0 && total > start)) {
    throw new UnexpectedAnswer(searchLabel, `${rows.length} rows at offset ${start}, total ${total}`);
  }
  return total;
}
