import { type Json, type JsonObject, toText } from '../json';
import { plantSecret } from '../planted-secrets';
import { createDraws, decodeIndex, encodeIndex, hash, pick, toHex } from '../random';
import { generatePerson, type UserTimeline } from './population';

/** A connection and its user ids. Each id contains the user's code, from which the index is computed. */
export interface UserConnection {
  name: string;
  provider: string;
  isSocial: boolean;
  /** The provider's id (`identities[].user_id`). `filler`: additional random bits. */
  buildIdentity(code: number, filler: number): string | number;
  /** Matches the code in a user id. */
  pattern: RegExp;
  radix: 10 | 16;
}

const codeDigits = 10;

/** Tie blocks use the first ones. Ids contain `|@.:/ +`, as in enterprise directories. */
export const userConnections: readonly UserConnection[] = [
  {
    name: 'Username-Password-Authentication',
    provider: 'auth0',
    isSocial: false,
    buildIdentity: (code, filler) => `${toHex(filler)}${toHex(~filler >>> 0)}${toHex(code)}`,
    pattern: /^auth0\|[0-9a-f]{16}([0-9a-f]{8})$/,
    radix: 16,
  },
  {
    name: 'google-oauth2',
    provider: 'google-oauth2',
    isSocial: true,
    buildIdentity: (code, filler) => `1${String(filler).padStart(codeDigits, '0')}${String(code).padStart(codeDigits, '0')}`,
    pattern: /^google-oauth2\|1\d{10}(\d{10})$/,
    radix: 10,
  },
  {
    name: 'corp-saml',
    provider: 'samlp',
    isSocial: false,
    buildIdentity: (code) => `corp-saml|person+${toHex(code)}@example.com`,
    pattern: /^samlp\|corp-saml\|person\+([0-9a-f]{8})@example\.com$/,
    radix: 16,
  },
  {
    name: 'office365-staff',
    provider: 'office365',
    isSocial: false,
    buildIdentity: (code) => `10030000${toHex(code).toUpperCase()}@MicrosoftOnline.example`,
    pattern: /^office365\|10030000([0-9A-F]{8})@MicrosoftOnline\.example$/,
    radix: 16,
  },
  {
    name: 'corp-directory',
    provider: 'ad',
    isSocial: false,
    buildIdentity: (code) => `corp-directory|people/field staff:${toHex(code)}`,
    pattern: /^ad\|corp-directory\|people\/field staff:([0-9a-f]{8})$/,
    radix: 16,
  },
  {
    name: 'legacy-users',
    provider: 'auth0',
    isSocial: false,
    buildIdentity: (code) => code,
    pattern: /^auth0\|(\d{1,10})$/,
    radix: 10,
  },
  {
    name: 'email',
    provider: 'email',
    isSocial: false,
    buildIdentity: (code, filler) => `${toHex(filler)}${toHex(~filler >>> 0)}${toHex(code)}`,
    pattern: /^email\|[0-9a-f]{16}([0-9a-f]{8})$/,
    radix: 16,
  },
  {
    name: 'sms',
    provider: 'sms',
    isSocial: false,
    buildIdentity: (code, filler) => `${toHex(filler)}${toHex(~filler >>> 0)}${toHex(code)}`,
    pattern: /^sms\|[0-9a-f]{16}([0-9a-f]{8})$/,
    radix: 16,
  },
];

export function buildUserIdentity(connection: UserConnection, seed: number, index: number): string | number {
  return connection.buildIdentity(encodeIndex(seed, index), hash(seed, 2, index));
}

/** The index in a user id. Arbitrary for an id that only matches the format. */
export function parseUserIndex(seed: number, userId: string): number | undefined {
  for (const { pattern, radix } of userConnections) {
    const code = pattern.exec(userId)?.[1];
    if (code !== undefined) return decodeIndex(seed, Number.parseInt(code, radix));
  }
  return undefined;
}

const { floor } = Math;

/** A user's record before its edge case is applied. */
interface UserDraft {
  record: JsonObject;
  code: number;
  seed: number;
  index: number;
}

