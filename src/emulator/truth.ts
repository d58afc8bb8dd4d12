import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../json';
import type { Tenant } from './tenant';
import { viewClient, viewMember, viewMemberRole, viewUser } from './views';
import { textOf } from './text';

export const TRUTH_STREAMS = [
  'clients',
  'users',
  'organizations',
  'organization_members',
  'organization_member_roles',
] as const;
export type TruthStream = (typeof TRUTH_STREAMS)[number];

/** One record that a whole copy holds: its key (ids joined by `,`, as `org_…,auth0|…,rol_…`) and its content. */
export interface TrueRecord {
  key: string;
  content: JsonObject;
}

/** The key of a record that several ids name together. */
export function keyOf(...ids: string[]): string {
  return ids.join(',');
}

const NO_SCOPES: ReadonlySet<string> = new Set(['read:clients']);

/**
 * What the tenant holds now, record by record, as a token without secret scopes would be told:
 * clients, users and organizations as listed; a member as `{user_id, picture, name, email}` without `org_id`; a member's
 * role as `{id, name, description}` without `org_id` and `user_id`.
 */
export const TRUTH: Record<TruthStream, (tenant: Tenant) => Generator<TrueRecord>> = {
  *clients({ clients }) {
    for (const { id, record } of clients.rows) yield { key: id, content: viewClient(record, NO_SCOPES) };
  },
  *users({ users }) {
    for (const user of users.all()) yield { key: textOf(user['user_id']), content: viewUser(user, NO_SCOPES) };
  },
  *organizations({ organizations }) {
    for (const { id, record } of organizations.rows) yield { key: id, content: record };
  },
  *organization_members({ organizations, memberships, users }) {
    for (const { id } of organizations.rows) {
      for (const member of memberships.of(id)) {
        yield { key: keyOf(id, member.id), content: viewMember(users.get(member.id) ?? {}) };
      }
    }
  },
  *organization_member_roles({ organizations, memberships }) {
    for (const { id } of organizations.rows) {
      for (const member of memberships.of(id)) {
        for (const role of memberships.rolesOf(member)) {
          yield { key: keyOf(id, member.id, textOf(role['id'])), content: viewMemberRole(role) };
        }
      }
    }
  },
};

/** The hash that stands for a record's content: SHA-256, in hexadecimal, of its canonical JSON. */
export function hashContent(content: JsonObject): string {
  return createHash('sha256').update(writeCanonically(content)).digest('hex');
}

/** JSON without blanks, every object's keys in ascending order of their UTF-16 code units; values as JSON.stringify has them. */
function writeCanonically(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(writeCanonically).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${writeCanonically(value[key] ?? null)}`).join(',')}}`;
}

/** Key → content hash of every record of a stream. */
export function readTruth(tenant: Tenant, stream: TruthStream): Map<string, string> {
  const truth = new Map<string, string>();
  for (const { key, content } of TRUTH[stream](tenant)) truth.set(key, hashContent(content));
  return truth;
}
