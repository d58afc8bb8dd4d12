import { RollcallError } from '../../errors';
import { isObject } from '../../json';
import { DestinationUnavailable } from '../sink';
import { quoteIdentifier } from './sql';

/** The database rejects something that Rollcall needs. A person must change it. */
export class DestinationRefused extends RollcallError {
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

/** What is wrong and what to do. Another attempt may solve the problem, unless it is `permanent`. */
type Problem = readonly [what: string, nextStep: string, permanent?: 'permanent'];

const networkAdvice = 'Check that the server is running and that host and port in the URL are correct.';
const serverAdvice = "See the server's log, and run the sync again when the server has recovered.";
const noResponse: Problem = ['it does not respond', networkAdvice];
const connectionLost: Problem = ['the connection was lost', serverAdvice];
const unverified: Problem = [
  "the server's certificate cannot be verified",
  'Set sslrootcert in the URL to the certificate authority, or sslmode=require to skip verification.',
  'permanent',
];

/** By codes of the system, of TLS and of Postgres: SQLSTATE (Appendix A of its manual), or its first two characters. */
const problemsByCode: Readonly<Record<string, Problem>> = {
  ENOTFOUND: ['the host name cannot be resolved', 'Check the host in the URL.'],
  EAI_AGAIN: ['the host name lookup failed temporarily', 'Check DNS on this machine.'],
  ECONNREFUSED: ['the connection was refused', networkAdvice],
  ECONNRESET: connectionLost,
  EPIPE: connectionLost,
  ETIMEDOUT: noResponse,
  EHOSTUNREACH: ['there is no route to the host', networkAdvice],
  ENETUNREACH: ['there is no route to the host', networkAdvice],
  ENOENT: [
    'a file in the URL does not exist',
    'Correct sslrootcert, sslcert, sslkey or the socket in the URL.',
    'permanent',
  ],
  EACCES: ['a file in the URL cannot be read: permission denied', 'Grant this user read permission.', 'permanent'],
  CERT_HAS_EXPIRED: ["the server's certificate has expired", 'Renew it.', 'permanent'],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "the server's certificate does not match the host",
    "Use the certificate's host name in the URL, or set sslmode=verify-ca.",
    'permanent',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: unverified,
  SELF_SIGNED_CERT_IN_CHAIN: unverified,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unverified,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unverified,
  '08': connectionLost,
  '25006': ['the server is read-only (a standby?)', 'Use the primary server in the URL.'],
  '25': ['the server closed the idle session', serverAdvice],
  '28P01': ['the password is wrong', 'Correct the password in the URL.', 'permanent'],
  '28': ['the server rejects this role', 'Create the role, or allow it in pg_hba.conf.', 'permanent'],
  '2BP01': ['other objects depend on an internal Rollcall table', 'Drop these objects.', 'permanent'],
  '3D000': ['the database does not exist', 'Create it, or correct the URL.', 'permanent'],
  '40': ['the transaction conflicted with another session', serverAdvice],
  '53100': ["the server's disk is full", 'Free disk space on the server.'],
  '53300': ['the server has too many connections', 'Increase max_connections, or close unused sessions.'],
  '53': ['the server lacks resources', serverAdvice],
  '55P03': ['another session locks its tables', 'Close that session; pg_stat_activity lists it.'],
  '55': ['its tables are in use', serverAdvice],
  '57014': ['a statement timed out or was cancelled', serverAdvice],
  '57': ['the server closed the session, or is starting or shutting down', serverAdvice],
  '58': ['the server reported a system error', serverAdvice],
  XX: ['the server reported an internal error', serverAdvice],
};

/** Errors of the pg client, which have no code. */
const problemsByMessage: readonly [RegExp, Problem][] = [
  [/^timeout exceeded|connection timeout|^timeout expired|^Query read timeout/, noResponse],
  [/^Connection terminated|connection error|^Client was closed/, connectionLost],
  [
    /does not support SSL/,
    ['the server does not support TLS', 'Enable TLS on the server, or set sslmode=prefer in the URL.', 'permanent'],
  ],
  [
    /establishing an SSL/,
    ['the TLS handshake failed', 'Check that the host and port belong to a Postgres server.', 'permanent'],
  ],
  [/client password must be/, ['the server requires a password', 'Add the password to the URL.', 'permanent']],
  [
    /sslmode=verify-ca/,
    ['sslmode=verify-ca requires a certificate authority', 'Set sslrootcert in the URL.', 'permanent'],
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
    const [what, nextStep, permanent] = problem;
    const ErrorClass = permanent ? DestinationRefused : DestinationUnavailable;
    return new ErrorClass(target.label, what, nextStep);
  }
  return isServerError ? new Error(`Postgres rejected a statement with ${code}`) : undefined;
}

/** Explains why a statement of Rollcall's is refused. Names objects of the database, and quotes no values. */
function explainStatementError(
  error: object,
  message: string,
  { role, database, schema }: PostgresTarget,
): Problem | undefined {
  const { code, constraint, column, table } = error as Record<string, string | undefined>;
  const to = `TO ${quoteIdentifier(role)};`;
  if (code === '42501') {
    const grants = `GRANT CREATE, TEMPORARY ON DATABASE ${quoteIdentifier(database)} ${to} GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} ${to}`;
    const nextStep = message.startsWith('must be owner')
      ? `Change the owner: ALTER TABLE … OWNER ${to}`
      : `Run: ${grants} The role must own the tables.`;
    return [message, nextStep, 'permanent'];
  }
  if (code?.startsWith('23') && table !== undefined) {
    const name = constraint ?? (column === undefined ? 'it has' : `on ${column}`);
    return [`a constraint of table ${table} (${name}) rejects rows`, 'Drop the constraint.', 'permanent'];
  }
  return undefined;
}
