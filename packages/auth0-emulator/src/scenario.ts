/** Users with the same `created_at`, as after a bulk import. */
interface TieBlock {
  size: number;
  /** Number of connections that the users alternate between, at most 8. Default 1. */
  connections?: number;
  /** The shared `created_at`, ISO 8601 with milliseconds. Default: blocks are spread evenly over the tenant's lifetime. */
  at?: string;
  /** Whether the users also share their `updated_at`: none has signed in since the import. Default false. */
  updatedTogether?: boolean;
}

export interface UserPopulation {
  count: number;
  ties?: TieBlock[];
  /** Number of users without `updated_at` or `created_at`, outside of the tie blocks. Default 0. */
  missingUpdatedAt?: number;
  missingCreatedAt?: number;
  /** Whether some users have no email, integer identity ids, unusual ids, linked identities or unusual metadata. Default true. */
  edgeCases?: boolean;
  /** Number of users with a profile of about 1 MB, outside of the tie blocks. Default 0. */
  hugeProfiles?: number;
}

interface OrganizationPopulation {
  count: number;
  /** Members per organization: a fixed number, or evenly distributed from `min` to `max`. At most all users. Default 20. */
  members?: number | { min: number; max: number };
  /** Member counts of the first organizations, instead of `members`. */
  firstMemberCounts?: number[];
}

/**
 * The initial data of a tenant. Every entity is generated from the seed and its index, so nothing is stored.
 *
 * @example { users: { count: 500 }, organizations: { count: 10 }, clients: { count: 3 }, roles: { count: 5 } }
 */
export interface TenantScenario {
  /** The same seed generates the same tenant. Default 1. */
  seed?: number;
  users: UserPopulation;
  organizations: OrganizationPopulation;
  clients: { count: number };
  roles: {
    count: number;
    /** Maximum number of roles per member. Default 3. */
    perMember?: number;
    /**
     * Roles owned by organizations (Auth0's early access feature "Organization Roles"): `each` roles for each of the first
     * `organizations`. Members have 0 to `perMember` of them in addition to the tenant's roles. Default none.
     */
    owned?: { organizations: number; each: number };
  };
}

/** Ready-made scenarios. */
export const scenarios = {
  small: {
    users: { count: 450, ties: [{ size: 20, connections: 2 }], missingUpdatedAt: 4, missingCreatedAt: 3 },
    organizations: { count: 12, members: { min: 5, max: 60 }, firstMemberCounts: [230, 0] },
    clients: { count: 8 },
    roles: { count: 6 },
  },
  /** Exceeds 1,000 rows in every list that Auth0 limits to 1,000. */
  caps: {
    users: { count: 3_000, ties: [{ size: 1_200, connections: 2 }], missingUpdatedAt: 7, missingCreatedAt: 5 },
    organizations: { count: 1_200, members: { min: 0, max: 4 }, firstMemberCounts: [2_300] },
    clients: { count: 1_100 },
    roles: { count: 40 },
  },
  empty: {
    users: { count: 0 },
    organizations: { count: 0 },
    clients: { count: 0 },
    roles: { count: 0 },
  },
  large: {
    users: { count: 100_000, ties: [{ size: 900, connections: 3 }], missingUpdatedAt: 50, missingCreatedAt: 20 },
    organizations: { count: 200, members: { min: 10, max: 400 }, firstMemberCounts: [12_000] },
    clients: { count: 60 },
    roles: { count: 40 },
  },
  million: {
    users: { count: 1_000_000, ties: [{ size: 5_000, connections: 8 }], missingUpdatedAt: 100, missingCreatedAt: 50 },
    organizations: { count: 1_000, members: { min: 10, max: 200 }, firstMemberCounts: [100_000] },
    clients: { count: 300 },
    roles: { count: 100 },
  },
  /** Half of the organizations own roles, which the list of roles does not contain. */
  'owned-roles': {
    users: { count: 120 },
    organizations: { count: 8, members: { min: 5, max: 20 } },
    clients: { count: 3 },
    roles: { count: 5, owned: { organizations: 4, each: 3 } },
  },
} as const satisfies Record<string, TenantScenario>;

export type ScenarioName = keyof typeof scenarios;
