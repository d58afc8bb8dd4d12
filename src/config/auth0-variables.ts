import path from 'node:path';
import type { ShellContext, Variables } from './environment';
import type { ConnectionSource } from './project';

type SourceCredentials = ConnectionSource['credentials'];

/**
 * The tenant's settings with what they leave out taken from the variables that Auth0's own tools read (Deploy CLI, and
 * AUTH0_API_TOKEN of the Terraform provider), as references to them. A variable stands for one tenant, while a file names
 * many: so variables complete a connection and never change what it says. As with those tools, a token comes before a key,
 * and a key before a secret. An audience belongs to a tenant or its client, and comes along with one of these only.
 */
export function applyAuth0Variables(source: ConnectionSource, shell: ShellContext): ConnectionSource {
  const { domain, base_url, audience } = source;
  const take = (name: string): string | undefined => (isSet(shell.env, name) ? `env:${name}` : undefined);
  const tenant = (domain ?? base_url) ? undefined : take('AUTH0_DOMAIN');
  const credentials = completeCredentials(source.credentials, shell, take);
  const foreign = tenant !== undefined || Object.keys(credentials).length > Object.keys(source.credentials).length;
  const named = audience === undefined && foreign ? take('AUTH0_AUDIENCE') : undefined;
  return {
    ...source,
    ...(tenant !== undefined && { domain: tenant }),
    credentials,
    ...(named !== undefined && { audience: named }),
  };
}

function completeCredentials(
  credentials: SourceCredentials,
  shell: ShellContext,
  referenceTo: (name: string) => string | undefined,
): SourceCredentials {
  const { client_id, client_secret, private_key, access_token } = credentials;
  if (access_token !== undefined) return credentials;
  const nothing = (client_id ?? client_secret ?? private_key) === undefined;
  const token = nothing ? (referenceTo('AUTH0_ACCESS_TOKEN') ?? referenceTo('AUTH0_API_TOKEN')) : undefined;
  if (token !== undefined) return { ...credentials, access_token: token };
  const client = client_id ?? referenceTo('AUTH0_CLIENT_ID');
  const proof = (client_secret ?? private_key) === undefined ? findProof(credentials, shell, referenceTo) : {};
  return { ...credentials, ...(client !== undefined && { client_id: client }), ...proof };
}

function findProof(
  credentials: SourceCredentials,
  shell: ShellContext,
  referenceTo: (name: string) => string | undefined,
): SourceCredentials {
  const { AUTH0_CLIENT_SIGNING_KEY_PATH: key } = shell.env;
  if (key !== undefined && key !== '') {
    const algorithm = credentials.algorithm ?? referenceTo('AUTH0_CLIENT_SIGNING_ALGORITHM');
    // Relative to where the command is run, as with Auth0's Deploy CLI.
    return { private_key: `file:${path.resolve(shell.cwd, key)}`, ...(algorithm !== undefined && { algorithm }) };
  }
  const secret = referenceTo('AUTH0_CLIENT_SECRET');
  return secret === undefined ? {} : { client_secret: secret };
}

function isSet(variables: Variables, name: string): boolean {
  return (variables[name] ?? '') !== '';
}
