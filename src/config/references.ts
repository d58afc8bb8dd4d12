import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '../errors';
import { normaliseTimestamp } from '../timestamp';
import { applyAuth0Variables } from './auth0-variables';
import { readEnvironment, type ShellContext, type Variables } from './environment';
import type { Connection, ConnectionSource, Destination } from './project';
import { toReadOptions } from './read-options';
import { parseSourceConfig, type SourceConfig } from './source';

const nextStepAdvice =
  'Correct the project file, or set AUTH0_DOMAIN, AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET for values it does not contain.';

/**
 * The connection's tenant, completed from Auth0's variables, with every `env:NAME` and `file:PATH` replaced by what it
 * stands for. To be called when the values are needed, so that a rotated secret is used without a restart.
 * @throws ConfigError naming the missing variable or file, or what is wrong with the settings
 */
export async function resolveSecrets(connection: Connection, shell: ShellContext): Promise<SourceConfig> {
  const prefix = `connections.${connection.name}`;
  const resolve = async (settings: Record<string, string | undefined>, where: string) => {
    const resolved: Record<string, string> = {};
    for (const [key, value] of Object.entries(settings)) {
      if (value !== undefined)
        resolved[key] = await resolveValue(value, `${where}.${key}`, connection.folder, shell.env);
    }
    return resolved;
  };
  const where = `${prefix}.credentials`;
  const {
    access_token: token,
    client_id: client,
    client_secret: secret,
    private_key: key,
  } = connection.source.credentials;
  if (token !== undefined && (client ?? secret ?? key) !== undefined) {
    throw new ConfigError(`${where} has both an access token and a client`, where, 'Remove one of them.');
  }
  if (secret !== undefined && key !== undefined) {
    throw new ConfigError(`${where} has both a client secret and a private key`, where, 'Remove one of them.');
  }
  const { credentials, audience, domain, base_url, start_date, ...settings } = applyAuth0Variables(
    connection.source,
    shell,
  );
  return parseSourceConfig(
    {
      ...settings,
      ...readEnvironment(shell).pacing,
      ...(await resolve({ domain, base_url, start_date }, prefix)),
      credentials: {
        auth_type: toAuthType(credentials),
        ...(await resolve({ audience }, prefix)),
        ...(await resolve(credentials, where)),
      },
    },
    prefix,
    nextStepAdvice,
  );
}

/** Airbyte's word for the way to sign in that the given keys belong to. */
function toAuthType({ access_token: token, private_key: key }: ConnectionSource['credentials']): string {
  if (token !== undefined) return 'oauth2_access_token';
  return key === undefined ? 'oauth2_confidential_application' : 'private_key_jwt';
}

/**
 * From when and how the connection's tenant is read, without its secrets: all that whoever starts a sync has to know,
 * when its workers are elsewhere.
 * @throws ConfigError as `resolveSecrets` does
 */
export async function resolveReadOptions(
  connection: Connection,
  { env }: ShellContext,
): Promise<Pick<SourceConfig, 'startDate' | 'readOptions'>> {
  const readOptions = toReadOptions(connection.source);
  const { start_date: written } = connection.source;
  if (written === undefined) return { readOptions };
  const where = `connections.${connection.name}.start_date`;
  const value = await resolveValue(written, where, connection.folder, env);
  const startDate = normaliseTimestamp(value);
  if (startDate === undefined) {
    throw new ConfigError(`${where} is not an ISO 8601 date or time`, where, 'Use a form such as 2024-01-31.');
  }
  return { startDate, readOptions };
}

/**
 * Where the connection's records go, with the reference replaced by what it stands for; to be called when it is needed.
 * @throws ConfigError as `resolveSecrets` does
 */
export async function resolveDestination(
  { name, destination, folder }: Connection,
  { env }: ShellContext,
): Promise<Destination> {
  if (destination.kind === 'files') return destination;
  const where = `connections.${name}.destination.postgres.url`;
  const url = await resolveValue(destination.url, where, folder, env);
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return { ...destination, url };
  const example = 'Use postgres://role:password@host:5432/database, with special characters percent-encoded (%XX).';
  throw new ConfigError(`${where} is not a Postgres URL`, where, example);
}

const referencePattern = /^(env|file):(.+)$/s;

/** What a setting refers to; undefined when it is the value itself. */
export function parseReference(value: string): { kind: 'env' | 'file'; target: string } | undefined {
  const [, kind, target] = referencePattern.exec(value) ?? [];
  return target === undefined ? undefined : { kind: kind === 'env' ? 'env' : 'file', target };
}

/**
 * A setting with its reference replaced by what it stands for.
 * @param where path of the setting, for messages
 * @throws ConfigError naming the variable that is not set or the file that cannot be read
 */
export async function resolveValue(
  value: string,
  where: string,
  folder: string,
  variables: Variables,
): Promise<string> {
  const { kind, target } = parseReference(value) ?? {};
  if (target === undefined) return value;
  return kind === 'env'
    ? readVariable(target, where, variables)
    : readReferencedFile(path.resolve(folder, target), where);
}

function readVariable(name: string, where: string, variables: Variables): string {
  const value = variables[name];
  if (value !== undefined && value !== '') return value;
  throw new ConfigError(`the environment variable ${name}, referenced by ${where}, is not set`, where, `Set ${name}.`);
}

async function readReferencedFile(file: string, where: string): Promise<string> {
  const content = await readFile(file, 'utf8').catch((cause: unknown) => {
    const what = `the file ${file}, referenced by ${where}, cannot be read`;
    throw new ConfigError(what, where, 'Create it, or grant this user read permission.', { cause });
  });
  if (content.trim() !== '') return content.trim();
  throw new ConfigError(`the file ${file}, referenced by ${where}, is empty`, where, 'Write the value into it.');
}