/** Data of real tenants that breaks copies. Every eleventh user is one of these, in turn. */
const edgeCaseEdits: readonly ((draft: UserDraft) => void)[] = [
  ({ record }) => {
    delete record['email'];
    delete record['email_verified'];
    record['username'] = record['nickname'] ?? null;
  },
  ({ record }) => {
    record['user_metadata'] = { flag: true, score: 7.25, tags: ['a', 1, null, false], nested: { deep: [{ x: null }] } };
  },
  ({ record }) => {
    record['user_metadata'] = { flag: 'true', score: '7.25', tags: 'a', nested: 'none' };
  },
  ({ record }) => {
    record['name'] = 'Zoë Ångström 山田 👩‍👩‍👧 \u202Eabc';
    record['given_name'] = 'Zoë\u2028';
    record['family_name'] = 'O\'Neil "quoted" \\ back\tslash\nline';
  },
  ({ record, code }) => {
    record['upn'] = `person-${code}@corp.example.com`;
    record['groups'] = ['staff', 'field staff'];
    record['locale'] = 'en-GB';
    record['https://example.com/claims/tier'] = { level: 3 };
  },
  ({ record, code, seed, index }) => {
    const linked: JsonObject = {
      connection: 'github',
      provider: 'github',
      user_id: code % 100_000,
      isSocial: true,
      profileData: { name: 'Linked Person', email: `linked-${code}@example.org`, nickname: 'linked' },
      access_token: plantSecret('idp-access', seed, index),
      access_token_secret: plantSecret('idp-token', seed, index),
    };
    record['identities'] = [...(record['identities'] as Json[]), linked];
  },
  ({ record, code }) => {
    record['phone_number'] = `+1555${String(code % 10_000_000).padStart(7, '0')}`;
    record['phone_verified'] = true;
    record['multifactor'] = ['guardian'];
    record['multifactor_last_modified'] = record['created_at'] ?? null;
    record['guardian_authenticators'] = [{ type: 'push', confirmed: true }];
  },
  ({ record }) => {
    record['blocked'] = true;
    record['blocked_for'] = [{ identifier: 'x@example.com', ip: '203.0.113.9' }];
    record['app_metadata'] = { plan: 'enterprise', seats: 2 ** 53, ratio: 1e-7, 'dotted.key': 1, '': 'empty key' };
  },
  ({ record }) => {
    record['app_metadata'] = { notes: 'x'.repeat(20_000) };
    record['picture'] = '';
  },
];
const edgeCaseInterval = 11;
/** The largest profile that user search returns. */
const hugeProfileBytes = 1_000_000;

/** One in ten users has a rare connection, in turn; the others have a password or a social login. */
function chooseConnection(timeline: UserTimeline, seed: number, index: number, edgeCases: boolean): UserConnection {
  const tied = timeline.findTiedConnection(index);
  if (tied !== undefined) return pick(userConnections, tied);
  if (edgeCases && index % 10 === 3) return pick(userConnections.slice(2), floor(index / 10));
  return pick(userConnections.slice(0, 2), hash(seed, 5, index) % 10 < 7 ? 0 : 1);
}

export function generateUserId(timeline: UserTimeline, seed: number, index: number, edgeCases: boolean): string {
  const connection = chooseConnection(timeline, seed, index, edgeCases);
  return `${connection.provider}|${buildUserIdentity(connection, seed, index)}`;
}

/** Generates a user, including the tokens of identity providers. */
export function buildUser(timeline: UserTimeline, seed: number, index: number, edgeCases: boolean): JsonObject {
  const draw = createDraws(seed, 6, index);
  const code = encodeIndex(seed, index);
  const connection = chooseConnection(timeline, seed, index, edgeCases);
  const person = generatePerson(draw, code);
  const identity: JsonObject = {
    connection: connection.name,
    provider: connection.provider,
    user_id: buildUserIdentity(connection, seed, index),
    isSocial: connection.isSocial,
  };
  if (connection.isSocial) {
    identity['access_token'] = plantSecret('idp-access', seed, index);
    identity['refresh_token'] = plantSecret('idp-refresh', seed, index);
  }
  const record: JsonObject = {
    user_id: `${connection.provider}|${toText(identity['user_id'])}`,
    email: person.email,
    email_verified: draw() % 4 !== 0,
    name: person.name,
    nickname: person.nickname,
    picture: person.picture,
    identities: [identity],
  };
  if (!timeline.missingCreatedAt.has(index)) record['created_at'] = formatIso(timeline.getCreatedAt(index));
  if (!timeline.missingUpdatedAt.has(index)) record['updated_at'] = formatIso(timeline.getUpdatedAt(index));
  addSignIns(record, timeline, index, draw);
  if (draw() % 3 === 0) record['app_metadata'] = { plan: pick(['free', 'team', 'scale'], draw()), seats: draw() % 50 };
  if (draw() % 3 === 0)
    record['user_metadata'] = { theme: pick(['dark', 'light'], draw()), newsletter: draw() % 2 === 0 };
  if (draw() % 4 === 0) Object.assign(record, { given_name: person.givenName, family_name: person.familyName });
  if (edgeCases && index % edgeCaseInterval === 5) {
    pick(edgeCaseEdits, floor(index / edgeCaseInterval))({ record, code, seed, index });
  }
  if (timeline.hugeProfiles.has(index)) record['app_metadata'] = { notes: 'x'.repeat(hugeProfileBytes) };
  return record;
}

/** Only users who have signed in have `last_login`, `last_ip` and `logins_count`. A sign-in is an update. */
function addSignIns(record: JsonObject, timeline: UserTimeline, index: number, draw: () => number): void {
  if (timeline.getUpdatedAt(index) === timeline.getCreatedAt(index)) return;
  record['last_login'] = formatIso(timeline.getUpdatedAt(index));
  record['last_ip'] = `198.51.100.${draw() % 256}`;
  record['logins_count'] = 1 + (draw() % 400);
}

export function formatIso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
