import { notFound } from '../api-error';
import { answerList } from '../paging';
import { PAGE } from '../query-parameters';
import { listOptions, type Route } from './route';
import { textOf } from '../text';

export const listRoles: Route = {
  name: 'roles',
  path: '/roles',
  group: 'others',
  scopes: ['read:roles'],
  parameters: {
    ...PAGE,
    name_filter: { type: 'string', about: 'Optional filter on name (case-insensitive)' },
    type: {
      type: 'string',
      about: 'Whether to list the roles of the tenant or of an organization',
      pattern: /^(tenant|organization)$/,
    },
    owner_id: { type: 'string', about: 'The organization whose roles to list' },
  },
  answer({ query }, emulation) {
    const filter = String(query['name_filter'] ?? '').toLowerCase();
    // The emulated tenant has no organization roles.
    const all = query['type'] === 'organization' ? [] : emulation.tenant.roles.rows;
    const rows = all.filter(({ record }) => textOf(record['name']).toLowerCase().includes(filter));
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
