import { listPaging, type ListCursor, type ListPaging } from '../auth0/paging/list';
import type { Json, JsonObject } from '../json';
import type { FieldChange } from '../staging/segment';
import type { Output, Reader } from './reader';

/** Where the reading of some organizations' members stands. */
export type MembersCursor = {
  /** Organizations read to their end. */
  index: number;
  /** Place in the member list of the next one. */
  list: ListCursor;
};

/** Role id → description (null: the role has none). */
export type RoleDescriptions = ReadonlyMap<string, string | null>;

const unknownDescription: FieldChange[] = [
  { field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' },
];

/**
 * The members of some organizations and the roles they hold there, from one reading of each member list: roles come
 * inline when they are asked for by name, with id and name (GET /organizations/{id}/members, parameter `fields`).
 * @param streams which of the member streams are wanted
 * @param organizations their ids
 * @param descriptions of the roles; undefined when they can't be read
 */
export function membersReader(
  streams: readonly string[],
  organizations: readonly string[],
  descriptions: RoleDescriptions | undefined,
): Reader<MembersCursor> {
  const withMembers = streams.includes('organization_members');
  const withRoles = streams.includes('organization_member_roles');
  const fields = `user_id${withMembers ? ',email,picture,name' : ''}${withRoles ? ',roles' : ''}`;

  function pagingOf(organization: string): ListPaging {
    const path = `organizations/${encodeURIComponent(organization)}/members`;
    return listPaging({ path, query: { fields }, list: 'members', key: 'user_id' }, 'checkpoint');
  }

  function beginAt(index: number): MembersCursor {
    return { index, list: pagingOf('').start() };
  }

  function outputsOf(organization: string, { roles, ...member }: JsonObject): Output[] {
    const outputs: Output[] = withMembers
      ? [{ stream: 'organization_members', data: { org_id: organization, ...member } }]
      : [];
    // A member without roles comes with an empty list, or without the field.
    const held = withRoles && Array.isArray(roles) ? (roles as JsonObject[]) : [];
    return outputs.concat(held.map((role) => roleOutput(organization, member['user_id'] as Json, role)));
  }

  function roleOutput(organization: string, user: Json, role: JsonObject): Output {
    const description = descriptions?.get(role['id'] as string);
    return {
      stream: 'organization_member_roles',
      data: { org_id: organization, user_id: user, ...role, description: description ?? null },
      ...(description === undefined ? { changes: unknownDescription } : {}),
    };
  }

  return {
    start: () => beginAt(0),
    next({ index, list }) {
      const organization = organizations[index];
      return organization === undefined ? undefined : pagingOf(organization).next(list);
    },
    advance({ index, list }, page) {
      const organization = organizations[index];
      if (organization === undefined) throw new Error('the members of all organizations have been read');
      const { cursor, fresh, repeated } = pagingOf(organization).advance(list, page);
      return {
        cursor: cursor.done ? beginAt(index + 1) : { index, list: cursor },
        outputs: fresh.flatMap((row) => outputsOf(organization, row)),
        repeated,
      };
    },
    // An organization that was deleted since it was listed.
    vanished: ({ index }) => beginAt(index + 1),
    expired: ({ index }) => beginAt(index),
  };
}
