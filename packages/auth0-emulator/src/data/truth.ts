import { createHash } from 'node:crypto';
import { type Json, type JsonObject, toText } from '../json';
import { viewClient, viewMember, viewMemberRole, viewUser } from '../query/views';
import type { EmulatedTenant } from './tenant';

export const truthStreams = [
  'clients',
  'users',
  'organizations',
  'organization_members',
  'organization_member_roles',
] as const;
export type TruthStream = (typeof truthStreams)[number];

/** One record that a whole copy holds: its key (ids joined by `,`, as `org_…,auth0|…,rol_…`) and its content. */
export interface TruthRecord {
  key: string;
  content: JsonObject;
}

/** The key of a record that several ids name together. */
export function joinKey(...ids: string[]): string {
  return ids.join(',');
}

const nonSecretScopes: ReadonlySet<string> = new Set(['read:clients']);

/**
 * What the tenant holds now, record by record, as a token without secret scopes would be told:
 * clients, users and organizations as listed; a member as `{user_id, picture, name, email}` without `org_id`; a member's
 * role as `{id, name, description}` without `org_id` and `user_id`.
 */
export const truthReaders: Record<TruthStream, (tenant: EmulatedTenant) => Generator<TruthRecord>> = {
  *clients({ clients }) {
    for (const { id, record } of clients.rows) yield { key: id, content: viewClient(record, nonSecretScopes) };
  },
  *users({ users }) {
    for (const user of users.iterateUsers()) yield { key: toText(user['user_id']), content: viewUser(user, nonSecretScopes) };
  },
  *organizations({ organizations }) {
    for (const { id, record } of organizations.rows) yield { key: id, content: record };
  },
  *organization_members({ organizations, memberships, users }) {
    for (const { id } of organizations.rows) {
      for (const member of memberships.list(id)) {
        yield { key: joinKey(id, member.id), content: viewMember(users.get(member.id) ?? {}) };
      }
    }
  },
  *organization_member_roles({ organizations, memberships }) {
    for (const { id } of organizations.rows) {
      for (const member of memberships.list(id)) {
        for (const role of memberships.resolveRoles(member)) {
          yield { key: joinKey(id, member.id, toText(role['id'])), content: viewMemberRole(role) };
        }
      }
    }
  },
};

/** The hash that stands for a record's content: SHA-256, in hexadecimal, of its canonical JSON. */
export function hashContent(content: JsonObject): string {
  return createHash('sha256').update(formatCanonicalJson(content)).digest('hex');
}

/** JSON without blanks, every object's keys in ascending order of their UTF-16 code units; values as JSON.stringify has them. */
function formatCanonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(formatCanonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${formatCanonicalJson(value[key] ?? null)}`).join(',')}}`;
}

/** Key → content hash of every record of a stream. */
export function readTruth(tenant: EmulatedTenant, stream: TruthStream): Map<string, string> {
  const truth = new Map<string, string>();
  for (const { key, content } of truthReaders[stream](tenant)) truth.set(key, hashContent(content));
  return truth;
}

/** Keys by stream, as `truth.ts` writes them. */
export type StreamKeys = Record<TruthStream, Set<string>>;

/** Which records were there all the time, and which at some time: what a copy made meanwhile must hold, and may hold. */
export interface KeyHistory {
  /** Has the time begin now; before, it begins with the tenant. */
  restartKeyHistory(): void;
  /** Keys of the records that existed from the beginning until now without interruption. */
  listKeysAlwaysPresent(): StreamKeys;
  /** Keys of the records that existed at any moment. */
  listKeysEverPresent(): StreamKeys;
}

/** `generate` makes the tenant anew as it was in the beginning: nothing is stored until somebody asks. */
export function createKeyHistory(tenant: EmulatedTenant, generateInitialTenant: () => EmulatedTenant): KeyHistory {
  let first: StreamKeys | undefined;
  let appeared = mapTruthStreams(() => new Set<string>());
  tenant.onAppearance((stream, key) => appeared[stream].add(key));
  const readFirst = (): StreamKeys => (first ??= readTenantKeys(generateInitialTenant()));

  return {
    restartKeyHistory() {
      first = readTenantKeys(tenant);
      appeared = mapTruthStreams(() => new Set<string>());
    },
    listKeysAlwaysPresent() {
      const [before, now] = [readFirst(), readTenantKeys(tenant)];
      return mapTruthStreams((stream) => {
        const isStill = (key: string): boolean => now[stream].has(key) && !appeared[stream].has(key);
        return new Set([...before[stream]].filter(isStill));
      });
    },
    listKeysEverPresent() {
      const before = readFirst();
      return mapTruthStreams((stream) => new Set([...before[stream], ...appeared[stream]]));
    },
  };
}

function readTenantKeys(tenant: EmulatedTenant): StreamKeys {
  return mapTruthStreams((stream) => {
    const keys = new Set<string>();
    for (const { key } of truthReaders[stream](tenant)) keys.add(key);
    return keys;
  });
}

function mapTruthStreams(selectKeys: (stream: TruthStream) => Set<string>): StreamKeys {
  return Object.fromEntries(truthStreams.map((stream) => [stream, selectKeys(stream)])) as StreamKeys;
}
