import { relative } from 'node:path';
import { applyAuth0Variables } from './auth0-variables';
import { secretKeys } from './credentials';
import { readEnvironment, type ShellContext, type Variables } from './environment';
import type { KeyPath } from './parsed-file';
import type { Connection, Project } from './project';
import { parseReference } from './project-file';
import { toPacingOptions, toReadOptions } from './reading-settings';
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

/**
 * The effective settings of a connection.
 * @throws ConfigError when the environment is invalid
 */
export async function listEffectiveSettings(
  project: Project,
  connection: Connection,
  shell: ShellContext,
): Promise<EffectiveSetting[]> {
  const findOrigin = createOriginLookup(project, connection.name, shell.cwd);
  const settings = listSettings(project, connection, shell).map(
    async ([key, value, variable]): Promise<EffectiveSetting> => ({
      key,
      ...(typeof value === 'number' ? { value } : await resolveShownValue(key, value, connection, shell.env)),
      origin: variable ?? findOrigin(key) ?? nameVariable(value) ?? 'default',
    }),
  );
  return Promise.all(settings);
}

type Setting = [key: string, value: string | number, variable?: string | undefined];

/** The settings in the order of the file's schema; `variable` overrides the file. */
function listSettings(project: Project, connection: Connection, shell: ShellContext): Setting[] {
  const { source, streams, destination } = connection;
  const { pacing } = readEnvironment(shell);
  const { reserve, maxConcurrency = 'adaptive' } = toPacingOptions({ ...source, ...pacing });
  const { lookbackSeconds, lagSeconds, rolesSource } = toReadOptions(source);
  const { domain, base_url, credentials, audience, start_date } = applyAuth0Variables(source, shell);
  const { client_id, client_secret, private_key, algorithm, key_id, access_token } = credentials;
  const overrideBy = (variable: string, value: number | undefined): string | undefined =>
    value === undefined ? undefined : variable;
  const settings: [key: string, value: string | number | undefined, variable?: string | undefined][] = [
    ['domain', domain],
    ['base_url', base_url],
    ['credentials.client_id', client_id],
    ['credentials.client_secret', client_secret],
    ['credentials.private_key', private_key],
    ['credentials.algorithm', algorithm],
    ['credentials.key_id', key_id],
    ['credentials.access_token', access_token],
    ['audience', audience],
    ['start_date', start_date],
    ['streams', streams.map(({ name, syncMode }) => `${name} (${syncMode})`).join(', ')],
    ['destination.files', destination.kind === 'files' ? destination.folder : undefined],
    [postgresUrlKey, destination.kind === 'postgres' ? destination.url : undefined],
    ['destination.postgres.schema', destination.kind === 'postgres' ? destination.schema : undefined],
    ['schedule', formatSchedule(project, connection)],
    ['lookback_seconds', lookbackSeconds],
    ['lag_seconds', lagSeconds],
    ['roles.source', rolesSource],
    ['rate_limit_reserve', reserve, overrideBy('ROLLCALL_RATE_LIMIT_RESERVE', pacing.rate_limit_reserve)],
    ['max_concurrency', maxConcurrency, overrideBy('ROLLCALL_MAX_CONCURRENCY', pacing.max_concurrency)],
  ];
  return settings.filter((setting): setting is Setting => setting[1] !== undefined);
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
function formatSchedule({ getWrittenValue }: Project, { name, schedule }: Connection): string | undefined {
  if (!schedule) return undefined;
  const written = getWrittenValue(['connections', name, 'schedule']) ?? getWrittenValue(['defaults', 'schedule']);
  return Object.entries(written as object)
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join(', ');
}

/** The variable that a setting comes from when it is not in the file; undefined for a default. */
function nameVariable(value: string | number): string | undefined {
  const { kind, target } = parseReference(String(value)) ?? {};
  return kind === 'file' ? 'AUTH0_CLIENT_SIGNING_KEY_PATH' : target;
}

const postgresUrlKey = 'destination.postgres.url';
const hiddenKeys: ReadonlySet<string> = new Set([...secretKeys.map((key) => `credentials.${key}`), postgresUrlKey]);

async function resolveShownValue(
  key: string,
  value: string,
  { name, folder }: Connection,
  variables: Variables,
): Promise<Pick<EffectiveSetting, 'value' | 'problem'>> {
  const isSecret = hiddenKeys.has(key);
  if (!parseReference(value)) {
    return { value: key === postgresUrlKey ? redactUrl(value) : isSecret ? hiddenText : value };
  }
  try {
    const resolved = await resolveValue(value, `connections.${name}.${key}`, folder, variables);
    return { value: isSecret ? value : resolved };
  } catch (error) {
    return { value, problem: (error as Error).message };
  }
}

const hiddenText = 'set in the file (hidden)';

function redactUrl(url: string): string {
  if (!URL.canParse(url)) return hiddenText;
  const shown = new URL(url);
  shown.password = '';
  shown.search = '';
  return shown.href;
}
