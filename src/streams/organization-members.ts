import type { StreamDescriptor } from './descriptor';
import { recordSchema, text } from './json-schema';

/** A member's fields as GET /organizations/{id}/members lists them, and the organization the membership is in. */
export const organizationMembers: StreamDescriptor = {
  name: 'organization_members',
  summary: 'Members of each organization',
  path: 'organizations/{id}/members',
  reader: 'members',
  primaryKey: [['org_id'], ['user_id']],
  syncModes: ['full_refresh'],
  scopes: ['read:organizations', 'read:organization_members'],
  secretFields: [],
  parent: 'organizations',
  jsonSchema: recordSchema({ org_id: text, user_id: text, picture: text, name: text, email: text }),
};

/**
 * Roles assigned to a member within an organization. They come inline with the member list (id and name); the
 * description is joined from one reading of GET /roles.
 */
export const organizationMemberRoles: StreamDescriptor = {
  name: 'organization_member_roles',
  summary: 'Roles of members within their organizations',
  path: 'organizations/{id}/members/{user_id}/roles',
  reader: 'members',
  primaryKey: [['org_id'], ['user_id'], ['id']],
  syncModes: ['full_refresh'],
  scopes: ['read:organizations', 'read:organization_members', 'read:organization_member_roles'],
  optionalScopes: [{ scope: 'read:roles', fields: ['description'] }],
  secretFields: [],
  parent: 'organizations',
  jsonSchema: recordSchema({ org_id: text, user_id: text, id: text, name: text, description: text }),
};
