import { openDatabase } from './connection';
import { DestinationRefused, type PostgresTarget } from './explain-error';
import { checkEncoding } from './ledger-table';
import { quoteIdentifier } from './sql';

interface SchemaRights {
  version: string;
  encoding: string;
  temporary: boolean;
  create_schema: boolean;
  /** Null: the schema does not exist. */
  use: boolean | null;
  create: boolean | null;
  /** Tables of the destination that another role owns. */
  foreign: string[] | null;
}

/**
 * Checks whether the role can write to the schema, without changing anything. Returns a sentence for the user.
 * @param streams names of the streams that will be written
 * @throws DestinationUnavailable, DestinationRefused
 */
export async function checkDatabase(url: string, schema: string, streams: readonly string[]): Promise<string> {
  const { target, runTransaction, close } = openDatabase(url, schema);
  try {
    const parameters = [quoteIdentifier(schema), schema, streams];
    const { rows } = await runTransaction((tx) => tx.query<SchemaRights>(rightsQuery, parameters));
    const [rights] = rows as [SchemaRights];
    checkRights(rights, target);
    const outcome = rights.use === null ? 'can be created' : 'can be written';
    return `Postgres ${rights.version} at ${target.label.replace(/,$/, '')} ${outcome}.`;
  } finally {
    await close();
  }
}

function checkRights(rights: SchemaRights, target: PostgresTarget): void {
  const { encoding, temporary, create_schema, use, create, foreign } = rights;
  const to = `TO ${quoteIdentifier(target.role)};`;
  const onDatabase = `ON DATABASE ${quoteIdentifier(target.database)} ${to}`;
  const refuse = (what: string, nextStep: string): never => {
    throw new DestinationRefused(target.label, what, nextStep);
  };
  checkEncoding(encoding, target);
  if (!temporary) refuse('the role cannot create temporary tables', `Run: GRANT TEMPORARY ${onDatabase}`);
  if (use === null && !create_schema) refuse('the role cannot create the schema', `Run: GRANT CREATE ${onDatabase}`);
  if (use === false || create === false) {
    const grant = `GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(target.schema)} ${to}`;
    refuse('the role cannot write to the schema', `Run: ${grant}`);
  }
  if (foreign) {
    const advice = `Change the owner: ALTER TABLE … OWNER ${to}`;
    refuse(`another role owns the tables ${foreign.join(', ')}`, advice);
  }
}

const rightsQuery = `
  SELECT current_setting('server_version') AS version,
    current_setting('server_encoding') AS encoding,
    has_database_privilege(current_database(), 'TEMPORARY') AS temporary,
    has_database_privilege(current_database(), 'CREATE') AS create_schema,
    has_schema_privilege(to_regnamespace($1)::oid, 'USAGE') AS use,
    has_schema_privilege(to_regnamespace($1)::oid, 'CREATE') AS create,
    (SELECT array_agg(c.relname::text ORDER BY c.relname)
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $2 AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')
       AND (c.relname = ANY ($3::text[]) OR starts_with(c.relname::text, '_rollcall_'))) AS foreign`;
