import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '../errors';
import { normaliseTimestamp } from '../timestamp';
import { applyAuth0Variables } from './auth0-variables';
import { findCredentialConflict, toAuthType } from './credentials';
import { readEnvironment, type ShellContext, type Variables } from './environment';
import { type Connection, describeSetting, type Destination } from './project';
import { parseReference } from './project-file';
import { toReadOptions } from './reading-settings';
import { parseSourceConfig, type SourceConfig } from './source';

/**
 * The settings of the connection's tenant, completed from Auth0's variables, with the values of references. Call it when
 * the values are needed: rotated secrets then need no restart.
 * @throws ConfigError that names the missing variable or file, or the invalid settings
 */
export async function resolveSecrets(connection: Connection, shell: ShellContext): Promise<SourceConfig> {
  const describePath = (key: string): string => describeSetting(connection, key);
  const conflict = findCredentialConflict(connection.source.credentials);
  if (conflict !== undefined) {
    const where = describePath('credentials');
    throw new ConfigError(`${where} ${conflict}`, where, 'Remove one of them.');
  }
  const resolve = async (
    settings: Record<string, string | undefined>,
    prefix = '',
  ): Promise<Record<string, string>> => {
    const resolved: Record<string, string> = {};
    for (const [key, value] of Object.entries(settings)) {
      const where = describePath(`${prefix}${key}`);
      if (value !== undefined) resolved[key] = await resolveValue(value, where, connection.folder, shell.env);
    }
    return resolved;
  };
  const source = applyAuth0Variables(connection.source, shell);
  const { credentials, audience, domain, base_url, start_date, ...settings } = source;
  const config = {
    ...settings,
    ...readEnvironment(shell).pacing,
    ...(await resolve({ domain, base_url, start_date })),
    credentials: {
      auth_type: toAuthType(credentials),
      ...(await resolve({ audience })),
      ...(await resolve(credentials, 'credentials.')),
    },
  };
  return parseSourceConfig(config, {
    describePath,
    nextStep:
      `Correct the ${connection.isFromOptions ? 'options' : 'project file'}, or set AUTH0_DOMAIN, AUTH0_CLIENT_ID and ` +
      'AUTH0_CLIENT_SECRET for missing values.',
  });
}

/**
 * The start date and the read options, without secrets: what the start of a sync needs when other workers run it.
 * @throws ConfigError as `resolveSecrets` does
 */
export async function resolveReadOptions(
  connection: Connection,
  { env }: ShellContext,
): Promise<Pick<SourceConfig, 'startDate' | 'readOptions'>> {
  const readOptions = toReadOptions(connection.source);
  const { start_date: written } = connection.source;
  if (written === undefined) return { readOptions };
  const where = describeSetting(connection, 'start_date');
  const value = await resolveValue(written, where, connection.folder, env);
  const startDate = normaliseTimestamp(value);
  if (startDate === undefined) {
    throw new ConfigError(`${where} is not an ISO 8601 date or time`, where, 'Use a form such as 2024-01-31.');
  }
  return { startDate, readOptions };
}

/**
 * The connection's destination, with the value of its reference. Call it when it is needed.
 * @throws ConfigError as `resolveSecrets` does
 */
export async function resolveDestination(connection: Connection, { env }: ShellContext): Promise<Destination> {
  const { destination, folder } = connection;
  if (destination.kind === 'files') return destination;
  const where = describeSetting(connection, 'destination.postgres.url');
  const url = await resolveValue(destination.url, where, folder, env);
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return { ...destination, url };
  const example = 'Use postgres://role:password@host:5432/database, with special characters percent-encoded (%XX).';
  throw new ConfigError(`${where} is not a Postgres URL`, where, example);
}

/**
 * A setting, or the value of its reference.
 * @param where name of the setting, for messages
 * @throws ConfigError that names the missing variable or the unreadable file
 */
export async function resolveValue(
  value: string,
  where: string,
  folder: string,
  variables: Variables,
): Promise<string> {
  const { kind, target } = parseReference(value) ?? {};
  if (target === undefined) return value;
  if (kind === 'file') return readReferencedFile(path.resolve(folder, target), where);
  const found = variables[target];
  if (found) return found;
  const what = `the environment variable ${target}, referenced by ${where}, is not set`;
  throw new ConfigError(what, where, `Set ${target}.`);
}

async function readReferencedFile(file: string, where: string): Promise<string> {
  const content = await readFile(file, 'utf8').catch((cause: unknown) => {
    const what = `the file ${file}, referenced by ${where}, cannot be read`;
    throw new ConfigError(what, where, 'Create it, or grant this user read permission.', { cause });
  });
  if (content.trim() !== '') return content.trim();
  throw new ConfigError(`the file ${file}, referenced by ${where}, is empty`, where, 'Write the value into it.');
}
