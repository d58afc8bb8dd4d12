import { RollcallError } from '../../errors';
import { isObject } from '../../json';
import { DestinationUnavailable } from '../destination';
import { quoteIdentifier } from './sql';

/** The database rejects something that Rollcall needs. A person must change it. */
export class DestinationRefused extends RollcallError {
  override readonly name = 'DestinationRefused';
  readonly failureType = 'config_error';
  constructor(destination: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the destination ${destination} cannot be used: ${what}.`, nextStep, options);
  }
}

/** How messages name a destination. Contains no secret. */
export interface PostgresTarget {
  /** `host:port/database, schema acme,`: the name in messages. */
  label: string;
  role: string;
  database: string;
  schema: string;
}

interface PostgresProblem {
  /** Whether another attempt may succeed. */
  transient: boolean;
  what: string;
  nextStep: string;
}

const describeTransient = (what: string, nextStep: string): PostgresProblem => ({ transient: true, what, nextStep });
const describePermanent = (what: string, nextStep: string): PostgresProblem => ({ transient: false, what, nextStep });

const networkAdvice = 'Check that the server is running and that host and port in the URL are correct.';
const serverAdvice = "See the server's log, and run the sync again when the server has recovered.";
const certificateAdvice =
  'Set sslrootcert in the URL to the certificate authority, or sslmode=require to skip verification.';

/** By codes of the system, of TLS and of Postgres: SQLSTATE (Appendix A of its manual), or its first two characters. */
const problemsByCode: Readonly<Record<string, PostgresProblem>> = {
  ENOTFOUND: describeTransient('the host name cannot be resolved', 'Check the host in the URL.'),
  EAI_AGAIN: describeTransient('the host name lookup failed temporarily', 'Check DNS on this machine.'),
  ECONNREFUSED: describeTransient('the connection was refused', networkAdvice),
  ECONNRESET: describeTransient('the connection was lost', serverAdvice),
  EPIPE: describeTransient('the connection was lost', serverAdvice),
  ETIMEDOUT: describeTransient('it does not respond', networkAdvice),
  EHOSTUNREACH: describeTransient('there is no route to the host', networkAdvice),
  ENETUNREACH: describeTransient('there is no route to the host', networkAdvice),
  ENOENT: describePermanent(
    'a file in the URL does not exist',
    'Correct sslrootcert, sslcert, sslkey or the socket in the URL.',
  ),
  EACCES: describePermanent('a file in the URL cannot be read: permission denied', 'Grant this user read permission.'),
  CERT_HAS_EXPIRED: describePermanent("the server's certificate has expired", 'Renew it.'),
  ERR_TLS_CERT_ALTNAME_INVALID: describePermanent(
    "the server's certificate does not match the host",
    "Use the certificate's host name in the URL, or set sslmode=verify-ca.",
  ),
  DEPTH_ZERO_SELF_SIGNED_CERT: describePermanent("the server's certificate cannot be verified", certificateAdvice),
  SELF_SIGNED_CERT_IN_CHAIN: describePermanent("the server's certificate cannot be verified", certificateAdvice),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: describePermanent("the server's certificate cannot be verified", certificateAdvice),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: describePermanent(
    "the server's certificate cannot be verified",
    certificateAdvice,
  ),
  '08': describeTransient('the connection was lost', serverAdvice),
  '25006': describeTransient('the server is read-only (a standby?)', 'Use the primary server in the URL.'),
  '25': describeTransient('the server closed the idle session', serverAdvice),
  '28P01': describePermanent('the password is wrong', 'Correct the password in the URL.'),
  '28': describePermanent('the server rejects this role', 'Create the role, or allow it in pg_hba.conf.'),
  '3D000': describePermanent('the database does not exist', 'Create it, or correct the URL.'),
  '40': describeTransient('the transaction conflicted with another session', serverAdvice),
  '53100': describeTransient("the server's disk is full", 'Free disk space on the server.'),
  '53300': describeTransient(
    'the server has too many connections',
    'Increase max_connections, or close unused sessions.',
  ),
  '53': describeTransient('the server lacks resources', serverAdvice),
  '55P03': describeTransient(
    'another session holds a lock on its tables',
    'Close that session; pg_stat_activity lists it.',
  ),
  '55': describeTransient('its tables are in use', serverAdvice),
  '57014': describeTransient('a statement timed out or was cancelled', serverAdvice),
  '57': describeTransient('the server closed the session, or is starting or shutting down', serverAdvice),
  '58': describeTransient('the server reported a system error', serverAdvice),
  XX: describeTransient('the server reported an internal error', serverAdvice),
};

/** Errors of the pg client, which have no code. */
const problemsByMessage: readonly [RegExp, PostgresProblem][] = [
  [
    /^timeout exceeded|connection timeout|^timeout expired|^Query read timeout/,
    describeTransient('it does not respond', networkAdvice),
  ],
  [
    /^Connection terminated|connection error|^Client was closed/,
    describeTransient('the connection was lost', serverAdvice),
  ],
  [
    /does not support SSL/,
    describePermanent('the server does not support TLS', 'Enable TLS on the server, or set sslmode=prefer in the URL.'),
  ],
  [
    /establishing an SSL/,
    describePermanent('the TLS handshake failed', 'Check that the host and port belong to a Postgres server.'),
  ],
  [/client password must be/, describePermanent('the server requires a password', 'Add the password to the URL.')],
  [
    /sslmode=verify-ca/,
    describePermanent('sslmode=verify-ca requires a certificate authority', 'Set sslrootcert in the URL.'),
  ],
];

/**
 * Converts an error of pg or Postgres to DestinationUnavailable or DestinationRefused. Any other error of the server loses
 * its details, which may quote a row. Returns undefined for errors of anything else.
 */
export function explainPostgresError(error: unknown, target: PostgresTarget): Error | undefined {
  if (!isObject(error)) return undefined;
  const { code = '', message = '', severity } = error as { code?: unknown; message?: unknown; severity?: unknown };
  if (typeof message !== 'string' || typeof code !== 'string') return undefined;
  const isServerError = typeof severity === 'string';
  const problem = isServerError
    ? (explainStatementError(error, message, target) ?? problemsByCode[code] ?? problemsByCode[code.slice(0, 2)])
    : (problemsByCode[code] ?? problemsByMessage.find(([pattern]) => pattern.test(message))?.[1]);
  if (problem) {
    const ErrorClass = problem.transient ? DestinationUnavailable : DestinationRefused;
    return new ErrorClass(target.label, problem.what, problem.nextStep);
  }
  return isServerError ? new Error(`Postgres rejected a statement with ${code}`) : undefined;
}

/** Explains why a statement of Rollcall's is refused. Names objects of the database, and quotes no values. */
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
        ? `Change the owner: ALTER TABLE … OWNER ${to}`
        : `Run: GRANT CREATE, TEMPORARY ON DATABASE ${quoteIdentifier(database)} ${to} GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} ${to} The role must own the tables.`,
    );
  }
  if (code?.startsWith('23') && table !== undefined) {
    const name = constraint ?? (column === undefined ? 'it has' : `on ${column}`);
    return describePermanent(`a constraint of table ${table} (${name}) rejects rows`, 'Drop the constraint.');
  }
  if (code === '2BP01')
    return describePermanent('other objects depend on an internal Rollcall table', 'Drop these objects.');
  return undefined;
}
