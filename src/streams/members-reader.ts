import { UnexpectedAnswer } from '../auth0/errors';
import { isObject, type Json, type JsonObject } from '../json';
import type { FieldChange } from '../staging/segment';
import { type ChildCursor, createChildReader } from './child-reader';
import type { ChildList } from './descriptor';
import type { Lookup, LookupResults } from './fetch-task';
import type { ChildReaderOptions, Reader, ReaderOutput } from './stream-reader';

const unknownDescription: FieldChange[] = [
  { field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' },
];

/**
 * The members of some organizations and the roles they have there, from one pass over each member list: Auth0 includes
 * roles (id and name) when they are requested by name (GET /organizations/{id}/members, parameter `fields`).
 */
export function createMembersReader(list: ChildList, options: ChildReaderOptions): Reader<ChildCursor> {
  const { streams, parents, sideIndex, readOptions } = options;
  const withMembers = streams.includes('organization_members');
  const withRoles = streams.includes('organization_member_roles');
  const inline = withRoles && readOptions.rolesSource === 'inline';
  /** By role id; null when the role has none. */
  const descriptions =
    sideIndex && new Map(sideIndex.map(({ id, description }) => [id as string, description as string | null]));

  function listLookups(organization: string, members: readonly JsonObject[]): Lookup[] {
    if (withRoles && !inline) {
      return members.map((member) => ({ kind: 'member-roles', organization, user: member['user_id'] as string }));
    }
    // Without the scope for roles, the roles of an organization are as unknown as the tenant's.
    if (!inline || !descriptions) return [];
    const ids = new Set(members.flatMap(readInlineRoles).map((role) => role['id'] as string));
    return [...ids].filter((role) => !descriptions.has(role)).map((role) => ({ kind: 'role', organization, role }));
  }

  function toOutputs(organization: string, { roles, ...member }: JsonObject, results: LookupResults): ReaderOutput[] {
    const user = member['user_id'] as string;
    const assigned = inline ? readInlineRoles({ roles: roles ?? [] }) : (results.memberRoles.get(user) ?? []);
    return [
      ...(withMembers ? [{ stream: 'organization_members', data: { org_id: organization, ...member } }] : []),
      ...(withRoles ? assigned.map((role) => toRoleOutput(organization, user, role, results)) : []),
    ];
  }

  function toRoleOutput(organization: string, user: string, role: JsonObject, results: LookupResults): ReaderOutput {
    const id = role['id'] as string;
    const description = inline
      ? (descriptions?.get(id) ?? results.descriptions.get(id))
      : (role['description'] ?? null);
    const isKnown = description !== undefined || descriptions?.has(id) === true;
    return {
      stream: 'organization_member_roles',
      data: { org_id: organization, user_id: user, ...role, description: description ?? null },
      ...(!isKnown && { changes: unknownDescription }),
    };
  }

  const fields = `user_id${withMembers ? ',email,picture,name' : ''}${inline ? ',roles' : ''}`;
  return createChildReader(list, parents, { query: { fields }, toOutputs, listLookups });
}

/** A member without roles has an empty list or lacks the field. Throws UnexpectedAnswer for anything else. */
function readInlineRoles({ roles }: JsonObject): JsonObject[] {
  const isRole = (role: Json): role is JsonObject => isObject(role) && typeof role['id'] === 'string';
  const assigned = roles ?? [];
  if (Array.isArray(assigned) && assigned.every(isRole)) return assigned;
  throw new UnexpectedAnswer('GET organizations/{id}/members', 'a member whose roles are not a list of roles');
}
