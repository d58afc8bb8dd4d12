import type { JsonObject } from '../json';

/**
 * Something that happens to a tenant's data. What is given is laid over what the emulator makes up (create) or over what
 * is there (update).
 */
export type TenantChange =
  | { type: 'createUser'; user?: JsonObject }
  | { type: 'updateUser'; user_id: string; patch?: JsonObject }
  | { type: 'deleteUser'; user_id: string }
  | { type: 'createOrganization'; organization?: JsonObject }
  | { type: 'updateOrganization'; id: string; patch: JsonObject }
  /** The roles that it owns go with it. */
  | { type: 'deleteOrganization'; id: string }
  /** Somebody who is a member already keeps the place in the list and gets these roles in place of the former ones. */
  | { type: 'addMember'; org_id: string; user_id: string; roles?: string[] }
  | { type: 'removeMember'; org_id: string; user_id: string }
  | { type: 'createClient'; client?: JsonObject }
  | { type: 'updateClient'; client_id: string; patch: JsonObject }
  | { type: 'deleteClient'; client_id: string }
  /** With `type: 'organization'` and `owner_id`, a role that an organization owns. */
  | { type: 'createRole'; role?: JsonObject }
  | { type: 'updateRole'; id: string; patch: JsonObject }
  /** `lingers`: members lists go on showing the role, as an index does that has not heard of it. */
  | { type: 'deleteRole'; id: string; lingers?: boolean };
