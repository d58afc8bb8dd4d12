import type { JsonObject } from '../json';
import { ApiError } from '../api-error';
import { type KeysetPosition, selectRowsAfter } from '../data/entity-collection';
import { hash, toHex } from '../random';
import type { QueryValues } from './query-parameters';

/** Offset paging reaches this many rows. */
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

/** Throws the ApiError of a 400 when the page reaches beyond row 1,000, whatever rows there are. */
function rejectDeepOffset({ page, start, limit }: OffsetPage): void {
  if (start + limit <= offsetLimit) return;
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
  const take = Math.min(Number(query['take'] ?? defaultPageSize), pageCap ?? Infinity);
  const from = query['from'] === undefined ? undefined : checkpoints.parse(String(query['from']));
  const rest = selectRowsAfter(rows, from);
  const page = rest.slice(0, take);
  const last = page.at(-1);
  const more = rest.length > take || surplusNext === 'always' || (surplusNext === 'full' && page.length === take);
  return { ...(last && more && { next: checkpoints.issue(last) }), [name]: page.map(view) };
}

/** How a list writes the place that a page ended at into the `next` token of its answer. */
export interface CheckpointTokens {
  issue(place: KeysetPosition): string;
  /** Throws the ApiError of a 400 for what is no token, or one that is too old. */
  parse(token: string): KeysetPosition;
}

/** How a place is written: as the keyset itself in base64url (organizations, members), or sealed (clients). */
interface TokenFormat {
  encode(place: string): string;
  decode(token: string): string | undefined;
}

const encodeBase64Url = (text: string): string => Buffer.from(text).toString('base64url');
const decodeBase64Url = (text: string): string => Buffer.from(text, 'base64url').toString();

export const plainTokenFormat: TokenFormat = {
  encode: encodeBase64Url,
  decode: (token) => (/^[\w-]+$/.test(token) ? decodeBase64Url(token) : undefined),
};

/** Looks like an Iron seal, `*` and all; whoever does not percent-encode it, or takes it apart, fails here. */
export const sealedTokenFormat: TokenFormat = {
  encode: (place) => `Fe26.2*1*${computeSeal(place)}*${encodeBase64Url(place)}*${computeSeal(`${place}*`)}`,
  decode(token) {
    const [, body = '', tail] = /^Fe26\.2\*1\*[0-9a-f]{64}\*([\w-]+)\*([0-9a-f]{64})$/.exec(token) ?? [];
    const place = decodeBase64Url(body);
    return tail === computeSeal(`${place}*`) ? place : undefined;
  },
};

function computeSeal(text: string): string {
  const sum = Buffer.from(text).reduce((total, byte) => hash(total, 70, byte), 0);
  return Array.from({ length: 8 }, (_, part) => toHex(hash(sum, 71, part))).join('');
}

/** Tokens issued here expire after `lifeMs()`. A token from elsewhere (another run of the emulator) has no age and is good. */
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
      const place = format.decode(token);
      const [, day, time, id] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})\d{3}UTC,([^]+)$/.exec(place ?? '') ?? [];
      const at = Date.parse(`${day ?? ''}T${time ?? ''}Z`);
      const issued = issuedAt.get(token);
      if (id === undefined || Number.isNaN(at) || (issued !== undefined && now() - issued >= readLifetimeMs()))
        throw createCheckpointError();
      return { at, id };
    },
  };
}

function createCheckpointError(): ApiError {
  return new ApiError(
    400,
    'Bad Request',
    'Invalid query string paging options. The from parameter is not a valid checkpoint or has expired.',
    'invalid_paging',
  );
}
