import { isObject } from '../../airbyte/shape';
import { DestinationUnavailable } from '../destination';
import { DestinationRefused } from './errors';
import { quoted } from './identifier';

/** What messages say of a destination; nothing of it is secret. */
export interface Place {
  /** `host:port/database, schema acme,`: as the messages name it. */
  name: string;
  role: string;
  database: string;
  schema: string;
}

interface Trouble {
  /** Whether it may pass by itself. */
  passes: boolean;
  what: string;
  nextStep: string;
}

const passing = (what: string, nextStep: string): Trouble => ({ passes: true, what, nextStep });
const lasting = (what: string, nextStep: string): Trouble => ({ passes: false, what, nextStep });

const seeNetwork = 'See that the server runs, and that its host and port in the URL are right.';
const seeServer = 'Run the sync again when the server is well; its own log tells more.';
const seeCertificate =
  'Give its certificate authority as sslrootcert in the URL, or, if it need not be verified, sslmode=require.';

/** By the codes of the system, of TLS and of Postgres (SQLSTATE, Appendix A of its manual), or the class of the latter. */
const troubles: Readonly<Record<string, Trouble>> = {
  ENOTFOUND: passing('no host has that name', 'See that the host in the URL is right.'),
  EAI_AGAIN: passing('the name of its host cannot be looked up now', 'See that name resolution works here.'),
  ECONNREFUSED: passing('nothing answers there', seeNetwork),
  ECONNRESET: passing('the connection was broken', seeServer),
  EPIPE: passing('the connection was broken', seeServer),
  ETIMEDOUT: passing('it does not answer', seeNetwork),
  EHOSTUNREACH: passing('there is no way to it from here', seeNetwork),
  ENETUNREACH: passing('there is no way to it from here', seeNetwork),
  ENOENT: lasting(
    'a file that its URL names is not there',
    'Correct sslrootcert, sslcert, sslkey or the socket in the URL.',
  ),
  EACCES: lasting('this user may not read a file that its URL names', 'Grant this user the right to read it.'),
  CERT_HAS_EXPIRED: lasting("the server's certificate has expired", 'Renew it.'),
  ERR_TLS_CERT_ALTNAME_INVALID: lasting(
    "the server's certificate is for another host",
    'Use the name that it is for in the URL, or sslmode=verify-ca.',
  ),
  DEPTH_ZERO_SELF_SIGNED_CERT: lasting("the server's certificate cannot be verified", seeCertificate),
  SELF_SIGNED_CERT_IN_CHAIN: lasting("the server's certificate cannot be verified", seeCertificate),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: lasting("the server's certificate cannot be verified", seeCertificate),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: lasting("the server's certificate cannot be verified", seeCertificate),
  '08': passing('the connection was broken', seeServer),
  '25006': passing('it takes no changes now (a standby, or read-only)', 'Name the primary server in the URL.'),
  '25': passing('the session was ended for being idle', seeServer),
  '28P01': lasting('the password is not accepted', 'Correct it in the URL.'),
  '28': lasting('the server does not let this role in', 'Create the role, or allow it in pg_hba.conf.'),
  '3D000': lasting('there is no such database', 'Create it, or correct the URL.'),
  '40': passing('another session was in the way', seeServer),
  '53100': passing("the server's disk is full", 'Free space there.'),
  '53300': passing('the server has no connection left', 'Raise max_connections, or end sessions that are not needed.'),
  '53': passing('the server lacks resources', seeServer),
  '55P03': passing('another session holds a lock on its tables', 'End that session: pg_stat_activity shows it.'),
  '55': passing('its tables are in use', seeServer),
  '57014': passing('a statement took too long, or was cancelled', seeServer),
  '57': passing('the server ended the session, or is starting or stopping', seeServer),
  '58': passing('the server has trouble with its system', seeServer),
  XX: passing('the server has met an error in itself', seeServer),
};

/** What pg says without a code. */
const byMessage: readonly [RegExp, Trouble][] = [
  [
    /^timeout exceeded|connection timeout|^timeout expired|^Query read timeout/,
    passing('it does not answer', seeNetwork),
  ],
  [/^Connection terminated|connection error|^Client was closed/, passing('the connection was broken', seeServer)],
  [/does not support SSL/, lasting('the server speaks no TLS', 'Enable it there, or set sslmode=prefer in the URL.')],
  [/establishing an SSL/, lasting('TLS could not be agreed on', 'See that what answers there is Postgres.')],
  [/client password must be/, lasting('it asks for a password', 'Give one in the URL.')],
  [/sslmode=verify-ca/, lasting('sslmode=verify-ca needs a certificate authority', 'Give sslrootcert in the URL.')],
];

/**
 * An error of pg or Postgres as DestinationUnavailable or DestinationRefused; one of which neither can be said becomes one
 * without its details, which may quote a row. Undefined for errors of others.
 */
export function explainPostgresError(error: unknown, place: Place): Error | undefined {
  if (!isObject(error)) return undefined;
  const { code = '', message = '', severity } = error as { code?: unknown; message?: unknown; severity?: unknown };
  if (typeof message !== 'string' || typeof code !== 'string') return undefined;
  const ofServer = typeof severity === 'string';
  const trouble = ofServer
    ? (refusal(error, message, place) ?? troubles[code] ?? troubles[code.slice(0, 2)])
    : (troubles[code] ?? byMessage.find(([pattern]) => pattern.test(message))?.[1]);
  if (trouble) {
    const Outcome = trouble.passes ? DestinationUnavailable : DestinationRefused;
    return new Outcome(place.name, trouble.what, trouble.nextStep);
  }
  return ofServer ? new Error(`Postgres refuses a statement with ${code}`) : undefined;
}

/** What stands against Rollcall's statements, by names of objects alone. */
function refusal(error: object, message: string, { role, database, schema }: Place): Trouble | undefined {
  const { code, constraint, column, table } = error as Record<string, string | undefined>;
  const to = `TO ${quoted(role)};`;
  if (code === '42501') {
    return lasting(
      message,
      message.startsWith('must be owner')
        ? `Let the role own it: ALTER TABLE … OWNER ${to}`
        : `Run: GRANT CREATE, TEMPORARY ON DATABASE ${quoted(database)} ${to} GRANT USAGE, CREATE ON SCHEMA ${quoted(schema)} ${to} The tables there have to belong to the role.`,
    );
  }
  if (code?.startsWith('23') && table !== undefined) {
    const name = constraint ?? (column === undefined ? 'it has' : `on ${column}`);
    return lasting(`the table ${table} has a constraint that refuses rows, ${name}`, 'Remove it from the table.');
  }
  if (code === '2BP01') return lasting('a table that Rollcall made for itself is used by others', 'Drop what uses it.');
  return undefined;
}
