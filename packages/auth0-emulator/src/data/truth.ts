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

/** A record of a complete copy: its key (ids joined by `,`: `org_…,auth0|…,rol_…`) and content. */
export interface TruthRecord {
  key: string;
  content: JsonObject;
}

/** The key of a record with several ids. */
export function joinKey(...ids: string[]): string {
  return ids.join(',');
}

const nonSecretScopes: ReadonlySet<string> = new Set(['read:clients']);

/**
 * All current records, as a token without secret scopes reads them: clients, users and organizations as listed; a member as
 * `{user_id, picture, name, email}` without `org_id`; a member's role as `{id, name, description}` without `org_id` and
 * `user_id`.
 *
 * @example for (const { key, content } of truthReaders.users(emulator.tenant)) compare(key, content);
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

/** The SHA-256 of a record's canonical JSON, in hexadecimal. */
export function hashContent(content: JsonObject): string {
  return createHash('sha256').update(formatCanonicalJson(content)).digest('hex');
}

/** JSON without whitespace, with object keys in ascending order of their UTF-16 code units. */
function formatCanonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(formatCanonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${formatCanonicalJson(value[key] ?? null)}`).join(',')}}`;
}

/** The content hash of every record of a stream, by key. */
export function readTruth(tenant: EmulatedTenant, stream: TruthStream): Map<string, string> {
  const truth = new Map<string, string>();
  for (const { key, content } of truthReaders[stream](tenant)) truth.set(key, hashContent(content));
  return truth;
}

/** Record keys by stream. */
export type StreamKeys = Record<TruthStream, Set<string>>;

/** The records that existed during a whole period, and at any time in it: what a copy must and may contain. */
export interface KeyHistory {
  /** Starts the period now. Initially it starts with the tenant. */
  restartKeyHistory(): void;
  /** Keys of the records that existed during the whole period. */
  listKeysAlwaysPresent(): StreamKeys;
  /** Keys of the records that existed at any time in the period. */
  listKeysEverPresent(): StreamKeys;
}

/** @param generateInitialTenant generates the initial tenant again, so no keys are stored before they are needed */
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
