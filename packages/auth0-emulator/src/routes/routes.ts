import { getClientRoute, listClientsRoute } from './clients';
import { getOrganizationRoute, listMemberRolesRoute, listMembersRoute, listOrganizationsRoute } from './organizations';
import { getRoleRoute, listRolesRoute } from './roles';
import type { Route } from './route';
import { getUserRoute, listUsersRoute } from './users';

/** Every emulated endpoint of the Management API. */
export const routes: readonly Route[] = [
  listUsersRoute,
  getUserRoute,
  listClientsRoute,
  getClientRoute,
  listOrganizationsRoute,
  getOrganizationRoute,
  listMembersRoute,
  listMemberRolesRoute,
  listRolesRoute,
  getRoleRoute,
];
