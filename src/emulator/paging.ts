import type { JsonObject } from '../json';
import { ApiError } from './api-error';
import type { CheckpointTokens } from './checkpoints';
import { type KeysetPosition, selectRowsAfter } from './collection';
import type { QueryValues } from './query-parameters';

/** Offset paging reaches this many rows. */
const OFFSET_LIMIT = 1_000;
const DEFAULT_PAGE_SIZE = 50;

export interface OffsetPage {
  page: number;
  start: number;
  limit: number;
}

export function parseOffsetPage(query: QueryValues, pageCap: number | undefined): OffsetPage {
  const page = Number(query['page'] ?? 0);
  const limit = Math.min(Number(query['per_page'] ?? DEFAULT_PAGE_SIZE), pageCap ?? Infinity);
  return { page, limit, start: page * limit };
}

/** Throws the ApiError of a 400 when the page reaches beyond row 1,000, whatever rows there are. */
function rejectDeepOffset({ page, start, limit }: OffsetPage): void {
  if (start + limit <= OFFSET_LIMIT) return;
  throw new ApiError(
    400,
    'Bad Request',
    `Requesting page ${page} exceeds the allowed maximum of 1000 records. To fetch results beyond 1000, use the checkpoint pagination method.`,
    'invalid_paging',
  );
}

export interface ListOptions {
  pageCap: number | undefined;
  checkpoints: CheckpointTokens;
  /** A last page carries `next`: never, when it is full, or whenever it has rows. */
  surplusNext: 'never' | 'full' | 'always';
}

/**
 * Answers a list in the mode that the query asks for: checkpoint (`from` or `take` given; other paging parameters are then
 * ignored), envelope with totals, or bare array. `view` shapes each row that is returned.
 */
export function buildListResponse<T extends KeysetPosition>(
  name: string,
  rows: readonly T[],
  view: (row: T) => JsonObject,
  query: QueryValues,
  options: ListOptions,
): JsonObject | JsonObject[] {
  if (query['from'] !== undefined || query['take'] !== undefined) {
    return buildCheckpointResponse(name, rows, view, query, options);
  }
  const offset = parseOffsetPage(query, options.pageCap);
  rejectDeepOffset(offset);
  const page = rows.slice(offset.start, offset.start + offset.limit).map(view);
  if (query['include_totals'] !== true) return page;
  return { [name]: page, start: offset.start, limit: offset.limit, total: rows.length };
}

function buildCheckpointResponse<T extends KeysetPosition>(
  name: string,
  rows: readonly T[],
  view: (row: T) => JsonObject,
  query: QueryValues,
  { pageCap, checkpoints, surplusNext }: ListOptions,
): JsonObject {
  const take = Math.min(Number(query['take'] ?? DEFAULT_PAGE_SIZE), pageCap ?? Infinity);
  const from = query['from'] === undefined ? undefined : checkpoints.parse(String(query['from']));
  const rest = selectRowsAfter(rows, from);
  const page = rest.slice(0, take);
  const last = page.at(-1);
  const more = rest.length > take || surplusNext === 'always' || (surplusNext === 'full' && page.length === take);
  return { ...(last && more && { next: checkpoints.issue(last) }), [name]: page.map(view) };
}
