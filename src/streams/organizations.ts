import { endpoints } from '../auth0/request';
import type { ChildList, StreamDescriptor } from './descriptor';
import { boolean, integer, object, recordSchema, text } from './json-schema';
import { createMembersReader } from './members-reader';

const quota = object({ enforce: boolean, per_day: integer, per_hour: integer });

/** Fields of GET /organizations, which returns no timestamps. */
export const organizations: StreamDescriptor = {
  name: 'organizations',
  summary: 'Organizations of the tenant, with branding and metadata',
  path: 'organizations',
  reader: 'parent',
  primaryKey: [['id']],
  syncModes: ['full_refresh'],
  scopes: ['read:organizations'],
  secretFields: [],
  probe: { path: 'organizations', query: { per_page: 1 }, list: 'organizations', key: 'id' },
  jsonSchema: recordSchema({
    id: text,
    name: text,
    display_name: text,
    branding: object({ logo_url: text, colors: object({ primary: text, page_background: text }) }),
    metadata: object(),
    token_quota: object({ client_credentials: quota }),
    third_party_client_access: text,
    is_app_entitlement_active: boolean,
  }),
};

/** The member list of an organization, which also contains the members' roles. */
const memberList: ChildList = {
  reading: 'members',
  request: endpoints.members,
  parentKey: 'org_id',
  paging: 'checkpoint',
  probeQuery: { take: 1, fields: 'user_id' },
  createReader: (options) => createMembersReader(memberList, options),
};

/** Fields of a member as GET /organizations/{id}/members returns them, with the organization's id. */
export const organizationMembers: StreamDescriptor = {
  name: 'organization_members',
  summary: 'Members of each organization',
  path: 'organizations/{id}/members',
  reader: 'children',
  primaryKey: [['org_id'], ['user_id']],
  syncModes: ['full_refresh'],
  scopes: ['read:organizations', 'read:organization_members'],
  secretFields: [],
  parent: 'organizations',
  child: memberList,
  keyFields: 'user_id',
  jsonSchema: recordSchema({ org_id: text, user_id: text, picture: text, name: text, email: text }),
};

/** Roles of a member within an organization. The member list contains id and name; the description comes from GET /roles. */
export const organizationMemberRoles: StreamDescriptor = {
  name: 'organization_member_roles',
  summary: 'Roles of members within their organizations',
  path: 'organizations/{id}/members/{user_id}/roles',
  reader: 'children',
  primaryKey: [['org_id'], ['user_id'], ['id']],
  syncModes: ['full_refresh'],
  scopes: ['read:organizations', 'read:organization_members', 'read:organization_member_roles'],
  optionalScopes: [{ scope: 'read:roles', fields: ['description'] }],
  secretFields: [],
  parent: 'organizations',
  child: {
    ...memberList,
    probeQuery: { take: 1, fields: 'user_id,roles' },
    // Whether Auth0 refuses inline roles without this scope or leaves them out is not documented.
    tokenScopes: { scopes: ['read:organization_member_roles'], when: { rolesSource: 'inline' } },
    // Roles that are requested one by one come with their description.
    sideIndex: {
      name: 'roles',
      label: "the tenant's roles",
      list: endpoints.roles(),
      paging: 'offset',
      fields: ['id', 'description'],
      when: { rolesSource: 'inline' },
    },
  },
  jsonSchema: recordSchema({ org_id: text, user_id: text, id: text, name: text, description: text }),
};
