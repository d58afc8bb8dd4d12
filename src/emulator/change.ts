import type { JsonObject } from '../json';

/**
 * Something that happens to a tenant's data. What is given is laid over what the emulator makes up (create) or over what
 * is there (update).
 */
export type Change =
  | { type: 'createUser'; user?: JsonObject }
  | { type: 'updateUser'; user_id: string; patch?: JsonObject }
  | { type: 'deleteUser'; user_id: string }
  | { type: 'createOrganization'; organization?: JsonObject }
  | { type: 'updateOrganization'; id: string; patch: JsonObject }
  | { type: 'deleteOrganization'; id: string }
  | { type: 'addMember'; org_id: string; user_id: string; roles?: string[] }
  | { type: 'removeMember'; org_id: string; user_id: string }
  | { type: 'createClient'; client?: JsonObject }
  | { type: 'updateClient'; client_id: string; patch: JsonObject }
  | { type: 'deleteClient'; client_id: string }
  | { type: 'createRole'; role?: JsonObject }
  | { type: 'updateRole'; id: string; patch: JsonObject }
  | { type: 'deleteRole'; id: string };
