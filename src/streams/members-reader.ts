import { endpoints } from '../auth0/endpoints';
import { UnexpectedAnswer } from '../auth0/errors';
import { createListPaging, type ListCursor, type ListPaging } from '../auth0/paging/list';
import type { Json, JsonObject } from '../json';
import type { FieldChange } from '../staging/segment';
import type { Lookup, LookupResults, RolesSource } from './fetch-task';
import { createFingerprintOutput, isRestarted } from './list-readers';
import type { Reader, ReaderOutput } from './stream-reader';

/** Where the reading of some organizations' members stands. */
export type MembersCursor = {
  /** Organizations read to their end. */
  index: number;
  /** Place in the member list of the next one. */
  list: ListCursor;
};

/** Role id → description (null: the role has none). */
export type RoleDescriptions = ReadonlyMap<string, string | null>;

export interface MembersReaderOptions {
  /** Which of the member streams are wanted. */
  streams: readonly string[];
  /** Ids of the organizations. */
  organizations: readonly string[];
  rolesSource: RolesSource;
  /** Of the tenant's own roles; undefined when they can't be read. */
  descriptions: RoleDescriptions | undefined;
}

const unknownDescription: FieldChange[] = [
  { field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' },
];

/**
 * The members of some organizations and the roles they hold there, from one reading of each member list: roles come
 * inline when they are asked for by name, with id and name (GET /organizations/{id}/members, parameter `fields`).
 */
export function createMembersReader(options: MembersReaderOptions): Reader<MembersCursor> {
  const { streams, organizations, rolesSource, descriptions } = options;
  const withMembers = streams.includes('organization_members');
  const withRoles = streams.includes('organization_member_roles');
  const inline = withRoles && rolesSource === 'inline';
  const fields = `user_id${withMembers ? ',email,picture,name' : ''}${inline ? ',roles' : ''}`;

  function pagingOf(organization: string): ListPaging {
    return createListPaging(endpoints.members(organization, { fields }), 'checkpoint');
  }

  function organizationAt(index: number): string {
    const organization = organizations[index];
    if (organization === undefined) throw new Error('the members of all organizations have been read');
    return organization;
  }

  function beginAt(index: number): MembersCursor {
    return { index, list: pagingOf('').start() };
  }

  function lookupsOf(organization: string, members: readonly JsonObject[]): Lookup[] {
    if (withRoles && !inline) {
      return members.map((member) => ({ kind: 'member-roles', organization, user: member['user_id'] as string }));
    }
    // Without the scope for roles, those of an organization are as unknown as the tenant's.
    if (!inline || !descriptions) return [];
    const held = new Set(members.flatMap(readInlineRoles).map((role) => role['id'] as string));
    return [...held].filter((role) => !descriptions.has(role)).map((role) => ({ kind: 'role', organization, role }));
  }

  function outputsOf(organization: string, { roles, ...member }: JsonObject, found: LookupResults): ReaderOutput[] {
    const user = member['user_id'] as string;
    const outputs: ReaderOutput[] = withMembers
      ? [{ stream: 'organization_members', data: { org_id: organization, ...member } }]
      : [];
    if (!withRoles) return outputs;
    const held = inline ? readInlineRoles({ roles: roles ?? [] }) : (found.memberRoles.get(user) ?? []);
    return outputs.concat(held.map((role) => roleOutput(organization, user, role, found)));
  }

  function roleOutput(organization: string, user: string, role: JsonObject, found: LookupResults): ReaderOutput {
    const id = role['id'] as string;
    const told = inline ? (descriptions?.get(id) ?? found.descriptions.get(id)) : (role['description'] ?? null);
    const known = told !== undefined || descriptions?.has(id) === true;
    return {
      stream: 'organization_member_roles',
      data: { org_id: organization, user_id: user, ...role, description: told ?? null },
      ...(known ? {} : { changes: unknownDescription }),
    };
  }

  return {
    start: () => beginAt(0),
    next({ index, list }) {
      const organization = organizations[index];
      return organization === undefined ? undefined : pagingOf(organization).next(list);
    },
    listLookups: ({ index }, { rows }) => lookupsOf(organizationAt(index), rows),
    advance({ index, list }, page, { delivered, lookupResults }) {
      const organization = organizationAt(index);
      // Somebody may be a member of many organizations.
      const printOf = (print: string): string => `${index}:${print}`;
      const isDelivered = (print: string): boolean => delivered.has(printOf(print));
      const { cursor, fresh, fingerprints, repeated } = pagingOf(organization).advance(list, page, isDelivered);
      const outputs = fresh.flatMap((row) => outputsOf(organization, row, lookupResults));
      return {
        cursor: cursor.done ? beginAt(index + 1) : { index, list: cursor },
        outputs: [...outputs, ...fingerprints.map((print) => createFingerprintOutput(printOf(print)))],
        rows: fresh.length,
        repeated,
        notes: { undescribed: outputs.filter(({ changes }) => changes).length },
      };
    },
    // An organization that was deleted since it was listed.
    skipVanished: ({ index }) => beginAt(index + 1),
    restart: ({ index }) => ({ index, list: pagingOf('').restart() }),
    isRestarted: ({ list }) => isRestarted(list),
  };
}

/** A member without roles comes with an empty list, or without the field. Throws UnexpectedAnswer for anything else. */
function readInlineRoles({ roles }: JsonObject): JsonObject[] {
  const held = roles ?? [];
  if (!Array.isArray(held) || !held.every(isRole)) {
    throw new UnexpectedAnswer('GET organizations/{id}/members', 'a member whose roles are not a list of roles');
  }
  return held;
}

function isRole(role: Json): role is JsonObject {
  return typeof role === 'object' && role !== null && !Array.isArray(role) && typeof role['id'] === 'string';
}
