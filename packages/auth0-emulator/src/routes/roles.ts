import { type JsonObject, toText } from '../json';
import { createNotFoundError } from '../api-error';
import type { CollectionRow } from '../data/entity-collection';
import { buildListResponse } from '../query/paging';
import { createParameterError, pageParameters, type QueryValues } from '../query/query-parameters';
import type { TenantSettings } from '../settings';
import { createListOptions, type Route } from './route';

const ownerDescription = 'Filter organization-level roles by owner ID. Required when type is "organization"';

export const listRolesRoute: Route = {
  name: 'roles',
  path: '/roles',
  group: 'others',
  scopes: ['read:roles'],
  parameters: {
    ...pageParameters,
    name_filter: { type: 'string', description: 'Optional filter on name (case-insensitive)' },
    type: {
      type: 'string',
      description: 'Optional filter on the type of the role',
      pattern: /^(tenant|organization)$/,
    },
    owner_id: { type: 'string', description: ownerDescription },
  },
  handle({ query }, emulation) {
    const filter = String(query['name_filter'] ?? '').toLowerCase();
    const hasOwner = createOwnerFilter(query, emulation.settings);
    const rows = emulation.tenant.roles.rows.filter(
      ({ record }: CollectionRow) => hasOwner(record) && toText(record['name']).toLowerCase().includes(filter),
    );
    const options = createListOptions(emulation, 'organizations');
    return { body: buildListResponse({ name: 'roles', rows, toRecord: ({ record }) => record }, query, options) };
  },
};

export const getRoleRoute: Route = {
  name: 'role',
  path: '/roles/:id',
  group: 'others',
  scopes: ['read:roles'],
  parameters: {},
  handle({ params }, { tenant }) {
    const role = tenant.roles.get(params['id'] ?? '');
    if (!role) throw createNotFoundError('The role does not exist.');
    return { body: role };
  },
};

/** The tenant's own roles have no type. */
function createOwnerFilter(
  { type, owner_id }: QueryValues,
  { ownedRolesListed }: TenantSettings,
): (role: JsonObject) => boolean {
  if (type === 'organization') {
    if (owner_id === undefined)
      throw createParameterError('Missing required property: owner_id', 'owner_id', ownerDescription);
    return (role) => role['owner_id'] === owner_id;
  }
  if (type === undefined && ownedRolesListed) return () => true;
  return (role) => role['owner_id'] === undefined;
}
