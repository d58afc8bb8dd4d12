import { encodeIndex, hash, decodeIndex, toHex } from './random';

/** How one kind of connection names its users. Each id holds the user's code, so that an id leads back to its index. */
export interface UserConnection {
  name: string;
  provider: string;
  isSocial: boolean;
  /** The id within the provider (`identities[].user_id`); `filler` is more random bits. */
  buildIdentity(code: number, filler: number): string | number;
  /** Finds the code in a user id of this kind. */
  pattern: RegExp;
  radix: 10 | 16;
}

const CODE_DIGITS = 10;

/** The first ones are the ones that tie blocks are spread over. Ids hold `|@.:/ +` as enterprise directories make them. */
export const USER_CONNECTIONS: readonly UserConnection[] = [
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
    buildIdentity: (code, filler) => `1${String(filler).padStart(CODE_DIGITS, '0')}${String(code).padStart(CODE_DIGITS, '0')}`,
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

/** The index that a user id was made from; any number when the id only looks like one of ours. */
export function parseUserIndex(seed: number, userId: string): number | undefined {
  for (const { pattern, radix } of USER_CONNECTIONS) {
    const code = pattern.exec(userId)?.[1];
    if (code !== undefined) return decodeIndex(seed, Number.parseInt(code, radix));
  }
  return undefined;
}
