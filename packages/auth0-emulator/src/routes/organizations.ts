import { compareJson, type Json, type JsonObject, toText } from '../json';
import { createBadRequestError, createInsufficientScopeError, createNotFoundError } from '../api-error';
import type { CollectionRow } from '../data/entity-collection';
import type { Member } from '../data/memberships';
import type { Emulation } from '../emulation';
import { buildListResponse } from '../query/paging';
import { checkpointParameters, fieldsParameters, pageParameters, type QueryValues } from '../query/query-parameters';
import { projectRecord, readProjection, viewInlineRole, viewMember, viewMemberRole } from '../query/views';
import { createListOptions, type Route, type RouteRequest } from './route';

const readOrganizations = ['read:organizations', 'read:organizations_summary'];
const readMemberRoles = 'read:organization_member_roles';

export const listOrganizationsRoute: Route = {
  name: 'organizations',
  path: '/organizations',
  group: 'organizations',
  scopes: readOrganizations,
  parameters: {
    ...pageParameters,
    ...checkpointParameters,
    sort: {
      type: 'string',
      description: 'Field to sort by. Use field:order where order is 1 for ascending and -1 for descending order',
      pattern: /^(name|display_name|created_at):(1|-1)$/,
    },
  },
  handle({ query }, emulation) {
    const rows = sortOrganizations(emulation.tenant.organizations.rows, query);
    const options = createListOptions(emulation, 'organizations');
    return {
      body: buildListResponse({ name: 'organizations', rows, toRecord: ({ record }) => record }, query, options),
    };
  },
};

export const getOrganizationRoute: Route = {
  name: 'organization',
  path: '/organizations/:id',
  group: 'organization',
  scopes: readOrganizations,
  parameters: {},
  handle: ({ params }, emulation) => ({ body: findOrganization(params['id'], emulation) }),
};

export const listMembersRoute: Route = {
  name: 'members',
  path: '/organizations/:id/members',
  group: 'members',
  scopes: ['read:organization_members'],
  parameters: { ...pageParameters, ...checkpointParameters, ...fieldsParameters },
  handle(call, emulation) {
    const { params, query } = call;
    findOrganization(params['id'], emulation);
    const { memberships, users } = emulation.tenant;
    const projection = readProjection(query);
    const withRoles = shouldIncludeRoles(call, emulation);
    const toRecord = (member: Member): JsonObject => {
      const record = projectRecord(viewMember(users.get(member.id) ?? {}), projection);
      if (!withRoles) return record;
      const roles = memberships.resolveInlineRoles(member).map(viewInlineRole);
      return roles.length === 0 && emulation.settings.emptyRoles === 'absent' ? record : { ...record, roles };
    };
    const options = createListOptions(emulation, 'members');
    const surplusNext = emulation.settings.trailingMembersPage ? 'always' : options.surplusNext;
    const rows = memberships.list(params['id'] ?? '');
    return { body: buildListResponse({ name: 'members', rows, toRecord }, query, { ...options, surplusNext }) };
  },
};

export const listMemberRolesRoute: Route = {
  name: 'memberRoles',
  path: '/organizations/:id/members/:user_id/roles',
  group: 'memberRoles',
  scopes: [readMemberRoles],
  parameters: pageParameters,
  handle({ params, query }, emulation) {
    findOrganization(params['id'], emulation);
    const { memberships } = emulation.tenant;
    const member = memberships.find(params['id'] ?? '', params['user_id'] ?? '');
    if (!member) throw createNotFoundError('The user does not exist.', 'inexistent_user');
    const rows = memberships.resolveRoles(member).map((record) => ({ at: 0, id: toText(record['id']), record }));
    const options = createListOptions(emulation, 'members');
    const list = { name: 'roles', rows, toRecord: ({ record }: CollectionRow) => viewMemberRole(record) };
    return { body: buildListResponse(list, query, options) };
  },
};

/** Roles are included only when `fields` names them, and require their own scope. */
function shouldIncludeRoles({ query, scopes }: RouteRequest, { settings }: Emulation): boolean {
  const { fields, include } = readProjection(query);
  if (!include || !fields.includes('roles')) return false;
  if (scopes.has(readMemberRoles)) return true;
  if (settings.rolesWithoutScope === 'omit') return false;
  throw createInsufficientScopeError([readMemberRoles]);
}

function findOrganization(id: string | undefined, { tenant }: Emulation): JsonObject {
  if (id === undefined || !/^org_[A-Za-z0-9]{16}$/.test(id)) {
    const problem = `Object didn't pass validation for format organization-id: ${id ?? ''}`;
    const message = `Path validation error: '${problem}' on property id (Organization identifier).`;
    throw createBadRequestError(message, 'invalid_uri');
  }
  const organization = tenant.organizations.get(id);
  if (!organization) throw createNotFoundError('No organization found by that id or name');
  return organization;
}

/** Checkpoint paging ignores `sort` and orders by creation. */
function sortOrganizations(rows: readonly CollectionRow[], query: QueryValues): readonly CollectionRow[] {
  if (query['sort'] === undefined || query['from'] !== undefined || query['take'] !== undefined) return rows;
  const [field = '', direction] = String(query['sort']).split(':');
  const readSortKey = ({ at, record }: CollectionRow): Json => (field === 'created_at' ? at : (record[field] ?? ''));
  const sign = direction === '-1' ? -1 : 1;
  return [...rows].sort((one, other) => sign * compareJson(readSortKey(one), readSortKey(other)));
}
