import path from 'node:path';
import type { StreamDeclaration } from '../airbyte/catalog';
import { ConfigError } from '../errors';
import type { SyncMode } from '../protocol';
import { parseYaml, readProjectText, type YamlContent } from './parsed-file';
import { formatSuggestion, parseWithSchema } from './problems';
import {
  applyDefaults,
  connectionSchema,
  projectSchema,
  schemaNameSetting,
  type WrittenConnection,
} from './project-file';
import type { ScheduleSettings } from './schedule-settings';

/** Destination of a connection. The folder is absolute; the URL may be a reference, see `resolveDestination`. */
export type Destination = { kind: 'files'; folder: string } | { kind: 'postgres'; url: string; schema: string };

type SourceSettings = Omit<WrittenConnection, 'streams' | 'destination' | 'schedule'>;
/** A tenant's settings as written. Auth0's variables can complete them, see `applyAuth0Variables`. */
export type ConnectionSource = SourceSettings & { credentials: NonNullable<SourceSettings['credentials']> };

/** A tenant and its destination. Secrets may be references, see `resolveSecrets`. */
export interface Connection {
  name: string;
  source: ConnectionSource;
  /** In the order of the file; default: all. */
  streams: { name: string; syncMode: SyncMode }[];
  destination: Destination;
  schedule?: ScheduleSettings;
  /** Relative paths refer to this folder, that of the project file. */
  folder: string;
  /** The connection comes from options of the command line, not from a project file. */
  isFromOptions?: true;
}

/** The streams that connections can contain. */
export type KnownStreams = readonly Pick<StreamDeclaration, 'name' | 'syncModes'>[];

export interface Project extends Omit<YamlContent, 'content'> {
  /** Absolute path of the file. */
  file: string;
  connections: ReadonlyMap<string, Connection>;
}

const exampleFile = `connections:
  acme:
    domain: acme.eu.auth0.com
    credentials:
      client_id: <client ID>
      client_secret: env:AUTH0_CLIENT_SECRET
    destination:
      files: ./data
`;

/**
 * Reads a project file, `rollcall.yaml`.
 * @param file absolute path
 * @param previous the result of the last call, returned again when the text is the same
 * @throws ConfigError without any value of the file
 */
export async function loadProject(file: string, known: KnownStreams, previous?: Project): Promise<Project> {
  const text = await readProjectText(file, exampleFile);
  if (text === previous?.text) return previous;
  const { content, ...yaml } = parseYaml(text, file);
  const { defaults, connections: settings } = parseWithSchema(projectSchema, content, {
    subject: `the file ${file}`,
    nextStep: 'Correct it and run the command again.',
  });
  if (defaults?.streams) toConnectionStreams(defaults.streams, known, 'defaults.streams');
  const connections = Object.entries(settings).map(([name, each]) =>
    buildConnection(name, applyDefaults(each, defaults), known, path.dirname(file)),
  );
  rejectSharedDestinations(connections);
  return { file, connections: new Map(connections.map((each) => [each.name, each])), ...yaml };
}

/**
 * Two tenants in the same tables or files would replace each other's records.
 * @throws ConfigError that names both connections
 */
export function rejectSharedDestinations(connections: readonly Connection[]): void {
  const owners = new Map<string, string>();
  for (const { name, destination } of connections) {
    const { id, key, noun } =
      destination.kind === 'files'
        ? { id: destination.folder, key: 'files', noun: 'folder' }
        : { id: JSON.stringify([destination.url, destination.schema]), key: 'postgres.schema', noun: 'schema' };
    const owner = owners.get(id);
    const where = `connections.${name}.destination.${key}`;
    if (owner !== undefined) {
      const nextStep = `Use a separate ${noun} for each connection.`;
      throw new ConfigError(`${where} is also the destination of ${owner}`, where, nextStep);
    }
    owners.set(id, name);
  }
}

/**
 * A connection from options of the command line.
 * @param folder absolute path; relative paths refer to it
 * @throws ConfigError without any value of the settings
 */
export function parseConnection(name: string, settings: unknown, known: KnownStreams, folder: string): Connection {
  const written = parseWithSchema(connectionSchema, settings, {
    subject: 'the connection',
    nextStep: 'Correct the options and run the command again.',
    describePath: toOptionName,
  });
  return { ...buildConnection(name, written, known, folder), isFromOptions: true };
}

