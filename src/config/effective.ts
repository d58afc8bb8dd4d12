import { relative } from 'node:path';
import { completed } from './auth0-variables';
import { processVariables, readEnvironment, type Variables } from './environment';
import { pacingOf } from './pacing';
import type { Connection, Project } from './project';
import { readingOf } from './reading';
import { referenceOf, valueOf } from './references';
import type { KeyPath } from './yaml-file';

/** A setting as it holds, and who says so. */
export interface Setting {
  /** Dotted, as in the file: `credentials.client_secret`. */
  key: string;
  /** What may be shown: never a secret; of one that stands in the file only that it does. */
  value: string | number;
  /** `rollcall.yaml:5`, the name of a variable or of a flag, or `default`. */
  origin: string;
  /** Why a reference leads nowhere. */
  problem?: string;
}

const secretKeys: ReadonlySet<string> = new Set([
  'credentials.client_secret',
  'credentials.private_key',
  'credentials.access_token',
]);

/** The settings of a connection, as commands of this process find them. Throws ConfigError for a wrong environment. */
export async function effectiveSettings(
  project: Project,
  connection: Connection,
  variables: Variables = processVariables(),
): Promise<Setting[]> {
  const origin = originIn(project, connection.name);
  const texts = textsOf(connection, variables).map(async ([key, value]): Promise<Setting> => {
    const shown = await show(key, value, connection, variables);
    return { key, ...shown, origin: origin(key) ?? variableOf(value) };
  });
  const { pacing } = readEnvironment(variables);
  const { reserve, maxConcurrency } = pacingOf({ ...connection.source, ...pacing });
  const { lookbackSeconds, lagSeconds, rolesSource } = readingOf(connection.source);
  const plain = (key: string, value: string | number): Setting => ({ key, value, origin: origin(key) ?? 'default' });
  const overridden = (setting: Setting, variable: string, by: number | undefined): Setting =>
    by === undefined ? setting : { ...setting, origin: variable };
  return [
    ...(await Promise.all(texts)),
    plain('streams', connection.streams.map(({ name, syncMode }) => `${name} (${syncMode})`).join(', ')),
    ...(await destinationOf(connection, origin, variables)),
    ...scheduleOf(project, connection).map((value) => plain('schedule', value)),
    plain('lookback_seconds', lookbackSeconds),
    plain('lag_seconds', lagSeconds),
    plain('roles.source', rolesSource),
    overridden(plain('rate_limit_reserve', reserve), 'ROLLCALL_RATE_LIMIT_RESERVE', pacing.rate_limit_reserve),
    overridden(
      plain('max_concurrency', maxConcurrency ?? 'as many as the limit asks for'),
      'ROLLCALL_MAX_CONCURRENCY',
      pacing.max_concurrency,
    ),
  ];
}

/** The settings that are texts and perhaps references, in the order of the file's schema. */
function textsOf({ source }: Connection, variables: Variables): [key: string, value: string][] {
  const { domain, base_url, credentials, audience, start_date } = completed(source, variables);
  const { client_id, client_secret, private_key, algorithm, key_id, access_token } = credentials;
  const texts = {
    domain,
    base_url,
    'credentials.client_id': client_id,
    'credentials.client_secret': client_secret,
    'credentials.private_key': private_key,
    'credentials.algorithm': algorithm,
    'credentials.key_id': key_id,
    'credentials.access_token': access_token,
    audience,
    start_date,
  };
  return Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

/** Where the file says something of a key: at the connection, or in the defaults. */
function originIn({ file, lineOf }: Project, name: string): (key: string) => string | undefined {
  const at = (path: KeyPath): string | undefined => {
    const line = lineOf(path);
    return line === undefined ? undefined : `${relative('.', file)}:${line}`;
  };
  return (key) => at(['connections', name, ...key.split('.')]) ?? at(['defaults', ...key.split('.')]);
}

/** A schedule in the words of the file. */
function scheduleOf({ writtenAt }: Project, { name, schedule }: Connection): string[] {
  if (!schedule) return [];
  const written = writtenAt(['connections', name, 'schedule']) ?? writtenAt(['defaults', 'schedule']);
  return [
    Object.entries(written as object)
      .map(([key, value]) => `${key}: ${String(value)}`)
      .join(', '),
  ];
}

/** Of what stands in no file: a reference to a variable, or the path that a variable tells. */
function variableOf(value: string): string {
  const { kind, target = '' } = referenceOf(value) ?? {};
  return kind === 'file' ? 'AUTH0_CLIENT_SIGNING_KEY_PATH' : target;
}

async function show(
  key: string,
  value: string,
  { name, folder }: Connection,
  variables: Variables,
): Promise<Pick<Setting, 'value' | 'problem'>> {
  const isSecret = secretKeys.has(key);
  if (!referenceOf(value)) return { value: isSecret ? 'stands in the file, hidden' : value };
  try {
    const resolved = await valueOf(value, `connections.${name}.${key}`, folder, variables);
    return { value: isSecret ? value : resolved };
  } catch (error) {
    return { value, problem: (error as Error).message };
  }
}

async function destinationOf(
  connection: Connection,
  origin: (key: string) => string | undefined,
  variables: Variables,
): Promise<Setting[]> {
  const { destination } = connection;
  if (destination.kind === 'files') {
    const key = 'destination.files';
    return [{ key, value: destination.folder, origin: origin(key) ?? 'default' }];
  }
  const [url, schema] = ['destination.postgres.url', 'destination.postgres.schema'];
  const shown = await show(url, destination.url, connection, variables);
  return [
    { key: url, ...shown, value: withoutPassword(destination.url), origin: origin(url) ?? 'default' },
    { key: schema, value: destination.schema, origin: origin(schema) ?? 'default' },
  ];
}

/** A URL as far as it is no secret; a reference as it is. */
function withoutPassword(url: string): string {
  if (referenceOf(url)) return url;
  if (!URL.canParse(url)) return 'stands in the file, hidden';
  const shown = new URL(url);
  shown.password = '';
  shown.search = '';
  return shown.href;
}
