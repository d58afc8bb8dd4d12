import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { ConfigError } from '../config/errors';
import { connectionOf, loadProject, parseConnection, type Connection } from '../config/project';
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
function nameOf({ domain, baseUrl, files }: ConnectionFlags): string {
  const place = JSON.stringify([domain ?? baseUrl, resolve(files ?? './data')]);
  return `command-line-${createHash('sha256').update(place).digest('hex').slice(0, 8)}`;
}

/** The connection of that name in the project's file, or the one that the flags spell out. */
export async function findConnection(name: string | undefined, flags: ConnectionFlags): Promise<Connection> {
  const connection =
    name === undefined ? spellOut(flags) : connectionOf(await loadProject(flags.config, streams), name);
  return flags.stream ? narrow(connection, flags.stream) : connection;
}

function spellOut(flags: ConnectionFlags): Connection {
  if (flags.domain === undefined && flags.baseUrl === undefined) {
    throw new ConfigError(
      'no connection is named',
      'arguments',
      'Name one of rollcall.yaml, or spell one out: ' +
        '--domain acme.eu.auth0.com --client-id … --client-secret env:AUTH0_CLIENT_SECRET --files ./data',
    );
  }
  const settings = {
    domain: flags.domain,
    base_url: flags.baseUrl,
    credentials: {
      client_id: flags.clientId,
      client_secret: flags.clientSecret,
      private_key: flags.privateKey,
      access_token: flags.accessToken,
    },
    audience: flags.audience,
    start_date: flags.startDate,
    destination: { files: flags.files ?? './data' },
  };
  return parseConnection(nameOf(flags), settings, streams, '.');
}

function narrow(connection: Connection, wanted: string[]): Connection {
  const unknown = wanted.find((name) => !connection.streams.some((each) => each.name === name));
  if (unknown === undefined) {
    return { ...connection, streams: connection.streams.filter(({ name }) => wanted.includes(name)) };
  }
  const names = connection.streams.map((each) => each.name).join(', ');
  throw new ConfigError(
    `--stream: ${connection.name} has no stream ${JSON.stringify(unknown)}`,
    '--stream',
    `It has: ${names}.`,
  );
}
