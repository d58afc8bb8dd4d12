import type { JsonObject } from '../../json';
import { notFound } from '../api-error';
import type { Row } from '../collection';
import { answerList } from '../paging';
import { PAGE, refuseParameter, type Values } from '../query-parameters';
import type { Settings } from '../settings';
import { listOptions, type Route } from './route';
import { textOf } from '../text';

const OWNER_ABOUT = 'Filter organization-level roles by owner ID. Required when type is "organization"';

export const listRoles: Route = {
  name: 'roles',
  path: '/roles',
  group: 'others',
  scopes: ['read:roles'],
  parameters: {
    ...PAGE,
    name_filter: { type: 'string', about: 'Optional filter on name (case-insensitive)' },
    type: { type: 'string', about: 'Optional filter on the type of the role', pattern: /^(tenant|organization)$/ },
    owner_id: { type: 'string', about: OWNER_ABOUT },
  },
  answer({ query }, emulation) {
    const filter = String(query['name_filter'] ?? '').toLowerCase();
    const isWanted = chooseOwner(query, emulation.settings);
    const rows = emulation.tenant.roles.rows.filter(
      ({ record }: Row) => isWanted(record) && textOf(record['name']).toLowerCase().includes(filter),
    );
    const options = listOptions(emulation, 'organizations');
    return { body: answerList('roles', rows, ({ record }) => record, query, options) };
  },
};

export const getRole: Route = {
  name: 'role',
  path: '/roles/:id',
  group: 'others',
  scopes: ['read:roles'],
  parameters: {},
  answer({ params }, { tenant }) {
    const role = tenant.roles.get(params['id'] ?? '');
    if (!role) throw notFound('The role does not exist.');
    return { body: role };
  },
};

/** Roles of the tenant carry no type. */
function chooseOwner({ type, owner_id }: Values, { ownedRolesListed }: Settings): (role: JsonObject) => boolean {
  if (type === 'organization') {
    if (owner_id === undefined) throw refuseParameter('Missing required property: owner_id', 'owner_id', OWNER_ABOUT);
    return (role) => role['owner_id'] === owner_id;
  }
  if (type === undefined && ownedRolesListed) return () => true;
  return (role) => role['owner_id'] === undefined;
}
