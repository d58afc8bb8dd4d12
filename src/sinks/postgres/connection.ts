import { Client, Pool, type PoolClient, type PoolConfig } from 'pg';
import { DestinationRefused, explainPostgresError, type PostgresTarget } from './explain-error';

/** Runs the statements of one transaction. */
export type Transaction = Pick<PoolClient, 'query'>;

/** A database and a pool of connections to it. */
export interface Database {
  target: PostgresTarget;
  /**
   * Runs work in one transaction, and rolls back when it fails.
   * Errors: DestinationUnavailable, DestinationRefused, and those of the work.
   */
  runTransaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** One for each stream, and one to read the state. */
const maxConnections = 6;
const connectTimeoutMs = 10_000;
const statementTimeoutMs = 15 * 60_000;

/**
 * Settings are local to the transaction, because a pooler may share sessions. The server ends a session that is idle in a
 * transaction (its process is stopped), because its lock blocks the next attempt.
 */
const beginTransactionSql = `
  BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
  SET LOCAL statement_timeout = '${statementTimeoutMs}ms';
  SET LOCAL lock_timeout = '60s';
  SET LOCAL idle_in_transaction_session_timeout = '20s';
  SET LOCAL work_mem = '32MB'`;

/**
 * @param url `postgres://role:password@host:port/database?sslmode=…`; sslmode, sslrootcert, sslcert and sslkey mean what they
 *   mean in libpq
 * @param schema for error messages
 * @throws DestinationRefused when the URL is invalid
 */
export function openDatabase(url: string, schema: string): Database {
  let { config, mayFallBack } = buildPoolConfig(url);
  const target = readTarget(config, schema);
  let pool = openPool(config);

  async function connect(): Promise<PoolClient> {
    try {
      return await pool.connect();
    } catch (error) {
      if (!mayFallBack || !(error as Error).message.includes('does not support SSL')) throw error;
      mayFallBack = false;
      const withTls = pool;
      config = { ...config, connectionString: setSslMode(url, 'disable') };
      pool = openPool(config);
      await withTls.end();
      return await pool.connect();
    }
  }

  return {
    target,
    async runTransaction(work) {
      try {
        const client = await connect();
        try {
          await client.query(beginTransactionSql);
          const result = await work(client);
          await client.query('COMMIT');
          client.release();
          return result;
        } catch (error) {
          // The server rolls back when the connection closes.
          client.release(true);
          throw error;
        }
      } catch (error) {
        throw explainPostgresError(error, target) ?? error;
      }
    },
    close: () => pool.end(),
  };
}

function ignoreError(): void {}

function openPool(config: PoolConfig): Pool {
  const pool = new Pool(config);
  // Without a listener, a connection that breaks between two statements would end the process. The next statement fails.
  pool.on('connect', (client) => client.on('error', ignoreError));
  // The pool replaces an idle connection that breaks.
  return pool.on('error', ignoreError);
}

/** As in libpq, `prefer` and `allow` fall back to no TLS when the server has none. `prefer` is the default. */
function buildPoolConfig(url: string): { config: PoolConfig; mayFallBack: boolean } {
  const mode = readSslMode(url);
  const config = {
    connectionString: setSslMode(url, mode === 'allow' ? 'prefer' : mode),
    application_name: 'rollcall',
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    // For a server that never answers although the connection is open.
    query_timeout: statementTimeoutMs + 60_000,
    keepAlive: true,
    allowExitOnIdle: true,
  };
  return { config, mayFallBack: mode === 'allow' || mode === 'prefer' };
}

function readSslMode(url: string): string {
  try {
    const { searchParams } = new URL(url);
    if (searchParams.get('sslrootcert') === 'system') return 'verify-full';
    return searchParams.get('sslmode') ?? 'prefer';
  } catch {
    throw new DestinationRefused('of Postgres', 'the URL cannot be parsed', urlAdvice);
  }
}

const urlAdvice = 'Use postgres://role:password@host:5432/database, with special characters percent-encoded (%XX).';

function setSslMode(url: string, mode: string): string {
  const changed = new URL(url);
  if (changed.searchParams.get('sslrootcert') === 'system') changed.searchParams.delete('sslrootcert');
  changed.searchParams.set('sslmode', mode);
  changed.searchParams.set('uselibpqcompat', 'true');
  return changed.href;
}

function readTarget({ connectionString = '' }: PoolConfig, schema: string): PostgresTarget {
  try {
    const { host, port, database = '', user = '' } = new Client({ connectionString });
    return { label: `${host}:${port}/${database}, schema ${schema},`, role: user, database, schema };
  } catch (error) {
    const unknown = { label: 'of Postgres', role: '', database: '', schema };
    throw (
      explainPostgresError(error, unknown) ?? new DestinationRefused(unknown.label, 'the URL is invalid', urlAdvice)
    );
  }
}
