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
  accessToken?: string;
  audience?: string;
  startDate?: string;
  /** Folder to copy into. */
  files?: string;
  /** Streams to copy; all of the connection's when absent. */
  stream?: string[];
}

/** Name of a connection that flags spell out. */
const spelledOut = 'command-line';

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
        'rollcall sync --domain acme.eu.auth0.com --client-id … --client-secret env:AUTH0_CLIENT_SECRET --files ./data',
    );
  }
  const settings = {
    domain: flags.domain,
    base_url: flags.baseUrl,
    credentials: { client_id: flags.clientId, client_secret: flags.clientSecret, access_token: flags.accessToken },
    audience: flags.audience,
    start_date: flags.startDate,
    destination: { files: flags.files ?? './data' },
  };
  return parseConnection(spelledOut, settings, streams, '.');
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
