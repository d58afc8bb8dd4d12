import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { ShellContext } from '../config/environment';
import { type Connection, getConnection, loadProject, parseConnection } from '../config/project';
import { parseReference } from '../config/references';
import { ConfigError } from '../errors';
import { streams } from '../streams/registry';

/** The flags by which a command names a connection, or spells one out. */
export interface ConnectionFlags {
  /** The project's file. */
  config: string;
  domain?: string;
  baseUrl?: string;
  clientId?: string;
  clientSecret?: string;
  privateKey?: string;
  accessToken?: string;
  audience?: string;
  startDate?: string;
  /** Folder to copy into. */
  files?: string;
  /** Streams to copy; all of the connection's when absent. */
  stream?: string[];
}

/**
 * Name of a connection that flags spell out: the same for the same tenant and folder, so that a sync that was killed goes
 * on when the command is given again, and different for any other, so that none is taken for it.
 */
function nameAdHocConnection(tenant: string, folder: string): string {
  const place = JSON.stringify([tenant, folder]);
  return `command-line-${createHash('sha256').update(place).digest('hex').slice(0, 8)}`;
}

/**
 * The connection of that name in the project's file, signed in to as flags say, if they do; or the one that flags and
 * Auth0's variables spell out.
 */
export async function findConnection(
  name: string | undefined,
  flags: ConnectionFlags,
  shell: ShellContext,
): Promise<Connection> {
  const connection =
    name === undefined
      ? createAdHocConnection(flags, shell)
      : applyCredentialFlags(
          flags,
          getConnection(await loadProject(resolve(shell.cwd, flags.config), streams), name),
          shell.cwd,
        );
  return flags.stream ? selectStreams(connection, flags.stream) : connection;
}

function createAdHocConnection(flags: ConnectionFlags, { env, cwd }: ShellContext): Connection {
  const { files = './data' } = flags;
  const tenant = flags.domain ?? flags.baseUrl ?? env['AUTH0_DOMAIN'];
  if (tenant === undefined || tenant === '') {
    throw new ConfigError(
      'no connection was given',
      'arguments',
      'Pass the name of a connection in rollcall.yaml, or specify a tenant: ' +
        '--domain acme.eu.auth0.com --client-id … --client-secret env:AUTH0_CLIENT_SECRET --files ./data',
    );
  }
  const settings = {
    domain: flags.domain,
    base_url: flags.baseUrl,
    credentials: readCredentialFlags(flags),
    audience: flags.audience,
    start_date: flags.startDate,
    destination: { files },
  };
  return parseConnection(nameAdHocConnection(tenant, resolve(cwd, files)), settings, streams, cwd);
}

const credentialFlags = {
  clientId: '--client-id',
  clientSecret: '--client-secret',
  privateKey: '--private-key',
  accessToken: '--access-token',
  audience: '--audience',
} as const;

/** Another tenant or folder under the same name would mix two copies. */
const adHocFlags = { domain: '--domain', baseUrl: '--base-url', files: '--files' } as const;

function readCredentialFlags({
  clientId,
  clientSecret,
  privateKey,
  accessToken,
}: ConnectionFlags): Record<string, string> {
  const given = {
    client_id: clientId,
    client_secret: clientSecret,
    private_key: privateKey,
    access_token: accessToken,
  };
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Flags come before the file: another way to sign in replaces the file's, paths are relative to here. */
function applyCredentialFlags(flags: ConnectionFlags, connection: Connection, cwd: string): Connection {
  const spelt = findGivenFlag(flags, adHocFlags);
  if (spelt !== undefined) {
    throw new ConfigError(
      `${spelt} cannot be combined with the connection ${connection.name}`,
      spelt,
      'Omit the name to specify a tenant with options, or edit the project file.',
    );
  }
  const { source } = connection;
  const given = readCredentialFlags(flags);
  const { client_secret, private_key, access_token } = given;
  // The client may stay the same, its proof does not.
  const { client_id } = source.credentials;
  const kept =
    access_token !== undefined
      ? {}
      : (client_secret ?? private_key) === undefined
        ? source.credentials
        : { ...(client_id !== undefined && { client_id }) };
  return {
    ...connection,
    source: {
      ...source,
      ...(flags.audience !== undefined && { audience: flags.audience }),
      ...(flags.startDate !== undefined && { start_date: flags.startDate }),
      credentials: {
        ...kept,
        ...Object.fromEntries(Object.entries(given).map(([key, value]) => [key, toAbsoluteReference(value, cwd)])),
      },
    },
  };
}

/** A reference whose path holds wherever the project's file is. */
function toAbsoluteReference(value: string, cwd: string): string {
  const reference = parseReference(value);
  return reference?.kind === 'file' ? `file:${resolve(cwd, reference.target)}` : value;
}

/** @throws ConfigError when flags say how to sign in, which workers elsewhere would never learn */
export function rejectCredentialFlags(flags: ConnectionFlags): void {
  const given = findGivenFlag(flags, credentialFlags);
  if (given === undefined) return;
  throw new ConfigError(
    `${given} has no effect: the workers of the Temporal server use the credentials in their own project file`,
    given,
    'Omit it, and edit the project file of the workers.',
  );
}

function findGivenFlag(
  flags: ConnectionFlags,
  names: Partial<Record<keyof ConnectionFlags, string>>,
): string | undefined {
  return Object.entries(names).find(([key]) => flags[key as keyof ConnectionFlags] !== undefined)?.[1];
}

function selectStreams(connection: Connection, requested: string[]): Connection {
  const unknown = requested.find((name) => !connection.streams.some((each) => each.name === name));
  if (unknown === undefined) {
    return { ...connection, streams: connection.streams.filter(({ name }) => requested.includes(name)) };
  }
  const names = connection.streams.map((each) => each.name).join(', ');
  throw new ConfigError(
    `--stream: ${connection.name} has no stream ${JSON.stringify(unknown)}`,
    '--stream',
    `Available streams: ${names}.`,
  );
}
