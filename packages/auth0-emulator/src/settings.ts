import type { RateLimits } from './rate-limits';
import type { TokenRefusal } from './auth/token-refusals';

/** The tenant's behaviour. All settings can be changed while the emulator runs. */
export interface TenantSettings {
  /** Scopes of the client's grant. Default `readerScopes`. */
  scopes: string[];
  /** Lifetime of an access token. Default 24 h. */
  tokenLifetimeSeconds: number;
  /** Replaces the application's initial secret. */
  clientSecret?: string | undefined;
  /** Number of the tenant's signing key. Another number invalidates the tokens issued before. Default 1. */
  signingKey: number;
  /** Registers this public key (PEM) with the application, instead of its secret. */
  clientKey?: { publicKey: string; algorithm: 'RS256' | 'RS384' | 'PS256' } | undefined;
  /** Rejects every token request with this response. */
  tokenRefusal?: TokenRefusal | undefined;
  rateLimits: RateLimits;
  /** Whether a 429 of the Management API has a `Retry-After` header (not observed with Auth0). Default false. */
  sendRetryAfter: boolean;
  /** Whether `x-ratelimit-*` describe the bucket now, ten responses ago, or are absent. Default `current`. */
  rateLimitHeaders: 'current' | 'stale' | 'absent';
  /** Offset of the tenant's clock in `Date` and `x-ratelimit-reset`. Default 0. */
  clockAheadMs: number;
  /** Added to the response time of the Management API. Default 0. */
  latencyMs: number;
  /** Delay until `GET /users` returns a change. Default 0. */
  searchLagMs: number;
  /** Limits larger pages to this size without an error. Default: a page size above 100 is an error (400). */
  pageCap?: number | undefined;
  /** Whether users with the same sort value change their order between requests. Default false. */
  shuffleTies: boolean;
  /** Whether the last page of members has a `next` that leads to an empty page, as with Auth0 until mid-2026. Default false. */
  trailingMembersPage: boolean;
  /** Whether a full last page has a `next` that leads to an empty page. Default false. */
  nextOnFullPage: boolean;
  /** The response to `roles` in `fields` without its scope: an error, or members without roles. Default `refuse`. */
  rolesWithoutScope: 'refuse' | 'omit';
  /** The `roles` of a member without roles: an empty list, or absent. Default `list`. */
  emptyRoles: 'list' | 'absent';
  /** Whether `GET /roles` without `type` includes the roles that organizations own (not observed with Auth0). Default false. */
  ownedRolesListed: boolean;
  /** Lifetime of a checkpoint token. Default 24 h. */
  checkpointLifetimeSeconds: number;
}

/** The scopes for reading all streams, without secrets. */
export const readerScopes = [
  'read:users',
  'read:clients',
  'read:organizations',
  'read:organization_members',
  'read:organization_member_roles',
  'read:roles',
];

/** The scopes with which records contain secrets. */
export const secretScopes = ['read:client_keys', 'read:client_credentials', 'read:user_idp_tokens'];

export const defaultSettings: Omit<TenantSettings, 'rateLimits'> = {
  scopes: readerScopes,
  tokenLifetimeSeconds: 86_400,
  signingKey: 1,
  sendRetryAfter: false,
  rateLimitHeaders: 'current',
  clockAheadMs: 0,
  latencyMs: 0,
  searchLagMs: 0,
  shuffleTies: false,
  trailingMembersPage: false,
  nextOnFullPage: false,
  rolesWithoutScope: 'refuse',
  emptyRoles: 'list',
  ownedRolesListed: false,
  checkpointLifetimeSeconds: 86_400,
};
