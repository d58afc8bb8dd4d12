import path from 'node:path';
import { z } from 'zod';
import type { StreamDeclaration } from '../airbyte/catalog';
import type { SyncMode } from '../sinks/sink';
import { ConfigError } from './errors';
import { pacingSettings } from './pacing';
import { parseWith } from './problems';
import { reachSettings, rolesSettings } from './reading';
import { suggestion } from './spelling';
import { readYamlFile } from './yaml-file';

/** Where a connection's records go. The folder is absolute; the URL is as written, perhaps a reference: see `resolveDestination`. */
export type Destination = { kind: 'files'; folder: string } | { kind: 'postgres'; url: string; schema: string };

/** A tenant and where to copy it, as `rollcall.yaml` names it. Secrets may still be references: see `resolveSecrets`. */
export interface Connection {
  name: string;
  /** The tenant's settings as written, texts possibly `env:NAME` or `file:PATH`. */
  source: ConnectionSource;
  /** In the order of the file, or all that are known. */
  streams: { name: string; syncMode: SyncMode }[];
  destination: Destination;
  /** Folder that relative paths refer to: the one of the project's file. */
  folder: string;
}

type KnownStreams = readonly Pick<StreamDeclaration, 'name' | 'syncModes'>[];

export interface Project {
  /** Absolute path of the file. */
  file: string;
  connections: ReadonlyMap<string, Connection>;
}

const example = `connections:
  acme:
    domain: acme.eu.auth0.com
    credentials:
      client_id: <client id of a machine-to-machine application>
      client_secret: env:AUTH0_CLIENT_SECRET
    destination:
      files: ./data
`;

const text = z.string().min(1);
const postgresUrl = /^(?:postgres(?:ql)?:\/\/|env:|file:)/;
const mode = z.enum(['full_refresh', 'incremental']);

const sourceSettings = z.strictObject({
  domain: text.optional(),
  base_url: text.optional(),
  credentials: z.strictObject({
    client_id: text.optional(),
    client_secret: text.optional(),
    private_key: text.optional(),
    algorithm: text.optional(),
    key_id: text.optional(),
    access_token: text.optional(),
  }),
  audience: text.optional(),
  start_date: text.optional(),
  ...reachSettings,
  roles: rolesSettings.strict().optional(),
  ...pacingSettings,
});
export type ConnectionSource = z.output<typeof sourceSettings>;

/** Names beginning with pg_ are Postgres' own; longer ones it would cut. */
const schemaName = text
  .regex(/^(?!pg_)[^\0]*$/, 'must not begin with pg_')
  .refine((name) => Buffer.byteLength(name) <= 63, 'must not be longer than 63 bytes');

const destinationSettings = z
  .strictObject({
    files: text.optional(),
    postgres: z
      .strictObject({
        url: text.regex(
          postgresUrl,
          'must be a URL such as postgres://role@host:5432/database, or env:NAME or file:PATH',
        ),
        schema: schemaName.optional(),
      })
      .optional(),
  })
  .refine(
    ({ files, postgres }) => (files === undefined) !== (postgres === undefined),
    'must name one of files and postgres',
  );

const connectionSettings = sourceSettings.extend({
  streams: z
    .union([z.array(text).min(1), z.record(text, z.strictObject({ mode: mode.optional() }))], {
      error: 'must be a list of streams, or a map such as users: { mode: incremental } (or full_refresh)',
    })
    .optional(),
  destination: destinationSettings,
});

const projectSettings = z.strictObject({
  connections: z.record(
    z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, 'is no connection name: use a-z, 0-9, _ and -, a letter or digit first'),
    connectionSettings,
  ),
});

/**
 * Reads a project's file (`rollcall.yaml`). `known` are the streams that connections may name.
 * @throws ConfigError without any value of the file
 */
