import type { ListRequest, ObjectRequest } from './request';

type Query = ListRequest['query'];

function buildPath(...segments: string[]): string {
  return segments.map(encodeURIComponent).join('/');
}

/**
 * Requests of the Management API that need ids, or that several rooms send
 * (https://auth0.com/docs/api/management/v2).
 */
export const endpoints = {
  /** Members of an organization. */
  members: (organization: string, query: Query): ListRequest => ({
    path: buildPath('organizations', organization, 'members'),
    query,
    list: 'members',
    key: 'user_id',
  }),
  /** Roles of a member within an organization. */
  memberRoles: (organization: string, user: string): ListRequest => ({
    path: buildPath('organizations', organization, 'members', user, 'roles'),
    query: {},
    list: 'roles',
    key: 'id',
  }),
  /** Roles of the tenant, or those that an organization owns (`type: 'organization', owner_id`). Pages by offset only. */
  roles: (query: Query = {}): ListRequest => ({ path: 'roles', query, list: 'roles', key: 'id' }),
  role: (id: string): ObjectRequest => ({ path: buildPath('roles', id), key: 'id' }),
};
