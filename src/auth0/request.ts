import type { JsonObject } from '../json';

/** One page asked of a list of the Management API. */
export interface ListRequest {
  /** Path below `/api/v2/`, every id in it percent-encoded: `organizations/org_1/members`. */
  path: string;
  query: Readonly<Record<string, string | number | boolean>>;
  /** The envelope's key that holds the rows: `users`, `clients`, `organizations`, `members`, `roles`. */
  list: string;
  /** The field that every row must carry as a non-empty string; an answer without it is unexpected. */
  key: string;
}

/** One object asked of the Management API by its id. */
export type ObjectRequest = Pick<ListRequest, 'path' | 'key'>;

/** The answer to a ListRequest, checked: every row is an object that carries the request's key. */
export interface Page {
  rows: JsonObject[];
  /** True when the answer was a bare array rather than an envelope: the server then said nothing of totals or of more pages. */
  isBareArray: boolean;
  /** Checkpoint token of the next page; absent on the last one. Opaque, valid 24 h. */
  next?: string;
  /** Rows that match. Capped at 1,000 on `/users`, so 1,000 there means "1,000 or more". */
  total?: number;
  /** Offset of the first row (envelope's `start`). */
  start?: number;
  /** Page size that the server used (envelope's `limit`). */
  limit?: number;
  /** Size of the body in bytes, as received after decompression. */
  bytes: number;
  /** The server's clock when it answered (`Date` header), epoch ms; ours when the header is missing. */
  respondedAt: number;
}

/** `organizations/org_1/members` → `organizations/{id}/members`: what may be said aloud, and what limits go by. */
export function toRouteTemplate(path: string): string {
  return path
    .split('/')
    .map((segment, place) => (place % 2 === 0 ? segment : '{id}'))
    .join('/');
}

/** Percent-encodes everything but the unreserved characters, a space as `%20`: `*`, `|` and `+` survive any server. */
export function encodeQuery(query: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(String(value))}`)
    .join('&');
}

function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