export async function loadProject(file: string, known: KnownStreams): Promise<Project> {
  const absolute = path.resolve(file);
  const content = await readYamlFile(absolute, example);
  const { connections: settings } = parseWith(
    projectSettings,
    content,
    `the file ${absolute}`,
    'Correct it and run again.',
  );
  const connections = Object.entries(settings).map(([name, each]) =>
    connectionWith(name, each, known, path.dirname(absolute)),
  );
  refuseSharedSchemas(connections);
  return { file: absolute, connections: new Map(connections.map((each) => [each.name, each])) };
}

/** Two tenants in the same tables would replace each other's rows. */
function refuseSharedSchemas(connections: readonly Connection[]): void {
  const owners = new Map<string, string>();
  for (const { name, destination } of connections) {
    if (destination.kind !== 'postgres') continue;
    const key = JSON.stringify([destination.url, destination.schema]);
    const owner = owners.get(key);
    const where = `connections.${name}.destination.postgres.schema`;
    if (owner !== undefined)
      throw new ConfigError(`${where} is also that of ${owner}`, where, 'Give each a schema of its own.');
    owners.set(key, name);
  }
}

/**
 * A connection from settings that stand in no file; relative paths refer to `folder`.
 * @throws ConfigError without any value of the settings
 */
export function parseConnection(name: string, settings: unknown, known: KnownStreams, folder: string): Connection {
  const parsed = parseWith(connectionSettings, settings, 'the connection', 'Correct it and run again.');
  return connectionWith(name, parsed, known, path.resolve(folder));
}

/** @throws ConfigError that names the connections there are */
export function connectionOf(project: Project, name: string): Connection {
  const connection = project.connections.get(name);
  if (connection) return connection;
  const names = [...project.connections.keys()];
  throw new ConfigError(
    `${project.file} has no connection ${JSON.stringify(name)}${suggestion(name, names)}`,
    'connections',
    names.length > 0 ? `It has: ${names.join(', ')}.` : `Add one:\n${example}`,
  );
}

function connectionWith(
  name: string,
  { streams, destination, ...source }: z.output<typeof connectionSettings>,
  known: KnownStreams,
  folder: string,
): Connection {
  return {
    name,
    source,
    streams: streamsOf(streams, known, `connections.${name}.streams`),
    destination: destinationOf(name, destination, folder),
    folder,
  };
}

function destinationOf(
  name: string,
  { files = '', postgres }: z.output<typeof destinationSettings>,
  folder: string,
): Destination {
  if (!postgres) return { kind: 'files', folder: path.resolve(folder, files) };
  const where = `connections.${name}.destination.postgres.schema`;
  const { data: schema, error } = schemaName.safeParse(postgres.schema ?? name);
  if (error)
    throw new ConfigError(`${where} is missing, and the connection's name cannot be one`, where, 'Name a schema.');
  return { kind: 'postgres', url: postgres.url, schema };
}

type StreamSettings = z.output<typeof connectionSettings>['streams'];

function streamsOf(settings: StreamSettings, known: KnownStreams, where: string): Connection['streams'] {
  const names = known.map((each) => each.name);
  const wanted: [string, { mode?: SyncMode | undefined }][] = Array.isArray(settings)
    ? settings.map((name) => [name, {}])
    : Object.entries(settings ?? Object.fromEntries(names.map((name) => [name, {}])));
  return wanted.map(([name, { mode }], index) => {
    const stream = known.find((each) => each.name === name);
    if (!stream) {
      const what = `${where} names the unknown stream ${JSON.stringify(name)}${suggestion(name, names)}`;
      throw new ConfigError(what, where, `The streams are: ${names.join(', ')}.`);
    }
    if (wanted.findIndex(([other]) => other === name) !== index) {
      throw new ConfigError(`${where} names ${name} twice`, where, 'Leave one of them out.');
    }
    if (mode === 'incremental' && !stream.syncModes.includes('incremental')) {
      const what = `${where}.${name}.mode is incremental, but the stream can only be read as a whole`;
      throw new ConfigError(what, `${where}.${name}.mode`, 'Make it full_refresh.');
    }
    const syncMode = mode ?? (stream.syncModes.includes('incremental') ? 'incremental' : 'full_refresh');
    return { name, syncMode };
  });
}