/** How messages name a setting: by the option that sets it, or by its path in the project file. */
export function describeSetting({ name, isFromOptions }: Connection, key: string): string {
  return isFromOptions ? toOptionName(key) : `connections.${name}.${key}`;
}

const optionNames: Readonly<Record<string, string>> = { streams: '--stream', url: '--postgres' };

/** `credentials.client_id`: `--client-id` */
function toOptionName(key: string): string {
  const last = key.split('.').at(-1) ?? key;
  return optionNames[last] ?? `--${last.replaceAll('_', '-')}`;
}

/**
 * @param where what contains the names, for the message
 * @throws ConfigError for a stream that is not available
 */
export function rejectUnknownStreams(names: readonly string[], available: readonly string[], where: string): void {
  const unknown = names.find((name) => !available.includes(name));
  if (unknown === undefined) return;
  throw new ConfigError(
    `${where}: unknown stream ${JSON.stringify(unknown)}${formatSuggestion(unknown, available)}`,
    where,
    `Available streams: ${available.join(', ')}.`,
  );
}

/** @throws ConfigError that lists the connections */
export function getConnection(project: Pick<Project, 'file' | 'connections'>, name: string): Connection {
  const connection = project.connections.get(name);
  if (connection) return connection;
  const names = [...project.connections.keys()];
  throw new ConfigError(
    `${project.file} has no connection ${JSON.stringify(name)}${formatSuggestion(name, names)}`,
    'connections',
    names.length > 0 ? `Connections: ${names.join(', ')}.` : `Add one:\n${exampleFile}`,
  );
}

function buildConnection(
  name: string,
  { streams, destination, schedule, credentials = {}, ...source }: WrittenConnection,
  known: KnownStreams,
  folder: string,
): Connection {
  return {
    name,
    source: { ...source, credentials },
    streams: toConnectionStreams(streams, known, `connections.${name}.streams`),
    destination: toDestination(name, destination, folder),
    ...(schedule && { schedule }),
    folder,
  };
}

function toDestination(name: string, settings: WrittenConnection['destination'], folder: string): Destination {
  const where = `connections.${name}.destination`;
  if (!settings) {
    const nextStep = 'Add one, such as destination: { files: ./data }.';
    throw new ConfigError(`${where} is missing, here and in defaults`, where, nextStep);
  }
  const { files = '', postgres } = settings;
  if (!postgres) return { kind: 'files', folder: path.resolve(folder, files) };
  if (postgres.url === undefined) {
    const nextStep = 'Add it here or in defaults.';
    throw new ConfigError(`${where}.postgres.url is missing`, `${where}.postgres.url`, nextStep);
  }
  const { data: schema, error } = schemaNameSetting.safeParse(postgres.schema ?? name);
  if (error) {
    const what = `${where}.postgres.schema is missing, and the connection's name is not a valid schema name`;
    throw new ConfigError(what, `${where}.postgres.schema`, 'Set a schema.');
  }
  return { kind: 'postgres', url: postgres.url, schema };
}

type StreamSettings = WrittenConnection['streams'];

function toConnectionStreams(settings: StreamSettings, known: KnownStreams, where: string): Connection['streams'] {
  const names = known.map((each) => each.name);
  const requested: [string, { mode?: SyncMode | undefined }][] = Array.isArray(settings)
    ? settings.map((name) => [name, {}])
    : Object.entries(settings ?? Object.fromEntries(names.map((name) => [name, {}])));
  const requestedNames = requested.map(([name]) => name);
  rejectUnknownStreams(requestedNames, names, where);
  return requested.map(([name, { mode }], index) => {
    if (requestedNames.indexOf(name) !== index) {
      throw new ConfigError(`${where} contains ${name} twice`, where, 'Remove one of them.');
    }
    const isIncremental = known.some((each) => each.name === name && each.syncModes.includes('incremental'));
    if (mode === 'incremental' && !isIncremental) {
      const what = `${where}.${name}.mode is incremental, but the stream supports only full_refresh`;
      throw new ConfigError(what, `${where}.${name}.mode`, 'Set it to full_refresh.');
    }
    return { name, syncMode: mode ?? (isIncremental ? 'incremental' : 'full_refresh') };
  });
}
