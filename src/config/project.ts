import path from 'node:path';
import type { StreamDeclaration } from '../airbyte/catalog';
import { ConfigError } from '../errors';
import type { SyncMode } from '../protocol';
import { parseYaml, readProjectText, type YamlContent } from './parsed-file';
import { formatSuggestion, parseWithSchema } from './problems';
import {
  applyDefaults,
  projectSettings,
  schemaNameSetting,
  writtenConnection,
  type WrittenConnection,
} from './project-file';
import type { ScheduleSettings } from './schedule-settings';

/** Where a connection's records go. The folder is absolute; the URL is as written, perhaps a reference: see `resolveDestination`. */
export type Destination = { kind: 'files'; folder: string } | { kind: 'postgres'; url: string; schema: string };

type SourceSettings = Omit<WrittenConnection, 'streams' | 'destination' | 'schedule'>;
/** A tenant's settings as they are written; of what is left out Auth0's variables may tell: see `completed`. */
export type ConnectionSource = SourceSettings & { credentials: NonNullable<SourceSettings['credentials']> };

/** A tenant and where to copy it, as `rollcall.yaml` names it. Secrets may still be references: see `resolveSecrets`. */
export interface Connection {
  name: string;
  /** The tenant's settings as written, texts possibly `env:NAME` or `file:PATH`. */
  source: ConnectionSource;
  /** In the order of the file, or all that are known. */
  streams: { name: string; syncMode: SyncMode }[];
  destination: Destination;
  /** When it is copied by itself; absent: when it is told to. */
  schedule?: ScheduleSettings;
  /** Folder that relative paths refer to: the one of the project's file. */
  folder: string;
}

/** The streams that connections may name. */
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
      client_id: <client id of a machine-to-machine application>
      client_secret: env:AUTH0_CLIENT_SECRET
    destination:
      files: ./data
`;

/**
 * Reads a project's file (`rollcall.yaml`). `file` is an absolute path. `known` are the streams that connections may name.
 * @param previous what it held when it was last read, and still does if its text is the same
 * @throws ConfigError without any value of the file
 */
export async function loadProject(file: string, known: KnownStreams, previous?: Project): Promise<Project> {
  const text = await readProjectText(file, exampleFile);
  if (text === previous?.text) return previous;
  const { content, ...places } = parseYaml(text, file);
  const { defaults, connections: settings } = parseWithSchema(
    projectSettings,
    content,
    `the file ${file}`,
    'Correct it and run the command again.',
  );
  if (defaults?.streams) toConnectionStreams(defaults.streams, known, 'defaults.streams');
  const connections = Object.entries(settings).map(([name, each]) =>
    buildConnection(name, applyDefaults(each, defaults), known, path.dirname(file)),
  );
  rejectSharedDestinations(connections);
  return { file, connections: new Map(connections.map((each) => [each.name, each])), ...places };
}

/**
 * Two tenants in the same tables or files would replace each other's rows.
 * @throws ConfigError that names both connections
 */
export function rejectSharedDestinations(connections: readonly Connection[]): void {
  const owners = new Map<string, string>();
  for (const { name, destination } of connections) {
    const { place, key, noun } =
      destination.kind === 'files'
        ? { place: destination.folder, key: 'files', noun: 'folder' }
        : { place: JSON.stringify([destination.url, destination.schema]), key: 'postgres.schema', noun: 'schema' };
    const owner = owners.get(place);
    const where = `connections.${name}.destination.${key}`;
    if (owner !== undefined)
      throw new ConfigError(
        `${where} is also the destination of ${owner}`,
        where,
        `Use a separate ${noun} for each connection.`,
      );
    owners.set(place, name);
  }
}

/**
 * A connection from settings that stand in no file; relative paths refer to `folder`, an absolute path.
 * @throws ConfigError without any value of the settings
 */
export function parseConnection(name: string, settings: unknown, known: KnownStreams, folder: string): Connection {
  const parsed = parseWithSchema(
    writtenConnection,
    settings,
    'the connection',
    'Correct it and run the command again.',
  );
  return buildConnection(name, parsed, known, folder);
}

/** @throws ConfigError that names the connections there are */
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
  const place = `connections.${name}.destination`;
  if (!settings) {
    const nextStep = 'Add one, such as destination: { files: ./data }.';
    throw new ConfigError(`${place} is missing, here and in defaults`, place, nextStep);
  }
  const { files = '', postgres } = settings;
  if (!postgres) return { kind: 'files', folder: path.resolve(folder, files) };
  if (postgres.url === undefined) {
    const nextStep = 'Add it here or in defaults.';
    throw new ConfigError(`${place}.postgres.url is missing`, `${place}.postgres.url`, nextStep);
  }
  const where = `connections.${name}.destination.postgres.schema`;
  const { data: schema, error } = schemaNameSetting.safeParse(postgres.schema ?? name);
  if (error)
    throw new ConfigError(
      `${where} is missing, and the connection's name is not a valid schema name`,
      where,
      'Set a schema.',
    );
  return { kind: 'postgres', url: postgres.url, schema };
}

type StreamSettings = WrittenConnection['streams'];

function toConnectionStreams(settings: StreamSettings, known: KnownStreams, where: string): Connection['streams'] {
  const names = known.map((each) => each.name);
  const wanted: [string, { mode?: SyncMode | undefined }][] = Array.isArray(settings)
    ? settings.map((name) => [name, {}])
    : Object.entries(settings ?? Object.fromEntries(names.map((name) => [name, {}])));
  return wanted.map(([name, { mode }], index) => {
    const stream = known.find((each) => each.name === name);
    if (!stream) {
      const what = `${where} names the unknown stream ${JSON.stringify(name)}${formatSuggestion(name, names)}`;
      throw new ConfigError(what, where, `Available streams: ${names.join(', ')}.`);
    }
    if (wanted.findIndex(([other]) => other === name) !== index) {
      throw new ConfigError(`${where} contains ${name} twice`, where, 'Remove one of them.');
    }
    if (mode === 'incremental' && !stream.syncModes.includes('incremental')) {
      const what = `${where}.${name}.mode is incremental, but the stream supports only full_refresh`;
      throw new ConfigError(what, `${where}.${name}.mode`, 'Set it to full_refresh.');
    }
    const syncMode = mode ?? (stream.syncModes.includes('incremental') ? 'incremental' : 'full_refresh');
    return { name, syncMode };
  });
}
