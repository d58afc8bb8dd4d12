import { isObject } from '../../json';
import { DestinationUnavailable } from '../destination';
import { quoteIdentifier } from './sql';

/** The database is there, and does not let Rollcall do what it has to: somebody must change something. */
export class DestinationRefused extends Error {
  override readonly name = 'DestinationRefused';
  constructor(place: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the destination ${place} cannot be used: ${what}. ${nextStep}`, options);
  }
}

/** What messages say of a destination; nothing of it is secret. */
export interface PostgresTarget {
  /** `host:port/database, schema acme,`: as the messages name it. */
  label: string;
  role: string;
  database: string;
  schema: string;
}

interface PostgresProblem {
  /** Whether it may pass by itself. */
  transient: boolean;
  what: string;
  nextStep: string;
}

const describeTransient = (what: string, nextStep: string): PostgresProblem => ({ transient: true, what, nextStep });
const describePermanent = (what: string, nextStep: string): PostgresProblem => ({ transient: false, what, nextStep });

const networkAdvice = 'See that the server runs, and that its host and port in the URL are right.';
const serverAdvice = 'Run the sync again when the server is well; its own log tells more.';
const certificateAdvice =
  'Give its certificate authority as sslrootcert in the URL, or, if it need not be verified, sslmode=require.';

/** By the codes of the system, of TLS and of Postgres (SQLSTATE, Appendix A of its manual), or the class of the latter. */
const problemsByCode: Readonly<Record<string, PostgresProblem>> = {
  ENOTFOUND: describeTransient('no host has that name', 'See that the host in the URL is right.'),
  EAI_AGAIN: describeTransient('the name of its host cannot be looked up now', 'See that name resolution works here.'),
  ECONNREFUSED: describeTransient('nothing answers there', networkAdvice),
  ECONNRESET: describeTransient('the connection was broken', serverAdvice),
  EPIPE: describeTransient('the connection was broken', serverAdvice),
  ETIMEDOUT: describeTransient('it does not answer', networkAdvice),
  EHOSTUNREACH: describeTransient('there is no way to it from here', networkAdvice),
  ENETUNREACH: describeTransient('there is no way to it from here', networkAdvice),
  ENOENT: describePermanent(
    'a file that its URL names is not there',
    'Correct sslrootcert, sslcert, sslkey or the socket in the URL.',
  ),
  EACCES: describePermanent(
    'this user may not read a file that its URL names',
    'Grant this user the right to read it.',
  ),
  CERT_HAS_EXPIRED: describePermanent("the server's certificate has expired", 'Renew it.'),
  ERR_TLS_CERT_ALTNAME_INVALID: describePermanent(
    "the server's certificate is for another host",
    'Use the name that it is for in the URL, or sslmode=verify-ca.',
  ),
  DEPTH_ZERO_SELF_SIGNED_CERT: describePermanent("the server's certificate cannot be verified", certificateAdvice),
  SELF_SIGNED_CERT_IN_CHAIN: describePermanent("the server's certificate cannot be verified", certificateAdvice),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: describePermanent("the server's certificate cannot be verified", certificateAdvice),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: describePermanent(
    "the server's certificate cannot be verified",
    certificateAdvice,
  ),
  '08': describeTransient('the connection was broken', serverAdvice),
  '25006': describeTransient(
    'it takes no changes now (a standby, or read-only)',
    'Name the primary server in the URL.',
  ),
  '25': describeTransient('the session was ended for being idle', serverAdvice),
  '28P01': describePermanent('the password is not accepted', 'Correct it in the URL.'),
  '28': describePermanent('the server does not let this role in', 'Create the role, or allow it in pg_hba.conf.'),
  '3D000': describePermanent('there is no such database', 'Create it, or correct the URL.'),
  '40': describeTransient('another session was in the way', serverAdvice),
  '53100': describeTransient("the server's disk is full", 'Free space there.'),
  '53300': describeTransient(
    'the server has no connection left',
    'Raise max_connections, or end sessions that are not needed.',
  ),
  '53': describeTransient('the server lacks resources', serverAdvice),
  '55P03': describeTransient(
    'another session holds a lock on its tables',
    'End that session: pg_stat_activity shows it.',
  ),
  '55': describeTransient('its tables are in use', serverAdvice),
  '57014': describeTransient('a statement took too long, or was cancelled', serverAdvice),
  '57': describeTransient('the server ended the session, or is starting or stopping', serverAdvice),
  '58': describeTransient('the server has trouble with its system', serverAdvice),
  XX: describeTransient('the server has met an error in itself', serverAdvice),
};

/** What pg says without a code. */
const problemsByMessage: readonly [RegExp, PostgresProblem][] = [
  [
    /^timeout exceeded|connection timeout|^timeout expired|^Query read timeout/,
    describeTransient('it does not answer', networkAdvice),
  ],
  [
    /^Connection terminated|connection error|^Client was closed/,
    describeTransient('the connection was broken', serverAdvice),
  ],
  [
    /does not support SSL/,
    describePermanent('the server speaks no TLS', 'Enable it there, or set sslmode=prefer in the URL.'),
  ],
  [/establishing an SSL/, describePermanent('TLS could not be agreed on', 'See that what answers there is Postgres.')],
  [/client password must be/, describePermanent('it asks for a password', 'Give one in the URL.')],
  [
    /sslmode=verify-ca/,
    describePermanent('sslmode=verify-ca needs a certificate authority', 'Give sslrootcert in the URL.'),
  ],
];

/**
 * An error of pg or Postgres as DestinationUnavailable or DestinationRefused; one of which neither can be said becomes one
 * without its details, which may quote a row. Undefined for errors of others.
 */
export function explainPostgresError(error: unknown, target: PostgresTarget): Error | undefined {
  if (!isObject(error)) return undefined;
  const { code = '', message = '', severity } = error as { code?: unknown; message?: unknown; severity?: unknown };
  if (typeof message !== 'string' || typeof code !== 'string') return undefined;
  const ofServer = typeof severity === 'string';
  const trouble = ofServer
    ? (explainStatementError(error, message, target) ?? problemsByCode[code] ?? problemsByCode[code.slice(0, 2)])
    : (problemsByCode[code] ?? problemsByMessage.find(([pattern]) => pattern.test(message))?.[1]);
  if (trouble) {
    const Outcome = trouble.transient ? DestinationUnavailable : DestinationRefused;
    return new Outcome(target.label, trouble.what, trouble.nextStep);
  }
  return ofServer ? new Error(`Postgres refuses a statement with ${code}`) : undefined;
}

/** What stands against Rollcall's statements, by names of objects alone. */
function explainStatementError(
  error: object,
  message: string,
  { role, database, schema }: PostgresTarget,
): PostgresProblem | undefined {
  const { code, constraint, column, table } = error as Record<string, string | undefined>;
  const to = `TO ${quoteIdentifier(role)};`;
  if (code === '42501') {
    return describePermanent(
      message,
      message.startsWith('must be owner')
        ? `Let the role own it: ALTER TABLE … OWNER ${to}`
        : `Run: GRANT CREATE, TEMPORARY ON DATABASE ${quoteIdentifier(database)} ${to} GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} ${to} The tables there have to belong to the role.`,
    );
  }
  if (code?.startsWith('23') && table !== undefined) {
    const name = constraint ?? (column === undefined ? 'it has' : `on ${column}`);
    return describePermanent(
      `the table ${table} has a constraint that refuses rows, ${name}`,
      'Remove it from the table.',
    );
  }
  if (code === '2BP01')
    return describePermanent('a table that Rollcall made for itself is used by others', 'Drop what uses it.');
  return undefined;
}
