import path from 'node:path';
import { defined } from '../json';
import { type CredentialSettings, findSecretKey } from './credentials';
import type { ShellContext } from './environment';
import type { ConnectionSource } from './project';

/**
 * Completes a tenant's settings from the variables that Auth0's own tools read (Deploy CLI, and AUTH0_API_TOKEN of the
 * Terraform provider), as references to them. A variable applies to one tenant, a file lists many: so variables never
 * change a setting of the file. As in those tools, a token takes precedence over a key, and a key over a secret. The
 * audience is used only when the tenant or the client comes from a variable, since it belongs to one of them.
 */
export function applyAuth0Variables(source: ConnectionSource, shell: ShellContext): ConnectionSource {
  const referTo = (name: string): string | undefined => (shell.env[name] ? `env:${name}` : undefined);
  const domain = (source.domain ?? source.base_url) === undefined ? referTo('AUTH0_DOMAIN') : undefined;
  const added = selectCredentials(source.credentials, shell, referTo);
  const usesVariables = domain !== undefined || Object.keys(added).length > 0;
  const audience = source.audience ?? (usesVariables ? referTo('AUTH0_AUDIENCE') : undefined);
  return {
    ...source,
    ...defined({ domain: source.domain ?? domain, audience }),
    credentials: { ...source.credentials, ...added },
  };
}

/** The credentials to add. */
function selectCredentials(
  credentials: CredentialSettings,
  { env, cwd }: ShellContext,
  referTo: (name: string) => string | undefined,
): CredentialSettings {
  const { client_id, algorithm } = credentials;
  const secretKey = findSecretKey(credentials);
  if (secretKey === 'access_token') return {};
  const isEmpty = secretKey === undefined && client_id === undefined;
  const token = isEmpty ? (referTo('AUTH0_ACCESS_TOKEN') ?? referTo('AUTH0_API_TOKEN')) : undefined;
  if (token !== undefined) return { access_token: token };
  const client = defined({ client_id: client_id === undefined ? referTo('AUTH0_CLIENT_ID') : undefined });
  if (secretKey !== undefined) return client;
  const { AUTH0_CLIENT_SIGNING_KEY_PATH: key } = env;
  if (!key) return { ...client, ...defined({ client_secret: referTo('AUTH0_CLIENT_SECRET') }) };
  return {
    ...client,
    // Relative to the working directory, as in Auth0's Deploy CLI.
    private_key: `file:${path.resolve(cwd, key)}`,
    ...defined({ algorithm: algorithm ?? referTo('AUTH0_CLIENT_SIGNING_ALGORITHM') }),
  };
}
