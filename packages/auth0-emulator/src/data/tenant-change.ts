import type { JsonObject } from '../json';

/**
 * A change to a tenant's data. Given fields override the generated ones (create) or the current ones (update).
 *
 * @example emulator.tenant.apply({ type: 'deleteUser', user_id: 'auth0|1' });
 */
export type TenantChange =
  | { type: 'createUser'; user?: JsonObject }
  | { type: 'updateUser'; user_id: string; patch?: JsonObject }
  | { type: 'deleteUser'; user_id: string }
  | { type: 'createOrganization'; organization?: JsonObject }
  | { type: 'updateOrganization'; id: string; patch: JsonObject }
  /** Also deletes the roles that it owns. */
  | { type: 'deleteOrganization'; id: string }
  /** Replaces the roles of an existing member, who keeps the position in the list. */
  | { type: 'addMember'; org_id: string; user_id: string; roles?: string[] }
  | { type: 'removeMember'; org_id: string; user_id: string }
  | { type: 'createClient'; client?: JsonObject }
  | { type: 'updateClient'; client_id: string; patch: JsonObject }
  | { type: 'deleteClient'; client_id: string }
  /** With `type: 'organization'` and `owner_id`, a role owned by an organization. */
  | { type: 'createRole'; role?: JsonObject }
  | { type: 'updateRole'; id: string; patch: JsonObject }
  /** `lingers`: lists of members still contain the role, as an outdated index does. */
  | { type: 'deleteRole'; id: string; lingers?: boolean };
