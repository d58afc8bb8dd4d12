import { ApiError, createBadRequestError, createNotFoundError } from '../api-error';
import { type OffsetPage, parseOffsetPage } from '../query/paging';
import {
  createParameterError,
  fieldsParameters,
  pageParameters,
  type QueryParameters,
  type QueryValues,
} from '../query/query-parameters';
import { searchLimit, type UserSort } from '../query/user-search';
import { projectRecord, readProjection, viewUser } from '../query/views';
import type { Route } from './route';

/** The proxy in front of Auth0 rejects longer queries. */
const maxQueryBytes = 8_192;

const sortDescription =
  'Field to sort by. Use field:order where order is 1 for ascending and -1 for descending. e.g. created_at:1';

const listUsersParameters: QueryParameters = {
  ...pageParameters,
  ...fieldsParameters,
  page: { type: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER, description: 'Page index of the results to return' },
  per_page: { type: 'integer', min: 0, max: 100, description: 'Number of results per page' },
  sort: { type: 'string', description: sortDescription, pattern: /^[a-zA-Z0-9_.]+:(1|-1)$/ },
  q: { type: 'string', description: 'Query in Lucene query string syntax' },
  search_engine: { type: 'string', description: 'The version of the search engine' },
  primary_order: { type: 'boolean', description: 'When true, results are returned in a deterministic order' },
};

export const listUsersRoute: Route = {
  name: 'users',
  path: '/users',
  group: 'users',
  scopes: ['read:users'],
  parameters: listUsersParameters,
  handle({ query, scopes, requestNumber }, { search, settings }) {
    const q = query['q'] === undefined ? undefined : String(query['q']);
    if (q !== undefined && Buffer.byteLength(q) > maxQueryBytes) {
      throw new ApiError(414, '414 Request-URI Too Large');
    }
    rejectOldSearchEngine(query['search_engine']);
    const sort = query['sort'] === undefined ? undefined : parseUserSort(String(query['sort']));
    const offset = parseOffsetPage(query, settings.pageCap);
    rejectDeepPage(offset);
    const wantsTotal = query['include_totals'] === true;
    const { users, total } = search.search({
      ...(q !== undefined && q !== '' && { q }),
      ...(sort && { sort }),
      ...(settings.shuffleTies && { shuffle: requestNumber }),
      start: offset.start,
      limit: offset.limit,
      count: wantsTotal,
    });
    const projection = readProjection(query);
    const rows = users.map((user) => projectRecord(viewUser(user, scopes), projection));
    if (!wantsTotal) return { body: rows };
    return { body: { start: offset.start, limit: offset.limit, length: rows.length, users: rows, total } };
  },
};

export const getUserRoute: Route = {
  name: 'user',
  path: '/users/:id',
  group: 'others',
  scopes: ['read:users'],
  parameters: fieldsParameters,
  handle({ params, query, scopes }, { tenant }) {
    const user = tenant.users.get(params['id'] ?? '');
    if (!user) throw createNotFoundError('The user does not exist.', 'inexistent_user');
    return { body: projectRecord(viewUser(user, scopes), readProjection(query)) };
  },
};

/** A page may start at row 999 at most, whatever its size. */
function rejectDeepPage({ start }: OffsetPage): void {
  if (start < searchLimit) return;
  throw createBadRequestError(
    'You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation',
    'invalid_paging',
  );
}

function rejectOldSearchEngine(engine: QueryValues[string] | undefined): void {
  if (engine === undefined || engine === 'v3') return;
  const message = `You are not allowed to use search_engine=${String(engine)}. Use search_engine=v3 instead.`;
  throw createBadRequestError(message, 'operation_not_supported');
}

function parseUserSort(text: string): UserSort {
  const [field = '', direction] = text.split(':');
  if (/^(app|user)_metadata(\.|$)/.test(field)) {
    throw createParameterError(`Sorting by ${field} is not supported`, 'sort', sortDescription);
  }
  return { field, descending: direction === '-1' };
}
