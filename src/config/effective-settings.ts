import { relative } from 'node:path';
import { applyAuth0Variables } from './auth0-variables';
import { secretKeys } from './credentials';
import { readEnvironment, type ShellContext, type Variables } from './environment';
import { toPacingOptions } from './pacing';
import type { KeyPath } from './parsed-file';
import type { Connection, Project } from './project';
import { parseReference } from './project-file';
import { toReadOptions } from './read-options';
import { resolveValue } from './references';

/** A setting with its effective value and its origin. */
export interface EffectiveSetting {
  /** Dotted, as in the file: `credentials.client_secret`. */
  key: string;
  /** Secrets are hidden. */
  value: string | number;
  /** `rollcall.yaml:5`, the name of a variable, or `default`. */
  origin: string;
  /** Why a reference cannot be resolved. */
  problem?: string;
}

const hiddenKeys: ReadonlySet<string> = new Set(secretKeys.map((key) => `credentials.${key}`));

/**
 * The effective settings of a connection.
 * @throws ConfigError when the environment is invalid
 */
export async function listEffectiveSettings(
  project: Project,
  connection: Connection,
  shell: ShellContext,
): Promise<EffectiveSetting[]> {
  const origin = createOriginLookup(project, connection.name, shell.cwd);
  const texts = listTextSettings(connection, shell).map(async ([key, value]): Promise<EffectiveSetting> => {
    const shown = await resolveShownValue(key, value, connection, shell.env);
    return { key, ...shown, origin: origin(key) ?? nameVariable(value) };
  });
  const { pacing } = readEnvironment(shell);
  const { reserve, maxConcurrency } = toPacingOptions({ ...connection.source, ...pacing });
  const { lookbackSeconds, lagSeconds, rolesSource } = toReadOptions(connection.source);
  const plain = (key: string, value: string | number): EffectiveSetting => ({
    key,
    value,
    origin: origin(key) ?? 'default',
  });
  const overridden = (setting: EffectiveSetting, variable: string, by: number | undefined): EffectiveSetting =>
    by === undefined ? setting : { ...setting, origin: variable };
  return [
    ...(await Promise.all(texts)),
    plain('streams', connection.streams.map(({ name, syncMode }) => `${name} (${syncMode})`).join(', ')),
    ...(await listDestinationSettings(connection, origin, shell.env)),
    ...formatSchedule(project, connection).map((value) => plain('schedule', value)),
    plain('lookback_seconds', lookbackSeconds),
    plain('lag_seconds', lagSeconds),
    plain('roles.source', rolesSource),
    overridden(plain('rate_limit_reserve', reserve), 'ROLLCALL_RATE_LIMIT_RESERVE', pacing.rate_limit_reserve),
    overridden(
      plain('max_concurrency', maxConcurrency ?? 'adaptive'),
      'ROLLCALL_MAX_CONCURRENCY',
      pacing.max_concurrency,
    ),
  ];
}

/** The settings that are texts, some of them references, in the order of the file's schema. */
function listTextSettings({ source }: Connection, shell: ShellContext): [key: string, value: string][] {
  const { domain, base_url, credentials, audience, start_date } = applyAuth0Variables(source, shell);
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

/** Returns the line of a setting: in the connection, or in the defaults. */
function createOriginLookup(
  { file, findLine }: Project,
  name: string,
  cwd: string,
): (key: string) => string | undefined {
  const at = (path: KeyPath): string | undefined => {
    const line = findLine(path);
    return line === undefined ? undefined : `${relative(cwd, file)}:${line}`;
  };
  return (key) => at(['connections', name, ...key.split('.')]) ?? at(['defaults', ...key.split('.')]);
}

/** The schedule as written in the file. */
function formatSchedule({ getWrittenValue }: Project, { name, schedule }: Connection): string[] {
  if (!schedule) return [];
  const written = getWrittenValue(['connections', name, 'schedule']) ?? getWrittenValue(['defaults', 'schedule']);
  return [
    Object.entries(written as object)
      .map(([key, value]) => `${key}: ${String(value)}`)
      .join(', '),
  ];
}

/** The variable that a setting comes from when it is not in the file. */
function nameVariable(value: string): string {
  const { kind, target = '' } = parseReference(value) ?? {};
  return kind === 'file' ? 'AUTH0_CLIENT_SIGNING_KEY_PATH' : target;
}

async function resolveShownValue(
  key: string,
  value: string,
  { name, folder }: Connection,
  variables: Variables,
): Promise<Pick<EffectiveSetting, 'value' | 'problem'>> {
  const isSecret = hiddenKeys.has(key);
  if (!parseReference(value)) return { value: isSecret ? 'set in the file (hidden)' : value };
  try {
    const resolved = await resolveValue(value, `connections.${name}.${key}`, folder, variables);
    return { value: isSecret ? value : resolved };
  } catch (error) {
    return { value, problem: (error as Error).message };
  }
}

async function listDestinationSettings(
  connection: Connection,
  origin: (key: string) => string | undefined,
  variables: Variables,
): Promise<EffectiveSetting[]> {
  const { destination } = connection;
  if (destination.kind === 'files') {
    const key = 'destination.files';
    return [{ key, value: destination.folder, origin: origin(key) ?? 'default' }];
  }
  const [url, schema] = ['destination.postgres.url', 'destination.postgres.schema'];
  const shown = await resolveShownValue(url, destination.url, connection, variables);
  return [
    { key: url, ...shown, value: redactUrl(destination.url), origin: origin(url) ?? 'default' },
    { key: schema, value: destination.schema, origin: origin(schema) ?? 'default' },
  ];
}

/** A URL without its secrets. References are shown as they are. */
function redactUrl(url: string): string {
  if (parseReference(url)) return url;
  if (!URL.canParse(url)) return 'set in the file (hidden)';
  const shown = new URL(url);
  shown.password = '';
  shown.search = '';
  return shown.href;
}
