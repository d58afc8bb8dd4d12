/** Where a member's roles are taken from. */
export type RolesSource = 'inline' | 'per_member';

/** How a tenant is read, as its connection is configured; the same for every run until somebody changes it. */
export interface ReadOptions {
  /**
   * Seconds that an incremental search starts before the saved cursor, for rows that the tenant's search index showed
   * late.
   */
  lookbackSeconds: number;
  /** Seconds before the tenant's own time at which an incremental search ends; what is newer is the next run's. */
  lagSeconds: number;
  /**
   * `inline`: with the member list, at no further cost. `per_member`: one request for each member, for tenants whose
   * lists leave roles out.
   */
  rolesSource: RolesSource;
}

export const defaultReadOptions: Readonly<ReadOptions> = { lookbackSeconds: 180, lagSeconds: 0, rolesSource: 'inline' };
