/** A block of users that share one creation instant, as a bulk import leaves behind. */
interface TieBlock {
  size: number;
  /** Over how many connections the block is spread, in turn. Default 1, at most 8. */
  connections?: number;
  /** The shared `created_at`, ISO 8601 with milliseconds. Default: blocks are spread evenly over the tenant's life. */
  at?: string;
  /** True: the block shares its `updated_at` as well (nobody has signed in since the import). Default false. */
  updatedTogether?: boolean;
}

export interface UserPopulation {
  count: number;
  ties?: TieBlock[];
  /** Users that carry no `updated_at` / `created_at` at all; never members of a tie block. Default 0. */
  missingUpdatedAt?: number;
  missingCreatedAt?: number;
  /** Users without e-mail, integer identity ids, odd ids, linked identities, unusual metadata. Default true. */
  edgeCases?: boolean;
  /** Users whose profile takes about 1 MB, as legacy ones may; never members of a tie block. Default 0. */
  hugeProfiles?: number;
}

interface OrganizationPopulation {
  count: number;
  /** Members of each organization: a fixed number, or evenly spread from `min` to `max`. Default 20. Never more than there are users. */
  members?: number | { min: number; max: number };
  /** Member counts of the first organizations, in place of `members`. */
  firstMemberCounts?: number[];
}

/** What a tenant holds when it starts. Every entity follows from the seed and its own index, so nothing is stored. */
export interface TenantScenario {
  /** Default 1. */
  seed?: number;
  users: UserPopulation;
  organizations: OrganizationPopulation;
  clients: { count: number };
  roles: {
    count: number;
    /** A member holds 0 to this many roles. Default 3. */
    perMember?: number;
    /**
     * Roles that belong to an organization (Auth0's early access feature "Organization Roles"): `each` of them for each of
     * the first `organizations`. A member holds 0 to `perMember` of them, beside roles of the tenant. Default none.
     */
    owned?: { organizations: number; each: number };
  };
}

export const scenarios = {
  small: {
    users: { count: 450, ties: [{ size: 20, connections: 2 }], missingUpdatedAt: 4, missingCreatedAt: 3 },
    organizations: { count: 12, members: { min: 5, max: 60 }, firstMemberCounts: [230, 0] },
    clients: { count: 8 },
    roles: { count: 6 },
  },
  /** Every list of Auth0's that ends at 1,000 rows, exceeded. */
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
  /** Half of the organizations own roles, which the list of roles does not show. */
  'owned-roles': {
    users: { count: 120 },
    organizations: { count: 8, members: { min: 5, max: 20 } },
    clients: { count: 3 },
    roles: { count: 5, owned: { organizations: 4, each: 3 } },
  },
} as const satisfies Record<string, TenantScenario>;

export type ScenarioName = keyof typeof scenarios;
