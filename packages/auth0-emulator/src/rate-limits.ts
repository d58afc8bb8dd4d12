/** A token bucket of `size` requests. `perSecond` refills it every ms, `perMinute` once a second. */
export type BucketLimit = { size: number; perSecond: number } | { size: number; perMinute: number };

/** Endpoints that share a bucket. */
export type BucketGroup =
  'organizations' | 'organization' | 'members' | 'memberRoles' | 'users' | 'clients' | 'others' | 'token';

export interface RateLimits {
  /** Charged first, for every request to the Management API. */
  global?: BucketLimit;
  /** Also charged, for the endpoints of the group. */
  groups?: Partial<Record<BucketGroup, BucketLimit>>;
}

/** Auth0's published rate limits, mid-2026. `unlimited` still sends the headers. */
export const rateLimitPresets = {
  free: {
    global: { size: 2, perSecond: 2 },
    groups: { token: { size: 30, perSecond: 30 } },
  },
  essentials: {
    groups: {
      organizations: { size: 5, perMinute: 50 },
      organization: { size: 20, perMinute: 200 },
      members: { size: 20, perMinute: 200 },
      memberRoles: { size: 20, perMinute: 200 },
      users: { size: 40, perMinute: 500 },
      clients: { size: 5, perMinute: 100 },
      others: { size: 10, perMinute: 150 },
      token: { size: 25, perSecond: 25 },
    },
  },
  enterprise: {
    global: { size: 50, perSecond: 16 },
    groups: {
      organizations: { size: 10, perMinute: 100 },
      organization: { size: 10, perMinute: 100 },
      members: { size: 40, perMinute: 500 },
      memberRoles: { size: 20, perMinute: 200 },
      token: { size: 100, perSecond: 100 },
    },
  },
  unlimited: {
    global: { size: 1_000_000, perSecond: 1_000_000 },
  },
} as const satisfies Record<string, RateLimits>;

export type RateLimitPreset = keyof typeof rateLimitPresets;
