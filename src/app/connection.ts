import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import {
  type CredentialFlags,
  credentialOptions,
  type CredentialSettings,
  readCredentialFlags,
  replaceCredentials,
} from '../config/credentials';
import type { ShellContext } from '../config/environment';
import { type Connection, getConnection, loadProject, parseConnection, rejectUnknownStreams } from '../config/project';
import { parseReference } from '../config/project-file';
import { ConfigError } from '../errors';
import { defined } from '../json';
import { streams } from '../streams/registry';

/** Options that select a connection, or describe one. */
export interface ConnectionFlags extends CredentialFlags {
  /** Project file. */
  config: string;
  domain?: string;
  baseUrl?: string;
  audience?: string;
  startDate?: string;
  /** Folder to copy into. */
  files?: string;
  /** Streams to copy. Default: those of the connection. */
  stream?: string[];
}

/** The connection of that name in the project file, with the credentials of the options; without a name, that of the options. */
export async function findConnection(
  name: string | undefined,
  flags: ConnectionFlags,
  shell: ShellContext,
): Promise<Connection> {
  if (name === undefined) return selectStreams(createAdHocConnection(flags, shell), flags.stream);
  const project = await loadProject(resolve(shell.cwd, flags.config), streams);
  return selectStreams(applyOptions(flags, getConnection(project, name), shell.cwd), flags.stream);
}

function createAdHocConnection(flags: ConnectionFlags, { env, cwd }: ShellContext): Connection {
  const { domain, baseUrl, audience, startDate, files = './data' } = flags;
  const tenant = domain ?? baseUrl ?? env['AUTH0_DOMAIN'];
  if (!tenant) {
    throw new ConfigError(
      'no connection was given',
      'arguments',
      'Pass the name of a connection in rollcall.yaml, or specify a tenant: ' +
        '--domain acme.eu.auth0.com --client-id … --client-secret env:AUTH0_CLIENT_SECRET --files ./data',
    );
  }
  const settings = {
    ...defined({ domain, base_url: baseUrl, audience, start_date: startDate }),
    credentials: readCredentialFlags(flags),
    destination: { files },
  };
  return parseConnection(nameAdHocConnection(tenant, resolve(cwd, files)), settings, streams, cwd);
}

/** The same name for the same tenant and folder: the same command then resumes an interrupted sync. */
function nameAdHocConnection(tenant: string, folder: string): string {
  const id = createHash('sha256')
    .update(JSON.stringify([tenant, folder]))
    .digest('hex');
  return `command-line-${id.slice(0, 8)}`;
}

/** Another tenant or folder under the name of a connection would mix two copies. */
const adHocOptions = { domain: '--domain', baseUrl: '--base-url', files: '--files' } as const;

/** Options take precedence over the file. Their paths are relative to the working directory. */
function applyOptions(flags: ConnectionFlags, connection: Connection, cwd: string): Connection {
  const option = findGivenOption(flags, adHocOptions);
  if (option !== undefined) {
    throw new ConfigError(
      `${option} cannot be combined with the connection ${connection.name}`,
      option,
      'Omit the name to specify a tenant with options, or edit the project file.',
    );
  }
  const given = Object.entries(readCredentialFlags(flags) as Record<string, string>).map(([key, value]) => [
    key,
    toAbsoluteReference(value, cwd),
  ]);
  const { source } = connection;
  return {
    ...connection,
    source: {
      ...source,
      ...defined({ audience: flags.audience ?? source.audience, start_date: flags.startDate ?? source.start_date }),
      credentials: replaceCredentials(source.credentials, Object.fromEntries(given) as CredentialSettings),
    },
  };
}

function toAbsoluteReference(value: string, cwd: string): string {
  const reference = parseReference(value);
  return reference?.kind === 'file' ? `file:${resolve(cwd, reference.target)}` : value;
}

/** @throws ConfigError when options set credentials, which do not reach the workers of other processes */
export function rejectCredentialFlags(flags: ConnectionFlags): void {
  const option = findGivenOption(flags, { ...credentialOptions, audience: '--audience' });
  if (option === undefined) return;
  throw new ConfigError(
    `${option} has no effect: the workers of the Temporal server use the credentials in their own project file`,
    option,
    'Omit it, and edit the project file of the workers.',
  );
}

function findGivenOption(
  flags: ConnectionFlags,
  options: Partial<Record<keyof ConnectionFlags, string>>,
): string | undefined {
  return Object.entries(options).find(([key]) => flags[key as keyof ConnectionFlags] !== undefined)?.[1];
}

function selectStreams(connection: Connection, requested: readonly string[] | undefined): Connection {
  if (!requested) return connection;
  rejectUnknownStreams(
    requested,
    connection.streams.map(({ name }) => name),
    '--stream',
  );
  return { ...connection, streams: connection.streams.filter(({ name }) => requested.includes(name)) };
}
