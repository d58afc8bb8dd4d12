import type { JsonObject } from '../json';

export type Query = Readonly<Record<string, string | number | boolean>>;

/** A request for one page of a list of the Management API. */
export interface ListRequest {
  /** Path below `/api/v2/` with ids percent-encoded: `organizations/org_1/members`. */
  path: string;
  query: Query;
  /** The envelope's field that contains the rows: `users`, `clients`, `organizations`, `members`, `roles`. */
  list: string;
  /** The field that every row must carry as a non-empty string. */
  key: string;
}

/** A request for one object of the Management API. */
export type ObjectRequest = Pick<ListRequest, 'path' | 'key'>;

/** The validated response to a ListRequest: every row is an object that carries the request's key. */
export interface Page {
  rows: JsonObject[];
  /** True when the response is a bare array without an envelope, so it reports neither totals nor further pages. */
  isBareArray: boolean;
  /** Checkpoint token of the next page. Absent on the last page. Opaque, valid for 24 h. */
  next?: string;
  /** Number of matching rows. Capped at 1,000 on `/users`, where 1,000 means "1,000 or more". */
  total?: number;
  /** Offset of the first row (the envelope's `start`). */
  start?: number;
  /** Page size that the server used (the envelope's `limit`). */
  limit?: number;
  /** Size of the decompressed body in bytes. */
  bytes: number;
  /** The server's time (`Date` header), epoch ms; the local time when the header is missing. */
  respondedAt: number;
}

/** `organizations/org_1/members` → `organizations/{id}/members`. Safe in messages, and the unit that rate limits apply to. */
export function toRouteTemplate(path: string): string {
  return path
    .split('/')
    .map((segment, index) => (index % 2 === 0 ? segment : '{id}'))
    .join('/');
}

/** `GET organizations/{id}/members`: names the request in messages. */
export function describeRequest(path: string): string {
  return `GET ${toRouteTemplate(path)}`;
}

/** Percent-encodes all but the unreserved characters, a space as `%20`, so any server reads `*`, `|` and `+` unchanged. */
export function encodeQuery(query: Query): string {
  return Object.entries(query)
    .map((parameter) => parameter.map(percentEncode).join('='))
    .join('&');
}

function percentEncode(value: string | number | boolean): string {
  return encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function buildPath(...segments: string[]): string {
  return segments.map(encodeURIComponent).join('/');
}

/** Requests that need ids, or that several rooms send (https://auth0.com/docs/api/management/v2). */
export const endpoints = {
  /** Members of an organization. */
  members: (organization: string, query: Query): ListRequest => ({
    path: buildPath('organizations', organization, 'members'),
    query,
    list: 'members',
    key: 'user_id',
  }),
  /** Roles of a member within an organization. */
  memberRoles: (organization: string, user: string): ListRequest => ({
    path: buildPath('organizations', organization, 'members', user, 'roles'),
    query: {},
    list: 'roles',
    key: 'id',
  }),
  /** Roles of the tenant, or those that an organization owns (`type: 'organization', owner_id`). Pages by offset only. */
  roles: (query: Query = {}): ListRequest => ({ path: 'roles', query, list: 'roles', key: 'id' }),
  role: (id: string): ObjectRequest => ({ path: buildPath('roles', id), key: 'id' }),
};
