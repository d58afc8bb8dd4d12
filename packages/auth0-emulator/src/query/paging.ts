import type { JsonObject } from '../json';
import { type ApiError, createBadRequestError } from '../api-error';
import { type KeysetPosition, selectRowsAfter } from '../data/entity-collection';
import { hash, toHex } from '../random';
import type { QueryValues } from './query-parameters';

/** Number of rows that offset paging can reach. */
const offsetLimit = 1_000;
const defaultPageSize = 50;

export interface OffsetPage {
  page: number;
  start: number;
  limit: number;
}

export function parseOffsetPage(query: QueryValues, pageCap: number | undefined): OffsetPage {
  const page = Number(query['page'] ?? 0);
  const limit = Math.min(Number(query['per_page'] ?? defaultPageSize), pageCap ?? Infinity);
  return { page, limit, start: page * limit };
}

/** Throws ApiError (400) when the page extends beyond row 1,000, whatever the number of rows. */
function rejectDeepOffset({ page, start, limit }: OffsetPage): void {
  if (start + limit <= offsetLimit) return;
  throw createBadRequestError(
    `Requesting page ${page} exceeds the allowed maximum of 1000 records. To fetch results beyond 1000, use the checkpoint pagination method.`,
    'invalid_paging',
  );
}

export interface ListOptions {
  pageCap: number | undefined;
  checkpoints: CheckpointTokens;
  /** When a last page carries `next`: never, when it is full, or whenever it has rows. */
  surplusNext: 'never' | 'full' | 'always';
}

export interface ListView<T> {
  /** The envelope's field for the rows. */
  name: string;
  rows: readonly T[];
  /** Converts a row to the record in the response. */
  toRecord: (row: T) => JsonObject;
}

/**
 * Builds the response in the mode that the query requests: checkpoint (`from` or `take`, which override the other paging
 * parameters), envelope with totals, or bare array.
 */
export function buildListResponse<T extends KeysetPosition>(
  list: ListView<T>,
  query: QueryValues,
  options: ListOptions,
): JsonObject | JsonObject[] {
  if (query['from'] !== undefined || query['take'] !== undefined) return buildCheckpointResponse(list, query, options);
  const { name, rows, toRecord } = list;
  const offset = parseOffsetPage(query, options.pageCap);
  rejectDeepOffset(offset);
  const page = rows.slice(offset.start, offset.start + offset.limit).map(toRecord);
  if (query['include_totals'] !== true) return page;
  return { [name]: page, start: offset.start, limit: offset.limit, total: rows.length };
}

function buildCheckpointResponse<T extends KeysetPosition>(
  { name, rows, toRecord }: ListView<T>,
  query: QueryValues,
  { pageCap, checkpoints, surplusNext }: ListOptions,
): JsonObject {
  const take = Math.min(Number(query['take'] ?? defaultPageSize), pageCap ?? Infinity);
  const from = query['from'] === undefined ? undefined : checkpoints.parse(String(query['from']));
  const rest = selectRowsAfter(rows, from);
  const page = rest.slice(0, take);
  const last = page.at(-1);
  const hasNext = rest.length > take || surplusNext === 'always' || (surplusNext === 'full' && page.length === take);
  return { ...(last && hasNext && { next: checkpoints.issue(last) }), [name]: page.map(toRecord) };
}

/** Converts the position at the end of a page to the `next` token, and back. */
export interface CheckpointTokens {
  issue(position: KeysetPosition): string;
  /** Throws ApiError (400) for an invalid or expired token. */
  parse(token: string): KeysetPosition;
}

/** The encoding of a position: the keyset in base64url (organizations, members), or sealed (clients). */
interface TokenFormat {
  encode(position: string): string;
  decode(token: string): string | undefined;
}

const encodeBase64Url = (text: string): string => Buffer.from(text).toString('base64url');
const decodeBase64Url = (text: string): string => Buffer.from(text, 'base64url').toString();

export const plainTokenFormat: TokenFormat = {
  encode: encodeBase64Url,
  decode: (token) => (/^[\w-]+$/.test(token) ? decodeBase64Url(token) : undefined),
};

/** Looks like an Iron seal and contains `*`: a client that does not percent-encode it, or parses it, fails. */
export const sealedTokenFormat: TokenFormat = {
  encode: (position) => `Fe26.2*1*${computeSeal(position)}*${encodeBase64Url(position)}*${computeSeal(`${position}*`)}`,
  decode(token) {
    const [, body = '', tail] = /^Fe26\.2\*1\*[0-9a-f]{64}\*([\w-]+)\*([0-9a-f]{64})$/.exec(token) ?? [];
    const position = decodeBase64Url(body);
    return tail === computeSeal(`${position}*`) ? position : undefined;
  },
};

function computeSeal(text: string): string {
  const sum = Buffer.from(text).reduce((total, byte) => hash(total, 70, byte), 0);
  return Array.from({ length: 8 }, (_, part) => toHex(hash(sum, 71, part))).join('');
}

/** Tokens issued by this emulator expire after `readLifetimeMs()`. Tokens of another run never expire. */
export function createCheckpointTokens(
  format: TokenFormat,
  now: () => number,
  readLifetimeMs: () => number,
): CheckpointTokens {
  const issuedAt = new Map<string, number>();
  return {
    issue({ at, id }) {
      const instant = new Date(at).toISOString().replace('T', ' ').replace('Z', '000UTC');
      const token = format.encode(`${instant},${id}`);
      issuedAt.set(token, now());
      return token;
    },
    parse(token) {
      const position = format.decode(token);
      const [, day, time, id] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})\d{3}UTC,([^]+)$/.exec(position ?? '') ?? [];
      const at = Date.parse(`${day ?? ''}T${time ?? ''}Z`);
      const issued = issuedAt.get(token);
      if (id === undefined || Number.isNaN(at) || (issued !== undefined && now() - issued >= readLifetimeMs()))
        throw createCheckpointError();
      return { at, id };
    },
  };
}

function createCheckpointError(): ApiError {
  return createBadRequestError(
    'Invalid query string paging options. The from parameter is not a valid checkpoint or has expired.',
    'invalid_paging',
  );
}
