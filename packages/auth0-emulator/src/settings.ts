import type { RateLimits } from './rate-limits';
import type { TokenRefusal } from './auth/token-refusals';

/** How the tenant behaves. Everything can be changed while it runs. */
export interface TenantSettings {
  /** Scopes that the client's grant holds. */
  scopes: string[];
  /** Life of an access token. */
  tokenLifetimeSeconds: number;
  /** Set: the application's secret, in place of the one it began with. */
  clientSecret?: string | undefined;
  /** Number of the tenant's signing key: with another one, tokens that were issued before are refused. */
  signingKey: number;
  /** Set: the application is registered with this public key (PEM) instead of its secret. */
  clientKey?: { publicKey: string; algorithm: 'RS256' | 'RS384' | 'PS256' } | undefined;
  /** Set: every sign-in is refused in this way. */
  tokenRefusal?: TokenRefusal | undefined;
  rateLimits: RateLimits;
  /** Whether a 429 of the Management API says Retry-After (not known of Auth0). */
  sendRetryAfter: boolean;
  /** What `x-ratelimit-*` say: how the bucket stands, how it stood ten answers before, or nothing. */
  rateLimitHeaders: 'current' | 'stale' | 'absent';
  /** How far the tenant's clock is ahead, as `Date` and `x-ratelimit-reset` show it. */
  clockAheadMs: number;
  /** Added to every answer of the Management API. */
  latencyMs: number;
  /** How long a write stays unseen by `GET /users`. */
  searchLagMs: number;
  /** Set: larger pages are cut to this silently, instead of a 400 above 100. */
  pageCap?: number | undefined;
  /** Users with one sort value change places between requests. */
  shuffleTies: boolean;
  /** Members: the last page carries a `next` that leads to an empty page, as Auth0 did until mid-2026. */
  trailingMembersPage: boolean;
  /** A checkpoint page that ends the list but is full carries a `next` that leads to an empty page. */
  nextOnFullPage: boolean;
  /** `roles` named in `fields` without the scope for it: refuse, or leave them out. */
  rolesWithoutScope: 'refuse' | 'omit';
  /** `roles` of a member who has none. */
  emptyRoles: 'list' | 'absent';
  /** `GET /roles` without `type` lists the roles that organizations own as well (not known of Auth0). */
  ownedRolesListed: boolean;
  /** Life of a checkpoint token. */
  checkpointLifetimeSeconds: number;
}

/** What a reader of the five streams needs, and nothing secret. */
export const readerScopes = [
  'read:users',
  'read:clients',
  'read:organizations',
  'read:organization_members',
  'read:organization_member_roles',
  'read:roles',
];

/** Scopes under which records carry secrets. */
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
