import type { StreamDescriptor } from './descriptor';
import { recordSchema, text } from './schema';

/** A member's fields as GET /organizations/{id}/members lists them, and the organization the membership is in. */
export const organizationMembers: StreamDescriptor = {
  name: 'organization_members',
  summary: 'Who belongs to which organization',
  path: 'organizations/{id}/members',
  reader: 'members',
  primaryKey: [['org_id'], ['user_id']],
  syncModes: ['full_refresh'],
  scopes: ['read:organizations', 'read:organization_members'],
  secretFields: [],
  parent: 'organizations',
  jsonSchema: recordSchema({ org_id: text, user_id: text, picture: text, name: text, email: text }),
};
