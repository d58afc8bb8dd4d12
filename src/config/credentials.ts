import { ConfigError } from '../errors';
import { defined } from '../json';
import { parseReference, type WrittenConnection } from './project-file';

/** `credentials` of a connection as written in the project file. Values may be references. */
export type CredentialSettings = NonNullable<WrittenConnection['credentials']>;

/** The keys that authenticate, which are also the secret ones; in order of precedence among the AUTH0_* variables. */
export const secretKeys = ['access_token', 'private_key', 'client_secret'] as const;
export type SecretKey = (typeof secretKeys)[number];

/** The secret that a connection authenticates with; undefined when none is set. */
export function findSecretKey(credentials: CredentialSettings): SecretKey | undefined {
  return secretKeys.find((key) => credentials[key] !== undefined);
}

/** Two methods that exclude each other, as the continuation of a path; undefined when there is no conflict. */
export function findCredentialConflict(credentials: CredentialSettings): string | undefined {
  const { client_id, client_secret, private_key, access_token } = credentials;
  if (access_token !== undefined && (client_id ?? client_secret ?? private_key) !== undefined) {
    return 'has both an access token and a client';
  }
  return client_secret !== undefined && private_key !== undefined
    ? 'has both a client secret and a private key'
    : undefined;
}

/** `auth_type` of a configuration of the Airbyte source. */
export function toAuthType(credentials: CredentialSettings): string {
  const authTypes = {
    access_token: 'oauth2_access_token',
    private_key: 'private_key_jwt',
    client_secret: 'oauth2_confidential_application',
  };
  return authTypes[findSecretKey(credentials) ?? 'client_secret'];
}

/** The options that set credentials. */
export const credentialOptions = {
  clientId: '--client-id',
  clientSecret: '--client-secret',
  privateKey: '--private-key',
  accessToken: '--access-token',
} as const;
export type CredentialFlags = { [Key in keyof typeof credentialOptions]?: string };

/** @throws ConfigError when a secret is not a reference: other users of the machine can read command lines */
export function readCredentialFlags(flags: CredentialFlags): CredentialSettings {
  for (const key of ['clientSecret', 'privateKey', 'accessToken'] as const) {
    const value = flags[key];
    if (value === undefined || parseReference(value)) continue;
    const option = credentialOptions[key];
    const nextStep = `Use ${option} env:NAME or ${option} file:PATH; secrets must not appear on the command line.`;
    throw new ConfigError(`${option} is not a reference`, option, nextStep);
  }
  const { clientId, clientSecret, privateKey, accessToken } = flags;
  return defined({
    client_id: clientId,
    client_secret: clientSecret,
    private_key: privateKey,
    access_token: accessToken,
  });
}

/** The stored credentials, changed by options: another secret replaces the stored one; the client can stay. */
export function replaceCredentials(stored: CredentialSettings, given: CredentialSettings): CredentialSettings {
  const secret = findSecretKey(given);
  if (secret === undefined) return { ...stored, ...given };
  return { ...(secret !== 'access_token' && defined({ client_id: stored.client_id })), ...given };
}

/** The options to add before a connection can authenticate. */
export function listMissingCredentialOptions(credentials: CredentialSettings): string[] {
  const secret = findSecretKey(credentials);
  return [
    ...(credentials.client_id === undefined && secret !== 'access_token' ? ['--client-id'] : []),
    ...(secret === undefined ? ['--client-secret (or --private-key, or --access-token)'] : []),
  ];
}
