import { getClient, listClients } from './clients';
import { getOrganization, listMemberRoles, listMembers, listOrganizations } from './organizations';
import { getRole, listRoles } from './roles';
import type { Route } from './route';
import { getUser, listUsers } from './users';

/** Every endpoint of the Management API that is emulated. */
export const ROUTES: readonly Route[] = [
  listUsers,
  getUser,
  listClients,
  getClient,
  listOrganizations,
  getOrganization,
  listMembers,
  listMemberRoles,
  listRoles,
  getRole,
];
